"""Takes away what dead uploaders and deleted images left in the stores."""

import logging
import threading
import time

from pileus_image.core import uploads
from pileus_image.flows.tools import Tools

log = logging.getLogger(__name__)

EVERY = 30.0  # seconds


def doomed(tools: Tools) -> int:
    """One sweep; returns how many blobs it removed."""
    with tools.sessions.read() as session:
        waiting = uploads.any_abandoned(session, time.time())
    if not waiting:
        return 0
    with tools.sessions.begin() as session:
        blobs = uploads.abandoned(session, time.time())
        names = [(blob.store, blob.id) for blob in blobs]
    for store, blob_id in names:
        tools.stores[store].delete(blob_id)
    with tools.sessions.begin() as session:
        uploads.forget(session, [blob_id for _, blob_id in names])
    return len(names)


class Sweeper:
    """Sweeps every half minute in a thread of its own."""

    def __init__(self, tools: Tools) -> None:
        self._tools, self._over = tools, threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweep", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                doomed(self._tools)
            except Exception:  # a full disk, a database away: say so, and sweep again in half a minute
                log.exception("the sweep failed")
            if self._over.wait(EVERY):
                return
