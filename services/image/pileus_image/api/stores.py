"""The data of an image in one of its stores: /v2/stores/{store_id}/{image_id}."""

from collections.abc import Mapping

from flask import Response

from pileus_image.api import images
from pileus_image.api.tools import tools
from pileus_image.core import image_copies, orphaned_blobs
from pileus_image.errors import NoSuchResource, WrongState
from pileus_kit.json_types import Answer
from pileus_kit.web import Resource

resource = Resource("stores", __name__, url_prefix="/v2/stores")


def target(store_id: str, image_id: str) -> Mapping[str, str | None]:
    """Return what policy checks of the image. Raises NoSuchResource, WrongState, ImageNotFound."""
    if not tools().has_several_stores:
        raise NoSuchResource(what="An image's data in one of several stores")
    if store_id not in tools().stores:
        raise WrongState(why=f"The selected store {store_id[:64]} is not available on this node.")
    return images.target(image_id)


@resource.endpoint("DELETE", "/<store_id>/<image_id>", policy="delete_image_location", target=target)
def delete(store_id: str, image_id: str) -> Answer:
    """Delete an image's data from one of its stores, but not from the last one."""
    with images.writing(image_id) as (session, image):
        image_copies.remove(session, image, store_id)
    orphaned_blobs.delete_orphans(tools(), quickly=True)
    return Response(status=204)
