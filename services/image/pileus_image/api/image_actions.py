"""Actions of images: /v2/images/{image_id}/actions."""

from flask import Response

from pileus_image.api import images
from pileus_image.core import images as core
from pileus_kit.json_types import Answer
from pileus_kit.web import Resource

resource = Resource("image_actions", __name__, url_prefix="/v2/images/<image_id>/actions")


@resource.endpoint("POST", "/deactivate", policy="deactivate", target=images.target)
def deactivate(image_id: str) -> Answer:
    """Forbid the download of the image's data for now."""
    with images.writing(image_id) as (session, image):
        core.switch(session, image, "deactivate")
    return Response(status=204)


@resource.endpoint("POST", "/reactivate", policy="reactivate", target=images.target)
def reactivate(image_id: str) -> Answer:
    """Allow the download of the image's data again."""
    with images.writing(image_id) as (session, image):
        core.switch(session, image, "reactivate")
    return Response(status=204)
