"""Where an image's data lies."""

from sqlalchemy.orm import Session

from pileus_image.db.models import Blob, Image


def of(session: Session, image: Image) -> Blob | None:
    blob = session.get(Blob, image.blob) if image.blob else None
    return blob if blob is not None and blob.state == "kept" else None
