"""The data of images: /v2/images/{image_id}/file and /stage."""

import logging
from collections.abc import Sequence
from typing import BinaryIO

from flask import Response, g, request

from pileus_image.api import data_streams, images
from pileus_image.api.tools import tools
from pileus_image.core import blobs, uploads
from pileus_image.db.models import Blob, Image
from pileus_image.drivers.base import BlobMissing, StoreAway
from pileus_image.errors import Deactivated, Invalid, NoSuchResource
from pileus_kit.json_types import Answer
from pileus_kit.numbers import parse_whole_number
from pileus_kit.web import Resource, caller

log = logging.getLogger(__name__)

resource = Resource("image_data", __name__, url_prefix="/v2/images")


@resource.endpoint("PUT", "/<image_id>/file", policy="upload_image", target=images.target, raw=True)
def upload(image_id: str) -> Answer:
    """Give a queued image its data."""
    return receive(g.image.id)


@resource.endpoint("PUT", "/<image_id>/stage", policy="upload_image", target=images.target, raw=True)
def stage(image_id: str) -> Answer:
    """Keep data for an import that follows."""
    return receive(g.image.id, stage=True)


def receive(image_id: str, *, stage: bool = False, takeover: bool = False) -> Response:
    """Receive the request's body as the image's data."""
    store = request.headers.get("X-Image-Meta-Store")
    if store and store not in tools().stores:
        raise Invalid(why=f"Store {store[:64]} is unknown")
    read, length = data_streams.request_body()
    given = request.headers.get("X-OpenStack-Image-Size", "")
    announced = parse_whole_number(given) if given else length
    if given and announced is None:
        raise Invalid(why="X-OpenStack-Image-Size must be a number of bytes")
    uploads.upload(tools(), image_id, read, announced, store=store or "", stage=stage, takeover=takeover)
    return Response(status=204)


@resource.endpoint("GET", "/<image_id>/file", policy="download_image", target=images.target)
def download(image_id: str) -> Answer:
    """Send the image's data; the answer is 204 while it has none."""
    if g.image.status == "deactivated" and not caller().is_admin:
        raise Deactivated()
    return send(g.image)


def send(image: Image) -> Response:
    """Send the image's data, or the range of it that the request asks for."""
    if image.status not in ("active", "deactivated"):
        return Response(status=204)
    with tools().sessions.read() as session:
        kept = blobs.list_kept(session, image)
    if not kept:
        raise NoSuchResource(what=f"The data of image {image.id}")
    return data_streams.send_blob(_open_first(image, kept), image)


def _open_first(image: Image, kept: Sequence[Blob]) -> BinaryIO:
    """Open the first of the blobs, which are the same data, that can be read. Raises DataMissing, StoreAway."""
    away: StoreAway | None = None
    for blob in kept:
        try:
            if blob.store in tools().stores:
                return tools().stores[blob.store].open(blob.id)
        except BlobMissing:
            log.warning("the data of image %s isn't in store %s any more", image.id, blob.store)
        except StoreAway as err:
            away = err
    raise away or data_streams.DataMissing(image=image.id)
