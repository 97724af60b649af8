"""Image sharing: /v2/images/{id}/members."""

from typing import Any

from flask import Response, g

from pileus_image.api import images, views
from pileus_image.core import members as core
from pileus_image.errors import NotAllowed
from pileus_kit.web import Resource, caller, tools

resource = Resource("members", __name__, url_prefix="/v2/images/<image_id>/members")
# What else a body says is passed over, as clients count on: openstacksdk sends `member` with each status.
CREATE = {
    "type": "object",
    "required": ["member"],
    "properties": {"member": {"type": "string", "minLength": 1, "maxLength": 255}},
}
UPDATE = {"type": "object", "required": ["status"], "properties": {"status": {"enum": list(core.STATUSES)}}}


@resource.endpoint("POST", "", policy="add_member", target=images.target, body={(0, 0): CREATE})
def create(image_id: str, body: dict[str, Any]) -> Any:
    """Share the image with a project, which may accept it."""
    with images.writing(image_id) as (session, image):
        return views.member(core.add(session, image, body["member"]))


@resource.endpoint("GET", "", policy="get_members", target=images.target)
def listed(image_id: str) -> Any:
    """All members for the owner, themselves for a member."""
    with tools().sessions.read() as session:
        rows = core.listed(session, caller(), g.image)
    return {"members": [views.member(row) for row in rows], "schema": "/v2/schemas/members"}


@resource.endpoint("GET", "/<member_id>", policy="get_member", target=images.target)
def show(image_id: str, member_id: str) -> Any:
    with tools().sessions.read() as session:
        return views.member(core.get(session, caller(), g.image, member_id))


@resource.endpoint("PUT", "/<member_id>", policy="modify_member", target=images.target, body={(0, 0): UPDATE})
def update(image_id: str, member_id: str, body: dict[str, Any]) -> Any:
    """A member accepts or rejects the image."""
    with images.writing(image_id) as (session, image):
        if member_id != caller().project_id and not caller().is_admin:
            raise NotAllowed(why="A member decides for themselves only.")
        return views.member(core.decide(core.get(session, caller(), image, member_id), body["status"]))


@resource.endpoint("DELETE", "/<member_id>", policy="delete_member", target=images.target)
def delete(image_id: str, member_id: str) -> Any:
    with images.writing(image_id) as (session, image):
        session.delete(core.get(session, caller(), image, member_id))
    return Response(status=204)
