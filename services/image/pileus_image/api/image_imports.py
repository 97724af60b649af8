"""Interoperable import: /v2/images/{image_id}/import, and an image's import tasks."""

from flask import Response, g

from pileus_image.api import images, views
from pileus_image.api.tools import tools
from pileus_image.core import imports as core
from pileus_image.core.imports import ImportMethod
from pileus_image.errors import Invalid, WrongState
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, caller

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


@resource.endpoint("POST", "/import", policy="upload_image", target=images.target, body={(0, 0): REQUEST})
def create(image_id: str, body: JsonObject) -> Answer:
    """Start an import, which a worker carries out."""
    method = _method(body)
    with images.writing(image_id) as (session, image):
        job = core.start(session, caller(), image, method, tools().config.store)
    tools().ring(job.id)
    return Response(status=202)


def _method(body: JsonObject) -> ImportMethod:
    """Return the import that is asked for. Raises Invalid, DownloadFailed, WrongState."""
    method = body["method"]
    if method["name"] not in core.METHODS:
        raise Invalid(why=f"Unknown import method name '{method['name'][:64]}'.")
    if (method["name"] == "web-download") != ("uri" in method):
        raise Invalid(why="Method web-download needs a 'uri', and no other takes one.")
    if "uri" in method:
        tools().downloader.check(method["uri"])
    if body.get("all_stores") and "stores" in body:
        raise Invalid(why="all_stores parameter can't be used with stores parameter")
    for store in body.get("stores", ()):
        if store != tools().config.store:
            raise WrongState(why=f"Store {store[:64]} is unknown")
    return ImportMethod(method["name"], method.get("uri"))


@resource.endpoint("GET", "/tasks", policy="get_image", target=images.target)
def index(image_id: str) -> Answer:
    """List the imports of an image, the newest first."""
    with tools().sessions.read() as session:
        return {"tasks": [views.task(job) for job in core.list_tasks(session, image_id=g.image.id)]}
