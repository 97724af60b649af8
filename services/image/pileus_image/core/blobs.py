"""The rows of blobs: what lies in a store, or is on its way there, and for which image.

A blob that is being written has a lease. An upload that died stops renewing it, and is cleaned up after that
(`orphaned_blobs`), so that no image waits for ever and no bytes are left over.
"""

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session

from pileus_image.core import images
from pileus_image.db.models import Blob, Image
from pileus_image.errors import UploadLost
from pileus_kit.db import new_id, now

LEASE_S = 60.0
"""Seconds after its last renewal at which an upload counts as dead."""


@dataclass(frozen=True)
class DataFacts:
    """Sizes in bytes and hashes (hexadecimal) of image data that was received whole."""

    size: int
    virtual_size: int
    md5: str
    sha512: str
    sha256: str


def find_kept(session: Session, image: Image) -> Blob | None:
    """Return the blob that holds the image's data, None while the image has none."""
    blob = session.get(Blob, image.blob) if image.blob else None
    return blob if blob is not None and blob.state == "kept" else None


def list_kept(session: Session, image: Image) -> list[Blob]:
    """Return the blobs that hold the image's data, one in each of its stores, beginning with that of `image.blob`."""
    kept = session.scalars(
        select(Blob).where(Blob.image_id == image.id, Blob.state == "kept").order_by(Blob.created_at)
    )
    return sorted(kept, key=lambda blob: blob.id != image.blob)


def stores_of(session: Session, image_ids: Sequence[str]) -> dict[str, str]:
    """Return the names of the stores that hold each image's data, the oldest first, with commas between them."""
    rows = session.execute(
        select(Blob.image_id, Blob.store)
        .where(Blob.image_id.in_(image_ids), Blob.state == "kept")
        .order_by(Blob.created_at, Blob.id)
    )
    found = dict[str, list[str]]()
    for image_id, store in rows:
        found.setdefault(image_id, []).append(store)
    return {image_id: ",".join(stores) for image_id, stores in found.items()}


def create(session: Session, image: Image, event: str, store: str, takeover: bool = False) -> Blob:
    """Open a blob for an upload and move the image by `event` (a key of images.TRANSITIONS).

    The image's older upload is given up if its lease has expired, or in any case with `takeover`. Raises WrongState
    if the image waits for no data, Invalid if its formats are not set.
    """
    images.require_formats(image)
    old = session.get(Blob, image.blob) if image.blob else None
    if old is not None and old.state == "writing" and (takeover or old.lease_until < time.time()):
        _orphan(session, old)
    images.move(session, image.id, event)
    return _open(session, image, store)


def create_for_import(session: Session, image: Image, store: str) -> Blob:
    """Open a blob for an import's download. What an earlier attempt of the same job wrote becomes an orphan."""
    images.require_formats(image)
    old = session.get(Blob, image.blob) if image.blob else None
    if old is not None:
        old.state = "deleting"
    return _open(session, image, store)


def create_copy(session: Session, image: Image, store: str) -> Blob:
    """Open a blob for a copy in another store. What an earlier attempt left unfinished there becomes an orphan."""
    session.execute(
        update(Blob)
        .where(Blob.image_id == image.id, Blob.store == store, Blob.state == "writing", Blob.id != image.blob)
        .values(state="deleting")
        .execution_options(synchronize_session=False)
    )
    return _add(session, image, store)


def orphan_copies(session: Session, image: Image) -> None:
    """Mark for deletion what a job has copied, or begun to, and not published."""
    session.execute(
        update(Blob)
        .where(Blob.image_id == image.id, Blob.state.in_(("writing", "staged")), Blob.id != image.blob)
        .values(state="deleting")
        .execution_options(synchronize_session=False)
    )


def _add(session: Session, image: Image, store: str) -> Blob:
    blob = Blob(id=new_id(), store=store, image_id=image.id, owner=image.owner, lease_until=time.time() + LEASE_S)
    session.add(blob)
    return blob


def _open(session: Session, image: Image, store: str) -> Blob:
    blob = _add(session, image, store)
    point_to(session, image, blob)
    return blob


def point_to(session: Session, image: Image, blob: Blob) -> None:
    """Make the blob the one that the image is read from, or that its upload goes to."""
    session.execute(
        update(Image).where(Image.id == image.id).values(blob=blob.id).execution_options(synchronize_session=False)
    )


def renew_lease(session: Session, blob_id: str) -> None:
    """Extend the lease of a blob that is being written. Raises UploadLost if its image was deleted or took another."""
    hit = session.execute(
        update(Blob).where(Blob.id == blob_id, Blob.state == "writing").values(lease_until=time.time() + LEASE_S)
    )
    if not hit.rowcount:  # type: ignore[attr-defined]
        raise UploadLost(image=blob_id)


def complete(session: Session, blob: Blob, facts: DataFacts, state: str) -> None:
    """Record that the blob is whole: `state` is staged or kept. Raises UploadLost if the image doesn't need it now."""
    hit = session.execute(
        update(Blob)
        .where(Blob.id == blob.id, Blob.state.in_(("writing", "staged", state)))
        .values(state=state, facts=asdict(facts))
        .execution_options(synchronize_session=False)
    )
    if not hit.rowcount:  # type: ignore[attr-defined]
        raise UploadLost(image=blob.image_id)


def publish(session: Session, blob: Blob, facts: DataFacts) -> None:
    """Make the blob the image's data and the image active. Raises UploadLost, WrongState."""
    complete(session, blob, facts, "kept")
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
    """End an upload or import without data: its blob is to be deleted, its image waits for data again."""
    blob = session.get(Blob, blob_id)
    if blob is not None:
        _orphan(session, blob, tuple(images.TRANSITIONS["give_up"]))


def _orphan(session: Session, blob: Blob, statuses: tuple[str, ...] = ("saving", "uploading")) -> None:
    """Mark the blob for deletion; its image becomes queued if it has one of `statuses`.

    The image of a running import has none of the usual ones: its job decides what becomes of it.
    """
    blob.state = "deleting"
    session.execute(
        update(Image)
        .where(Image.id == blob.image_id, Image.blob == blob.id, Image.status.in_(statuses))
        .values(status="queued", blob=None, updated_at=now())
        .execution_options(synchronize_session=False)
    )
    session.flush()


def has_orphans(session: Session, at: float) -> bool:
    """Return whether there is a blob to delete, or one whose lease ran out before `at` (epoch seconds)."""
    stmt = select(Blob.id).where(or_(Blob.state == "deleting", (Blob.state == "writing") & (Blob.lease_until < at)))
    return session.scalar(stmt.limit(1)) is not None


def list_orphans(session: Session, store: str, at: float, limit: int = 100) -> Sequence[Blob]:
    """Give up a store's uploads whose leases ran out before `at` (epoch seconds); return its blobs to be deleted."""
    its = Blob.store == store
    dead = session.scalars(select(Blob).where(its, Blob.state == "writing", Blob.lease_until < at).limit(limit)).all()
    for blob in dead:
        _orphan(session, blob)
    return session.scalars(select(Blob).where(its, Blob.state == "deleting").limit(limit)).all()


def delete_rows(session: Session, blob_ids: Sequence[str]) -> None:
    """Delete the rows of blobs that their stores have deleted."""
    session.execute(delete(Blob).where(Blob.id.in_(blob_ids), Blob.state == "deleting"))
