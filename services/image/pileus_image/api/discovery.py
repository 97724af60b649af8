"""What this cloud offers: /v2/info/import, /v2/info/stores and /v2/info/usage."""

from pileus_image.api.tools import tools
from pileus_image.core import imports, quotas
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, caller

resource = Resource("discovery", __name__, url_prefix="/v2/info")


@resource.endpoint("GET", "/import", policy="pileus:get_schemas")
def import_methods() -> Answer:
    """List the import methods."""
    return {
        "import-methods": {
            "description": "Import methods available.",
            "type": "array",
            "value": list(imports.methods(tools().has_several_stores)),
        }
    }


@resource.endpoint("GET", "/stores", policy="pileus:get_schemas")
def stores() -> Answer:
    """List the stores."""
    return {"stores": [_store(name) for name in tools().stores]}


@resource.endpoint("GET", "/stores/detail", policy="stores_info_detail")
def stores_detail() -> Answer:
    """List the stores with their configuration."""
    return {
        "stores": [
            _store(store.name) | {"type": store.kind, "weight": 0, "properties": store.properties()}
            for store in tools().stores.values()
        ]
    }


def _store(name: str) -> JsonObject:
    view: JsonObject = {"id": name, "description": f"The {name} store"}
    return view | {"default": "true"} if name == tools().default_store else view


@resource.endpoint("GET", "/usage", policy="get_images")
def usage() -> Answer:
    """Show the limits of the caller's project, and what it has."""
    with tools().sessions.read() as session:
        return {"usage": quotas.usage(session, caller().project_id, tools().limits)}
