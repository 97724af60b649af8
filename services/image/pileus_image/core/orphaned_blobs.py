"""Deletes from the stores what dead uploads and deleted images left there."""

import logging
import time

from pileus_image.core import blobs
from pileus_image.core.tools import Tools
from pileus_image.drivers.base import Store
from pileus_kit.errors import Transient

log = logging.getLogger(__name__)


def delete_orphans(tools: Tools, *, quickly: bool = False) -> int:
    """Delete up to a hundred orphaned blobs of each store, then their rows. Return how many it deleted.

    When there are none, this costs one query and no write. With `quickly`, as in a request, those on other machines
    are left to the worker. Blobs of a store that is away, or isn't configured any more, keep their rows.
    """
    with tools.sessions.read() as session:
        if not blobs.has_orphans(session, time.time()):
            return 0
    stores = [store for store in tools.stores.values() if store.on_this_machine or not quickly]
    return sum(_delete_orphans_of(tools, store) for store in stores)


def _delete_orphans_of(tools: Tools, store: Store) -> int:
    with tools.sessions.begin() as session:
        orphans = [blob.id for blob in blobs.list_orphans(session, store.name, time.time())]
    deleted = list[str]()
    try:
        for blob in orphans:
            store.delete(blob)
            deleted.append(blob)
    except Transient as err:
        log.warning("blobs can't be deleted from store %s now: %s", store.name, err)
    if deleted:
        with tools.sessions.begin() as session:
            blobs.delete_rows(session, deleted)
    return len(deleted)
