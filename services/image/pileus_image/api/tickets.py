"""Image data for hosts. A service creates a ticket, with which its host reads or writes without a token."""

from flask import Response, request

from pileus_image.api import image_data, images
from pileus_image.api.tools import tools
from pileus_image.core import attributes
from pileus_image.core import images as core
from pileus_image.core.tickets import Action
from pileus_image.db.models import Image
from pileus_image.errors import WrongState
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource

resource = Resource("tickets", __name__, url_prefix="/v2")
MAX_TICKET_S = 86_400
DEFAULT_TICKET_S = 3600
CREATE: JsonObject = {
    "type": "object",
    "additionalProperties": False,
    "required": ["image_id", "action"],
    "properties": {
        "image_id": {"type": "string", "pattern": attributes.UUID},
        "action": {"enum": ["read", "write"]},
        "seconds": {"type": "integer", "minimum": 1, "maximum": MAX_TICKET_S},
    },
}


@resource.endpoint("POST", "/tickets", policy="pileus:create_ticket", body={(0, 0): CREATE})
def create(body: JsonObject) -> Answer:
    """Issue a ticket to read an active image, or to write one without data, and say at which URL."""
    statuses = ("active",) if body["action"] == "read" else ("queued", "saving")
    with tools().sessions.read() as session:
        image = core.get(session, body["image_id"])
        view = images.show_image(session, image)
    if image.status not in statuses:
        raise WrongState(why=f"Image {image.id} is {image.status}; to {body['action']} it, it must be {statuses[0]}")
    ticket = tools().tickets.issue(image.id, body["action"], body.get("seconds", DEFAULT_TICKET_S))
    return {
        "ticket": ticket,
        "url": f"{tools().config.data_url or request.url_root.rstrip('/')}/v2/data/{image.id}",
        "image_id": image.id,
        "format": image.disk_format,
        "size": image.size,
        "virtual_size": image.virtual_size,
        "sha256": image.sha256,
        "image": view,
    }, 201


@resource.endpoint("GET", "/data/<image_id>", public="the ticket authorizes the request", counted=False)
def read(image_id: str) -> Response:
    """Send the image's data with X-Image-Format and X-Image-Sha256."""
    image = _image(image_id, "read")
    if image.status != "active":
        raise WrongState(why=f"Image {image.id} is {image.status}")
    response = image_data.send(image)
    response.headers["X-Image-Format"] = str(image.disk_format)
    response.headers["X-Image-Sha256"] = str(image.sha256)
    return response


@resource.endpoint("PUT", "/data/<image_id>", public="the ticket authorizes the request", raw=True, counted=False)
def write(image_id: str) -> Response:
    """Give an image its data; a later try of the host ends its earlier one."""
    return image_data.receive(_image(image_id, "write").id, takeover=True)


def _image(image_id: str, action: Action) -> Image:
    tools().tickets.check(request.headers.get("X-Image-Ticket", ""), image_id, action)
    with tools().sessions.read() as session:
        return core.get(session, image_id)
