"""Marks hosts as seen, many in one transaction: a report that says nothing new costs no transaction of its own.

With a thousand hosts a commit for each report would keep the database's only writer busy. What is noted here is written
within a second; what a worker that is killed takes along, the hosts' next reports replace.
"""

import logging
import threading

from sqlalchemy import column, update

from pileus_kit.db import Sessions, now
from pileus_kit.errors import CloudError
from pileus_kit.hosts import SeenColumns

log = logging.getLogger(__name__)

DELAY_S = 1.0
AT_ONCE = 500
"""Hosts in one statement."""


class SeenMarks:
    """Collects the names of hosts that reported; the model has them in its column `name`. Without a delay each is
    written at once."""

    def __init__(self, sessions: Sessions, model: type[SeenColumns], delay_s: float = DELAY_S) -> None:
        self._sessions, self._model, self._delay_s = sessions, model, delay_s
        self._lock = threading.Lock()
        self._names: set[str] = set()

    def note(self, name: str) -> None:
        """Have the host marked soon. The first name starts a thread that ends when all are written."""
        with self._lock:
            is_first = not self._names
            self._names.add(name)
        if not self._delay_s:
            self.write()
        elif is_first:
            timer = threading.Timer(self._delay_s, self.write)
            timer.daemon = True
            timer.start()

    def write(self) -> None:
        """Mark all that were noted, in one transaction. If the database is away, the next reports mark them."""
        with self._lock:
            names, self._names = sorted(self._names), set()
        try:
            with self._sessions.begin() as session:
                for first in range(0, len(names), AT_ONCE):
                    some = names[first : first + AT_ONCE]
                    session.execute(update(self._model).where(column("name").in_(some)).values(seen_at=now()))
        except CloudError as err:
            log.warning("%d hosts aren't marked as seen before their next reports: %s", len(names), err)
