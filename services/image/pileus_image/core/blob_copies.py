"""Keeps this machine's blobs alike with the rows of the database, which all control machines share."""

import logging
import time

from sqlalchemy import select

from pileus_image.core.tools import Tools
from pileus_image.db.models import Blob
from pileus_image.drivers.base import BlobMissing, StoreFull

log = logging.getLogger(__name__)

FORGOTTEN_S = 3600.0
"""How long a blob without a row is left alone: its row may be about to be written, or on a database that is away."""
PAGE = 500


def bring_missing(tools: Tools) -> int:
    """Copy the blobs that other control machines have taken while this one was away. Return how many."""
    brought = 0
    for blob in _ids(tools, ("kept", "staged")):
        try:
            tools.store.here.open(blob).close()
        except BlobMissing:
            try:
                tools.store.bring(blob)
                brought += 1
            except (BlobMissing, StoreFull) as err:
                log.warning("blob %s can't be copied here now: %s", blob, err)
    return brought


def delete_unknown(tools: Tools, at: float) -> int:
    """Delete the blobs of this machine that had no row an hour before `at` (epoch seconds). Return how many."""
    old = tools.store.here.written_before(at - FORGOTTEN_S)
    if not old:
        return 0
    known = set(_ids(tools, ("writing", "kept", "staged", "deleting")))
    unknown = [blob for blob in old if blob not in known]
    for blob in unknown:
        tools.store.delete(blob)
    return len(unknown)


def keep_alike(tools: Tools) -> None:
    """Bring what is missing, and delete what nothing refers to."""
    bring_missing(tools)
    delete_unknown(tools, time.time())


def _ids(tools: Tools, states: tuple[str, ...]) -> list[str]:
    """Return the ids of all blobs in one of the states, a page at a time."""
    found, last = list[str](), ""
    while True:
        with tools.sessions.read() as session:
            wanted = select(Blob.id).where(Blob.state.in_(states), Blob.id > last).order_by(Blob.id).limit(PAGE)
            page = list(session.scalars(wanted))
        if not page:
            return found
        found, last = [*found, *page], page[-1]
