"""The sign of life of an upload, given by a thread of its own: data may come slowly, or a disk take its time."""

import logging
import threading
from types import TracebackType

from pileus_image.core import uploads
from pileus_image.db.models import Blob
from pileus_image.errors import UploadLost
from pileus_kit.db import Sessions
from pileus_kit.errors import DatabaseBusy

log = logging.getLogger(__name__)


class Lease:
    """Renews a blob's lease while the context lasts."""

    def __init__(self, sessions: Sessions, blob: Blob) -> None:
        self._sessions, self._blob = sessions, blob
        self._over, self._lost = threading.Event(), False
        self._thread = threading.Thread(target=self._run, name="lease", daemon=True)

    def check(self) -> None:
        """Raise UploadLost if nobody wants the blob any more."""
        if self._lost:
            raise UploadLost(image=self._blob.image_id)

    def renew(self) -> None:
        """Now, and for sure. Raises UploadLost."""
        with self._sessions.begin() as session:
            uploads.renew(session, self._blob.id)

    def _run(self) -> None:
        while not self._over.wait(uploads.LEASE / 4):
            try:
                self.renew()
            except UploadLost:
                self._lost = True
                return
            except DatabaseBusy as err:  # for a moment: there are three more tries before the lease ends
                log.warning("cannot renew the lease of blob %s now: %s", self._blob.id, err)

    def __enter__(self) -> "Lease":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._over.set()
        self._thread.join()
