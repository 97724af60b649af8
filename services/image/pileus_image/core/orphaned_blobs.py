"""Deletes from the stores what dead uploads and deleted images left there."""

import time

from pileus_image.core import blobs
from pileus_image.core.tools import Tools


def delete_orphans(tools: Tools) -> int:
    """Delete up to a hundred orphaned blobs, first from their stores, then their rows. Return how many there were.

    When there are none, this costs one query and no write.
    """
    with tools.sessions.read() as session:
        if not blobs.has_orphans(session, time.time()):
            return 0
    with tools.sessions.begin() as session:
        orphans = [(blob.store, blob.id) for blob in blobs.list_orphans(session, time.time())]
    for store, blob_id in orphans:
        tools.stores[store].delete(blob_id)
    with tools.sessions.begin() as session:
        blobs.delete_rows(session, [blob_id for _, blob_id in orphans])
    return len(orphans)
