"""Tags of images: /v2/images/{image_id}/tags."""

from flask import Response

from pileus_image.api import images
from pileus_image.core import images as core
from pileus_image.core.attributes import MAX_TAG_LENGTH
from pileus_image.errors import Invalid
from pileus_kit.json_types import Answer
from pileus_kit.web import Resource

resource = Resource("image_tags", __name__, url_prefix="/v2/images/<image_id>/tags")


@resource.endpoint("PUT", "/<tag>", policy="modify_image", target=images.target)
def update(image_id: str, tag: str) -> Answer:
    """Add a tag."""
    if len(tag) > MAX_TAG_LENGTH:
        raise Invalid(why=f"A tag may have at most {MAX_TAG_LENGTH} characters.")
    with images.writing(image_id) as (session, image):
        core.add_tag(session, image, tag)
    return Response(status=204)


@resource.endpoint("DELETE", "/<tag>", policy="modify_image", target=images.target)
def delete(image_id: str, tag: str) -> Answer:
    """Remove a tag."""
    with images.writing(image_id) as (session, image):
        core.remove_tag(session, image, tag)
    return Response(status=204)
