"""The data of an active image is copied to further stores; the image can be used all the time."""

from sqlalchemy.orm import Session

from pileus_image.core import blobs, image_copies, imports, quotas
from pileus_image.core.imports import COPY_FLOW, ImportData
from pileus_image.core.tools import Tools
from pileus_image.db.models import Image
from pileus_image.errors import UploadLost
from pileus_kit.context import Work
from pileus_kit.flow import Flow, Local, Remote


def copy(tools: Tools, work: Work) -> None:
    """Copy the data to each of the stores."""
    image_copies.copy(tools, work.subject, work.data_as(ImportData).destinations)


def publish(session: Session, tools: Tools, work: Work) -> None:
    """Make the copies the image's."""
    image = session.get(Image, work.subject, with_for_update=True)
    if image is None:
        raise UploadLost(image=work.subject)
    image_copies.publish_copies(session, image, work.data_as(ImportData).destinations)
    quotas.check_size(session, image.owner, 0, tools.limits)


def fail(session: Session, tools: Tools, work: Work) -> None:
    """Have the copies deleted, and show the stores that they were meant for."""
    image = session.get(Image, work.subject)
    if image is not None:
        blobs.orphan_copies(session, image)
        stores = work.data_as(ImportData).destinations.stores
        imports.show_stores(session, image.id, importing="", failed=",".join(stores))


FLOW = Flow(COPY_FLOW, Remote(copy), Local(publish), failed=fail)
