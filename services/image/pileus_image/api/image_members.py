"""Members of images: /v2/images/{image_id}/members."""

from flask import Response, g

from pileus_image.api import images, views
from pileus_image.api.tools import tools
from pileus_image.core import image_members as core
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, caller

resource = Resource("image_members", __name__, url_prefix="/v2/images/<image_id>/members")
# Other keys are ignored, as clients count on: openstacksdk sends `member` together with each status.
CREATE: JsonObject = {
    "type": "object",
    "required": ["member"],
    "properties": {"member": {"type": "string", "minLength": 1, "maxLength": 255}},
}
UPDATE: JsonObject = {
    "type": "object",
    "required": ["status"],
    "properties": {"status": {"enum": list(core.STATUSES)}},
}


@resource.endpoint("POST", "", policy="add_member", target=images.target, body={(0, 0): CREATE})
def create(image_id: str, body: JsonObject) -> Answer:
    """Share the image with a project, which may accept it."""
    with images.writing(image_id) as (session, image):
        return views.member(core.create(session, image, body["member"]))


@resource.endpoint("GET", "", policy="get_members", target=images.target)
def index(image_id: str) -> Answer:
    """List all members to the owner, and to a member their own project."""
    with tools().sessions.read() as session:
        rows = core.list_members(session, caller(), g.image)
    return {"members": [views.member(row) for row in rows], "schema": "/v2/schemas/members"}


@resource.endpoint("GET", "/<member_id>", policy="get_member", target=images.target)
def show(image_id: str, member_id: str) -> Answer:
    """Show a member."""
    with tools().sessions.read() as session:
        return views.member(core.find(session, caller(), g.image, member_id))


@resource.endpoint("PUT", "/<member_id>", policy="modify_member", target=images.target, body={(0, 0): UPDATE})
def update(image_id: str, member_id: str, body: JsonObject) -> Answer:
    """Accept or reject the image, as its member."""
    with images.writing(image_id) as (session, image):
        return views.member(core.update(session, caller(), image, member_id, body["status"]))


@resource.endpoint("DELETE", "/<member_id>", policy="delete_member", target=images.target)
def delete(image_id: str, member_id: str) -> Answer:
    """Stop sharing the image with a project."""
    with images.writing(image_id) as (session, image):
        core.delete(session, caller(), image, member_id)
    return Response(status=204)
