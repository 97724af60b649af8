"""Interoperable image import: data that was staged, or that a URL gives, becomes the image's."""

from sqlalchemy.orm import Session

from pileus_image.core import imports, uploads
from pileus_image.core.uploads import Facts
from pileus_image.db.models import Blob, Image
from pileus_image.errors import UploadLost
from pileus_image.flows import intake
from pileus_image.flows.tools import Tools
from pileus_kit.context import Work
from pileus_kit.flow import Flow, Local, Remote


def fetch(tools: Tools, work: Work) -> None:
    """Fill a blob from the URL. Staged data is there already. A repetition begins a blob of its own."""
    if work.data["method"]["name"] != "web-download":
        return
    with tools.sessions.begin() as session:
        image = session.get(Image, work.subject)
        if image is None:
            raise UploadLost(image=work.subject)
        blob = uploads.begin(session, image, None, tools.config.store)
    with tools.fetcher.open(work.data["method"]["uri"]) as body:
        facts = intake.receive(tools, blob, image, body.read, body.length)
    with tools.sessions.begin() as session:
        uploads.keep(session, blob, facts, "staged")


def publish(session: Session, tools: Tools, work: Work) -> None:
    """The image is active from now on."""
    image = session.get(Image, work.subject)
    blob = session.get(Blob, image.blob) if image and image.blob else None
    if image is None or blob is None:
        raise UploadLost(image=work.subject)
    uploads.publish(session, blob, Facts(**blob.facts))
    imports.note(session, image.id, importing="", failed="")


def failed(session: Session, tools: Tools, work: Work) -> None:
    """The image waits for data again and says which store it didn't reach."""
    image = session.get(Image, work.subject)
    if image is not None:
        imports.fail(session, image, tools.config.store)


FLOW = Flow("image.import", Remote(fetch), Local(publish), failed=failed)
