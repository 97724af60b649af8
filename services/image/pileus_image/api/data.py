"""Image data: upload, stage, download."""

from typing import Any

from flask import Response, g, request

from pileus_image.api import images, streams
from pileus_image.core import blobs
from pileus_image.db.models import Image
from pileus_image.errors import Deactivated, Invalid, NoSuch
from pileus_image.flows import intake
from pileus_kit.numbers import parse_whole_number
from pileus_kit.web import Resource, caller, tools

resource = Resource("data", __name__, url_prefix="/v2/images")


@resource.endpoint("PUT", "/<image_id>/file", policy="upload_image", target=images.target, raw=True)
def upload(image_id: str) -> Any:
    """Give a queued image its data."""
    return take(g.image.id)


@resource.endpoint("PUT", "/<image_id>/stage", policy="upload_image", target=images.target, raw=True)
def stage(image_id: str) -> Any:
    """Put data aside for a following import."""
    return take(g.image.id, stage=True)


def take(image_id: str, **how: bool) -> Response:
    """Receive the request's body as the image's data."""
    store = request.headers.get("X-Image-Meta-Store")
    if store and store not in tools().stores:
        raise Invalid(why=f"Store {store[:64]} is unknown")
    read, length = streams.body()
    given = request.headers.get("X-OpenStack-Image-Size", "")
    announced = parse_whole_number(given) if given else length
    if given and announced is None:
        raise Invalid(why="X-OpenStack-Image-Size must be a number of bytes")
    intake.take_in(tools(), image_id, read, announced, **how)
    return Response(status=204)


@resource.endpoint("GET", "/<image_id>/file", policy="download_image", target=images.target)
def download(image_id: str) -> Any:
    """The image's data; nothing (204) while it has none."""
    if g.image.status == "deactivated" and not caller().is_admin:
        raise Deactivated()
    return give(g.image)


def give(image: Image) -> Response:
    if image.status not in ("active", "deactivated"):
        return Response(status=204)
    with tools().sessions.read() as session:
        blob = blobs.of(session, image)
    if blob is None:
        raise NoSuch(what=f"The data of image {image.id}")
    return streams.send(tools().stores[blob.store], blob.id, image)
