"""Renews the lease of a blob while it is written.

A thread of its own does it, since data may come slowly, or a disk stall.
"""

import logging
import threading
from types import TracebackType

from pileus_image.core import blobs
from pileus_image.db.models import Blob
from pileus_image.errors import UploadLost
from pileus_kit.db import Sessions
from pileus_kit.errors import DatabaseBusy

log = logging.getLogger(__name__)


class BlobLease:
    """Renews a blob's lease as long as the context lasts."""

    def __init__(self, sessions: Sessions, blob: Blob) -> None:
        self._sessions, self._blob = sessions, blob
        self._over, self._lost = threading.Event(), False
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)

    def check(self) -> None:
        """Raise UploadLost if the last renewal found that the blob isn't needed any more."""
        if self._lost:
            raise UploadLost(image=self._blob.image_id)

    def renew(self) -> None:
        """Renew now. Raises UploadLost, and DatabaseBusy if it can't be done."""
        with self._sessions.begin() as session:
            blobs.renew_lease(session, self._blob.id)

    def _run(self) -> None:
        while not self._over.wait(blobs.LEASE_S / 4):
            try:
                self.renew()
            except UploadLost:
                self._lost = True
                return
            except DatabaseBusy as err:  # there are three more tries before the lease ends
                log.warning("cannot renew the lease of blob %s now: %s", self._blob.id, err)

    def __enter__(self) -> "BlobLease":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()
