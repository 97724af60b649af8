"""Blobs for other control machines of the cloud: they read this machine's, or have it copy theirs.

HAProxy lets these requests in at the port for control machines only; the ticket proves that the caller has our key.
"""

from flask import Response, request
from werkzeug.wsgi import wrap_file

from pileus_image.api.data_streams import BLOCK_BYTES, OCTETS, FileSection
from pileus_image.api.tools import tools
from pileus_image.core import blob_copies
from pileus_image.drivers.base import BlobMissing
from pileus_image.errors import NoSuchResource
from pileus_kit.json_types import Answer
from pileus_kit.web import Resource

resource = Resource("blob_copies", __name__, url_prefix="/v2/blobs")


@resource.endpoint("GET", "/<blob_id>", public="the ticket authorizes the request", counted=False)
def read(blob_id: str) -> Response:
    """Send a blob of this machine."""
    _check(blob_id)
    try:
        file = blob_copies.store_of(tools(), blob_id).here.open(blob_id)
    except BlobMissing:
        raise NoSuchResource(what=f"Blob {blob_id}") from None
    size = file.seek(0, 2)
    file.seek(0)
    content = wrap_file(request.environ, FileSection(file, size), BLOCK_BYTES)  # type: ignore[arg-type]
    response = Response(content, mimetype=OCTETS, direct_passthrough=True)
    response.headers["Content-Length"] = str(size)
    return response


@resource.endpoint("POST", "/<blob_id>/copies", public="the ticket authorizes the request", counted=False)
def copy(blob_id: str) -> Answer:
    """Copy a blob from the machine that has it, and answer when it is durable here."""
    _check(blob_id)
    try:
        blob_copies.store_of(tools(), blob_id).bring(blob_id)
    except BlobMissing:
        raise NoSuchResource(what=f"Blob {blob_id}") from None
    return Response(status=204)


def _check(blob_id: str) -> None:
    tools().tickets.check(request.headers.get("X-Image-Ticket", ""), blob_id, "copy")
