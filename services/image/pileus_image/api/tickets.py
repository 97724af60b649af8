"""Image data for hosts: a service asks for a ticket, its host reads or writes with it and needs no token."""

from typing import Any

from flask import Response, request

from pileus_image.api import data, views
from pileus_image.core import attributes
from pileus_image.core import images as core
from pileus_image.db.models import Image
from pileus_image.errors import WrongState
from pileus_kit.web import Resource, tools

resource = Resource("tickets", __name__, url_prefix="/v2")
LONGEST_S = 86_400
CREATE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["image_id", "action"],
    "properties": {
        "image_id": {"type": "string", "pattern": attributes.UUID},
        "action": {"enum": ["read", "write"]},
        "seconds": {"type": "integer", "minimum": 1, "maximum": LONGEST_S},
    },
}


@resource.endpoint("POST", "/tickets", policy="pileus:create_ticket", body={(0, 0): CREATE})
def create(body: dict[str, Any]) -> Any:
    """The right to read an active image, or to write one that has no data yet, and where."""
    wanted = ("active",) if body["action"] == "read" else ("queued", "saving")
    with tools().sessions.read() as session:
        image = core.get(session, body["image_id"])
        view = views.image(image, tools().config.store)
    if image.status not in wanted:
        raise WrongState(why=f"Image {image.id} is {image.status}; to {body['action']} it, it must be {wanted[0]}")
    ticket = tools().tickets.issue(image.id, body["action"], body.get("seconds", 3600))
    return {
        "ticket": ticket,
        "url": f"{request.host_url}v2/data/{image.id}",
        "image_id": image.id,
        "format": image.disk_format,
        "size": image.size,
        "virtual_size": image.virtual_size,
        "sha256": image.sha256,
        "image": view,
    }, 201


@resource.endpoint("GET", "/data/<image_id>", public="the ticket is the proof", counted=False)
def read(image_id: str) -> Response:
    """The image's data with X-Image-Format and X-Image-Sha256."""
    image = _image(image_id, "read")
    if image.status != "active":
        raise WrongState(why=f"Image {image.id} is {image.status}")
    response = data.give(image)
    response.headers["X-Image-Format"] = str(image.disk_format)
    response.headers["X-Image-Sha256"] = str(image.sha256)
    return response


@resource.endpoint("PUT", "/data/<image_id>", public="the ticket is the proof", raw=True, counted=False)
def write(image_id: str) -> Response:
    """Give an image its data; a host's later try ends its earlier one."""
    return data.take(_image(image_id, "write").id, takeover=True)


def _image(image_id: str, action: Any) -> Image:
    tools().tickets.check(request.headers.get("X-Image-Ticket", ""), image_id, action)
    with tools().sessions.read() as session:
        return core.get(session, image_id)
