"""Interoperable image import: data that was staged, or that a URL has, becomes the image's, in one store or several."""

from sqlalchemy.orm import Session

from pileus_image.core import blobs, image_conversion, image_copies, imports, quotas, uploads
from pileus_image.core.imports import ImportData
from pileus_image.core.tools import Tools
from pileus_image.db.models import Blob, Image
from pileus_image.errors import UploadLost
from pileus_kit.context import Work
from pileus_kit.flow import Flow, Local, Remote


def download(tools: Tools, work: Work) -> None:
    """Download the URL into a blob; staged data is in one already. A repetition begins with a blob of its own."""
    data = work.data_as(ImportData)
    if data.method.uri is None:
        return
    with tools.sessions.begin() as session:
        image = session.get(Image, work.subject)
        if image is None:
            raise UploadLost(image=work.subject)
        blob = blobs.create_for_import(session, image, tools.default_store)
    with tools.downloader.open(data.method.uri) as body:
        facts = uploads.receive(tools, blob, image, body.read, body.length)
    with tools.sessions.begin() as session:
        blobs.complete(session, blob, facts, "staged")


def convert(tools: Tools, work: Work) -> None:
    """Convert the data to the format that the operator wants, if the import was accepted with that in mind."""
    if work.data_as(ImportData).disk_format is not None:
        image_conversion.convert(tools, work.subject, work.attempt)


def forget_conversion(tools: Tools, work: Work) -> None:
    """Delete what a conversion has left."""
    image_conversion.forget(tools, work.subject)


def copy(tools: Tools, work: Work) -> None:
    """Copy the data from the store that it was staged in to those that are to have it."""
    image_copies.copy(tools, work.subject, work.data_as(ImportData).destinations)


def publish(session: Session, tools: Tools, work: Work) -> None:
    """Make the image active."""
    image = session.get(Image, work.subject, with_for_update=True)
    blob = session.get(Blob, image.blob) if image and image.blob else None
    if image is None or blob is None:
        raise UploadLost(image=work.subject)
    destinations = work.data_as(ImportData).destinations
    image_copies.publish_import(session, image, destinations)
    quotas.check_size(session, image.owner, 0, tools.limits)


def fail(session: Session, tools: Tools, work: Work) -> None:
    """Queue the image again and show the stores that the import failed for."""
    image = session.get(Image, work.subject)
    if image is not None:
        data = work.data_as(ImportData)
        imports.fail(session, image, data.destinations, data.disk_format)


FLOW = Flow(
    "image.import", Remote(download), Remote(convert, undo=forget_conversion), Remote(copy), Local(publish), failed=fail
)
