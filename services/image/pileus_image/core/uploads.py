"""Data on its way into an image: a blob under a lease, so that a dead uploader leaves no stuck image and no bytes."""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from pileus_image.core import images
from pileus_image.db.models import Blob, Image
from pileus_image.errors import UploadLost
from pileus_kit.db import new_id, now

LEASE = 60.0
"""Seconds without a sign of life after which an upload counts as dead."""


@dataclass(frozen=True)
class Facts:
    """What is known of data that was received whole."""

    size: int
    virtual_size: int
    md5: str
    sha512: str
    sha256: str


def begin(session: Session, image: Image, event: str | None, store: str, takeover: bool = False) -> Blob:
    """Open a blob for the image and move it by `event`. An older upload is doomed if it is dead, or if `takeover`.

    Without `event` the image is importing already and what an earlier attempt of the same job wrote is doomed.
    """
    images.require_formats(image)
    old = session.get(Blob, image.blob) if image.blob else None
    if event is None:
        if old is not None:
            old.state = "doomed"
    else:
        if old is not None and old.state == "writing" and (takeover or old.lease_until < time.time()):
            _drop(session, old)
        images.move(session, image.id, event)
    blob = Blob(id=new_id(), store=store, image_id=image.id, owner=image.owner, lease_until=time.time() + LEASE)
    session.add(blob)
    session.execute(
        update(Image).where(Image.id == image.id).values(blob=blob.id).execution_options(synchronize_session=False)
    )
    return blob


def renew(session: Session, blob_id: str) -> None:
    """A sign of life. Raises UploadLost if image or lease are gone."""
    hit = session.execute(
        update(Blob).where(Blob.id == blob_id, Blob.state == "writing").values(lease_until=time.time() + LEASE)
    )
    if not hit.rowcount:  # type: ignore[attr-defined]
        raise UploadLost(image=blob_id)


def keep(session: Session, blob: Blob, facts: Facts, state: str) -> None:
    """The blob is whole: staged or kept. Raises UploadLost if it isn't wanted any more."""
    hit = session.execute(
        update(Blob)
        .where(Blob.id == blob.id, Blob.state.in_(("writing", "staged", state)))
        .values(state=state, facts=asdict(facts))
        .execution_options(synchronize_session=False)
    )
    if not hit.rowcount:  # type: ignore[attr-defined]
        raise UploadLost(image=blob.image_id)


def publish(session: Session, blob: Blob, facts: Facts) -> None:
    """The image has its data: active from now on."""
    keep(session, blob, facts, "kept")
    images.move(session, blob.image_id, "publish")
    session.execute(
        update(Image)
        .where(Image.id == blob.image_id)
        .values(
            size=facts.size,
            virtual_size=facts.virtual_size,
            checksum=facts.md5,
            os_hash_algo="sha512",
            os_hash_value=facts.sha512,
            sha256=facts.sha256,
            updated_at=now(),
        )
        .execution_options(synchronize_session=False)
    )


def give_up(session: Session, blob_id: str) -> None:
    """The upload ends without an image: the blob is doomed, and the image, if still there, waits for data again."""
    blob = session.get(Blob, blob_id)
    if blob is not None:
        _drop(session, blob, tuple(images.MOVES["give_up"]))


def _drop(session: Session, blob: Blob, statuses: tuple[str, ...] = ("saving", "uploading")) -> None:
    """Doom the blob; its image waits for data again. An importing one doesn't: its job decides."""
    blob.state = "doomed"
    session.execute(
        update(Image)
        .where(Image.id == blob.image_id, Image.blob == blob.id, Image.status.in_(statuses))
        .values(status="queued", blob=None, updated_at=now())
        .execution_options(synchronize_session=False)
    )
    session.flush()


def any_abandoned(session: Session, at: float) -> bool:
    """Whether there is anything to sweep; a look that writes nothing."""
    stmt = select(Blob.id).where(or_(Blob.state == "doomed", (Blob.state == "writing") & (Blob.lease_until < at)))
    return session.scalar(stmt.limit(1)) is not None


def abandoned(session: Session, at: float, limit: int = 100) -> Sequence[Blob]:
    """Doom the blobs whose writers died; return all that are doomed."""
    dead = session.scalars(select(Blob).where(Blob.state == "writing", Blob.lease_until < at).limit(limit)).all()
    for blob in dead:
        _drop(session, blob)
    return session.scalars(select(Blob).where(Blob.state == "doomed").limit(limit)).all()


def forget(session: Session, blob_ids: Sequence[str]) -> None:
    """The stores have nothing of these any more."""
    session.execute(delete(Blob).where(Blob.id.in_(blob_ids), Blob.state == "doomed"))
