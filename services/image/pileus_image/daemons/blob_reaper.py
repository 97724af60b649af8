"""Deletes orphaned blobs twice a minute, in a thread of the worker."""

import logging
import threading

from pileus_image.core import orphaned_blobs
from pileus_image.core.tools import Tools

log = logging.getLogger(__name__)

INTERVAL_S = 30.0


class BlobReaper:
    """Runs `orphaned_blobs.delete_orphans` every INTERVAL_S seconds, beginning at once."""

    def __init__(self, tools: Tools) -> None:
        self._tools, self._over = tools, threading.Event()
        self._thread = threading.Thread(target=self._run, name="blob-reaper", daemon=True)

    def start(self) -> None:
        """Begin in the background."""
        self._thread.start()

    def stop(self) -> None:
        """End after the deletion that is running."""
        self._over.set()
        self._thread.join()

    def _run(self) -> None:
        while True:
            try:
                orphaned_blobs.delete_orphans(self._tools)
            except Exception:  # neither a full disk nor a database that is away may end the thread
                log.exception("cannot delete orphaned blobs now")
            if self._over.wait(INTERVAL_S):
                return
