"""Keeps this machine's blobs alike with the database's rows, once a minute, in a thread of the worker."""

import logging
import threading

from pileus_image.core import blob_copies
from pileus_image.core.tools import Tools

log = logging.getLogger(__name__)

INTERVAL_S = 60.0


class BlobCopier:
    """Runs `blob_copies.keep_alike` every INTERVAL_S seconds, beginning at once; for a cloud with control machines."""

    def __init__(self, tools: Tools) -> None:
        self._tools, self._over = tools, threading.Event()
        self._thread = threading.Thread(target=self._run, name="blob-copier", daemon=True)

    def start(self) -> None:
        """Begin in the background, if there may be other machines."""
        if self._tools.config.peers:
            self._thread.start()

    def stop(self) -> None:
        """End; a copy that is under way is left unfinished and forgotten."""
        self._over.set()

    def _run(self) -> None:
        while True:
            try:
                blob_copies.keep_alike(self._tools)
            except Exception:  # neither a full disk nor a database that is away may end the thread
                log.exception("blobs can't be compared now")
            if self._over.wait(INTERVAL_S):
                return
