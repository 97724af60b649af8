"""Keeps this machine's blobs alike with the rows of the database, which all control machines share."""

import logging
import time

from sqlalchemy import select

from pileus_image.core.tools import Tools
from pileus_image.db.models import Blob
from pileus_image.drivers.base import BlobMissing, Store, StoreFull
from pileus_image.errors import NoSuchResource

log = logging.getLogger(__name__)

FORGOTTEN_S = 3600.0
"""How long a blob without a row is left alone: its row may be about to be written, or on a database that is away."""
PAGE = 500


def bring_missing(tools: Tools) -> int:
    """Copy the blobs that other control machines have taken while this one was away. Return how many."""
    brought = 0
    for store in _stores_here(tools):
        for blob in _ids(tools, store.name, ("kept", "staged")):
            try:
                store.here.open(blob).close()
            except BlobMissing:
                try:
                    store.bring(blob)
                    brought += 1
                except (BlobMissing, StoreFull) as err:
                    log.warning("blob %s can't be copied here now: %s", blob, err)
    return brought


def delete_unknown(tools: Tools, at: float) -> int:
    """Delete the blobs of this machine that had no row an hour before `at` (epoch seconds). Return how many."""
    return sum(_delete_unknown(tools, store, at) for store in _stores_here(tools))


def _delete_unknown(tools: Tools, store: Store, at: float) -> int:
    old = store.here.written_before(at - FORGOTTEN_S)
    if not old:
        return 0
    known = set(_ids(tools, store.name, ("writing", "kept", "staged", "deleting")))
    unknown = [blob for blob in old if blob not in known]
    for blob in unknown:
        store.delete(blob)
    return len(unknown)


def store_of(tools: Tools, blob_id: str) -> Store:
    """Return the store of a blob that another control machine asks for. Raises NoSuchResource."""
    with tools.sessions.read() as session:
        name = session.scalar(select(Blob.store).where(Blob.id == blob_id))
    if name not in tools.stores:
        raise NoSuchResource(what=f"Blob {blob_id}")
    return tools.stores[name]


def _stores_here(tools: Tools) -> list[Store]:
    return [store for store in tools.stores.values() if store.on_this_machine]


def keep_alike(tools: Tools) -> None:
    """Bring what is missing, and delete what nothing refers to."""
    bring_missing(tools)
    delete_unknown(tools, time.time())


def _ids(tools: Tools, store: str, states: tuple[str, ...]) -> list[str]:
    """Return the ids of all blobs of a store in one of the states, a page at a time."""
    found, last = list[str](), ""
    while True:
        with tools.sessions.read() as session:
            wanted = select(Blob.id).where(Blob.store == store, Blob.state.in_(states), Blob.id > last)
            page = list(session.scalars(wanted.order_by(Blob.id).limit(PAGE)))
        if not page:
            return found
        found, last = [*found, *page], page[-1]
