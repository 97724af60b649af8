"""Copies of an image's data in several stores: how a job makes them, and how one is taken away.

The data of an import is staged in the default store and copied from there; `publish` makes the wanted copies the
image's at the same moment. An image that is active gets further copies in the same way.
"""

import logging
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_image.core import blobs, imports, uploads
from pileus_image.core.blobs import DataFacts
from pileus_image.core.imports import Destinations
from pileus_image.core.tools import Tools
from pileus_image.db.models import Blob, Image, Job
from pileus_image.drivers.base import BlobMissing, StoreAway, StoreFull
from pileus_image.errors import CopyDiffers, NoSuchResource, NotAllowed, UploadLost, WrongState
from pileus_kit.flow import live

log = logging.getLogger(__name__)

FAILURES = (StoreFull, StoreAway, BlobMissing, CopyDiffers, NoSuchResource, OSError)
"""What goes wrong with one store, while others may take the data."""


def copy(tools: Tools, image_id: str, to: Destinations) -> None:
    """Copy the image's data to each of the stores that has none of it yet. It can be repeated.

    Raises what is wrong with a store if all have to succeed, or if no store has taken the data.
    """
    with tools.sessions.read() as session:
        sources = _whole(session, _image(session, image_id))
    have = {blob.store for blob in sources}
    failures = dict[str, Exception]()
    for store in to.stores:
        if store in have:
            continue
        try:
            _copy(tools, image_id, sources, store)
            have.add(store)
        except FAILURES as err:
            if to.all_must_succeed:
                raise
            log.warning("image %s can't be copied to store %s: %s", image_id, store, err)
            failures[store] = err
        left = [name for name in to.stores if name not in have and name not in failures]
        with tools.sessions.begin() as session:
            imports.show_stores(session, image_id, importing=",".join(left), failed=",".join(failures))
    if failures and len(failures) == len(to.stores):
        raise next(iter(failures.values()))


def _copy(tools: Tools, image_id: str, sources: Sequence[Blob], store: str) -> None:
    """Copy one of the blobs, which are the same data, to a store."""
    if store not in tools.stores:
        raise NoSuchResource(what=f"Store {store}")
    with tools.sessions.begin() as session:
        image = _image(session, image_id, lock=True)
        blob = blobs.create_copy(session, image, store)
    for source in sources:
        wanted = DataFacts(**source.facts)
        try:
            file = tools.stores[source.store].open(source.id)
        except (BlobMissing, StoreAway, KeyError) as err:
            log.warning("blob %s of image %s can't be read from store %s: %r", source.id, image_id, source.store, err)
            continue
        with file:
            facts = uploads.receive(tools, blob, image, file.read, wanted.size)
        if facts != wanted:
            raise CopyDiffers(image=image_id, store=source.store)
        with tools.sessions.begin() as session:
            blobs.complete(session, blob, facts, "staged")
        return
    raise UploadLost(image=image_id)


def _image(session: Session, image_id: str, lock: bool = False) -> Image:
    image = session.get(Image, image_id, with_for_update=lock or None)
    if image is None:
        raise UploadLost(image=image_id)
    return image


def _whole(session: Session, image: Image) -> Sequence[Blob]:
    """Return the blobs with the image's data, staged or kept, beginning with that of `image.blob`."""
    whole = session.scalars(select(Blob).where(Blob.image_id == image.id, Blob.state.in_(("staged", "kept")))).all()
    return sorted(whole, key=lambda blob: blob.id != image.blob)


def publish_import(session: Session, image: Image, to: Destinations) -> None:
    """Make the image active with what was staged for it. Raises UploadLost, WrongState."""
    staged = {blob.store: blob for blob in _whole(session, image) if blob.state == "staged" or blob.id == image.blob}
    wanted = [staged[store] for store in to.stores if store in staged]
    first = next((blob for blob in wanted if blob.id == image.blob), wanted[0] if wanted else None)
    if first is None:
        raise UploadLost(image=image.id)
    blobs.point_to(session, image, first)
    blobs.publish(session, first, DataFacts(**first.facts))
    for blob in staged.values():
        if blob is not first:
            blob.state = "kept" if blob in wanted else "deleting"
    _show_result(session, image, to, staged)


def publish_copies(session: Session, image: Image, to: Destinations) -> None:
    """Make what was copied the image's as well. Raises UploadLost if nothing was."""
    staged = {blob.store: blob for blob in _whole(session, image) if blob.state == "staged"}
    if not staged:
        raise UploadLost(image=image.id)
    for blob in staged.values():
        blob.state = "kept"
    _show_result(session, image, to, staged)


def _show_result(session: Session, image: Image, to: Destinations, have: dict[str, Blob]) -> None:
    failed = [store for store in to.stores if store not in have]
    imports.show_stores(session, image.id, importing="", failed=",".join(failed))


def choose(session: Session, image: Image, stores: Sequence[str], all_stores: bool) -> list[str]:
    """Return the stores that an active image is to be copied to: none of them has it.

    With `all_stores` those that have it are left out. Raises WrongState, Invalid.
    """
    if image.status != "active":
        raise WrongState(why="Only images with status active can be targeted for copying")
    have = {blob.store for blob in blobs.list_kept(session, image)}
    for store in stores:
        if store in have and not all_stores:
            raise imports.present(store)
    return [store for store in stores if store not in have]


def remove(session: Session, image: Image, store: str) -> None:
    """Take the image's data out of one store. Raises WrongState, NotAllowed, NoSuchResource."""
    if image.status != "active":
        raise WrongState(why="It's not allowed to remove image data from store if image status is not 'active'")
    if live(session, Job, image.id) is not None:
        raise WrongState(why=f"Image {image.id} is being copied to another store")
    kept = blobs.list_kept(session, image)
    if len(kept) == 1:
        raise NotAllowed(
            why="Cannot delete image data from the only store containing it. Consider deleting the image instead."
        )
    gone = [blob for blob in kept if blob.store == store]
    if not gone:
        raise NoSuchResource(what=f"Image {image.id} in store {store}")
    for blob in gone:
        blob.state = "deleting"
    blobs.point_to(session, image, next(blob for blob in kept if blob.store != store))
