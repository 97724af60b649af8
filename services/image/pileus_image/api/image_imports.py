"""Interoperable import: /v2/images/{image_id}/import, and an image's import tasks."""

from flask import Response, g, request

from pileus_image.api import images, views
from pileus_image.api.tools import tools
from pileus_image.core import image_copies
from pileus_image.core import images as images_core
from pileus_image.core import imports as core
from pileus_image.core.imports import Destinations, ImportMethod
from pileus_image.errors import Invalid, WrongState
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, caller, enforce

resource = Resource("image_imports", __name__, url_prefix="/v2/images/<image_id>")
TEXT = {"type": "string", "maxLength": 2048}
REQUEST: JsonObject = {
    "type": "object",
    "required": ["method"],
    "additionalProperties": False,
    "properties": {
        "method": {
            "type": "object",
            "required": ["name"],
            "additionalProperties": False,
            "properties": {"name": TEXT, "uri": TEXT},
        },
        "stores": {"type": "array", "items": TEXT, "minItems": 1, "maxItems": 64},
        "all_stores": {"type": "boolean"},
        "all_stores_must_succeed": {"type": "boolean"},
    },
}


@resource.endpoint("POST", "/import", policy="get_image", target=images.target, body={(0, 0): REQUEST})
def create(image_id: str, body: JsonObject) -> Answer:
    """Start an import, which a worker carries out.

    Policy has to allow `upload_image`, or `copy_image` where an active image is to be copied to further stores.
    """
    copying = body["method"].get("name") == core.COPY_METHOD
    with tools().sessions.read() as session:
        enforce("copy_image" if copying else "upload_image", images_core.policy_target(session, caller(), g.image))
    method = _method(body)
    stores = _stores(body)
    must = bool(body.get("all_stores_must_succeed", True))
    with images.writing(image_id) as (session, image):
        if copying:
            stores = image_copies.choose(session, image, stores, bool(body.get("all_stores")))
            if not stores:
                return Response(status=202)
            job = core.start_copy(session, caller(), image, Destinations(tuple(stores), must))
        else:
            to = Destinations(tuple(stores), must)
            job = core.start(session, caller(), image, method, to, output_format=tools().config.output_format)
    tools().ring(job.id)
    return Response(status=202)


def _method(body: JsonObject) -> ImportMethod:
    """Return the import that is asked for. Raises Invalid, DownloadFailed, WrongState."""
    method = body["method"]
    if method["name"] not in core.methods(tools().has_several_stores):
        raise Invalid(why=f"Unknown import method name '{method['name'][:64]}'.")
    if (method["name"] == "web-download") != ("uri" in method):
        raise Invalid(why="Method web-download needs a 'uri', and no other takes one.")
    if "uri" in method:
        tools().downloader.check(method["uri"])
    return ImportMethod(method["name"], method.get("uri"))


def _stores(body: JsonObject) -> list[str]:
    """Return the stores that the data is to go to: the body names them, or a header. Raises Invalid, WrongState."""
    if body.get("all_stores"):
        if "stores" in body:
            raise Invalid(why="all_stores parameter can't be used with stores parameter")
        return list(tools().stores)
    header = request.headers.get("X-Image-Meta-Store")
    stores = list(dict.fromkeys(body.get("stores") or ([header] if header else [tools().default_store])))
    for store in stores:
        if store not in tools().stores:
            raise WrongState(why=f"Store {store[:64]} is unknown")
    return stores


@resource.endpoint("GET", "/tasks", policy="get_image", target=images.target)
def index(image_id: str) -> Answer:
    """List the imports of an image, the newest first."""
    with tools().sessions.read() as session:
        return {"tasks": [views.task(job) for job in core.list_tasks(session, image_id=g.image.id)]}
