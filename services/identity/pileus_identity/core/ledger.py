"""What took away the worth of tokens, in order.

The table is the truth; each process keeps the living part in memory and looks for more at most once a second, or at
once after its own change. Two kinds of entries: those that *kill* tokens issued until `before` (a password changed, a
user was disabled, a token was revoked), and those that only say that what was known about somebody is out of date (a
role was taken away, a project renamed). An entry concerns the tokens that match all its ids; one without ids all.
"""

import itertools
import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.orm import Session

from pileus_identity.core.payloads import Payload
from pileus_identity.db.models import Ledger as Counter
from pileus_identity.db.models import Revocation
from pileus_kit.db import Changes, Sessions, now

LOOK_SECONDS = 1.0
REMEMBERED = 10_000  # entries that another service may ask for; one that is further behind forgets everything it knows
MANY_DEAD = 50_000  # from here on those are forgotten that no living token can meet
CHANGED = "ledger.changed"  # in session.info


class Entry(NamedTuple):
    serial: int
    kills: bool
    user_id: str | None
    project_id: str | None
    domain_id: str | None
    role_id: str | None
    audit_id: str | None
    before: datetime

    def view(self) -> dict[str, object]:
        return self._asdict() | {"before": self.before.isoformat()}


def record(
    session: Session,
    *,
    kills: bool = False,
    user_id: str | None = None,
    project_id: str | None = None,
    domain_id: str | None = None,
    role_id: str | None = None,
    audit_id: str | None = None,
) -> None:
    """Note it in the caller's transaction. An entry that kills names one thing only."""
    serial = session.scalar(update(Counter).values(serial=Counter.serial + 1).returning(Counter.serial))
    if serial is None:
        session.execute(insert(Counter).values(id=1, serial=1))
        serial = 1
    session.add(
        Revocation(
            serial=serial,
            kills=kills,
            user_id=user_id,
            project_id=project_id,
            domain_id=domain_id,
            role_id=role_id,
            audit_id=audit_id,
            before=now(),
        )
    )
    session.info[CHANGED] = True


def prune(session: Session, token_seconds: int) -> None:
    """Forget what no living token can have met."""
    session.execute(delete(Revocation).where(Revocation.before < now() - timedelta(seconds=token_seconds + 3600)))


class Ledger:
    """The living entries in memory. `told` is called, under the ledger's lock, with each new entry."""

    def __init__(self, sessions: Sessions, told: Callable[[Entry], None], token_seconds: int) -> None:
        self.serial = 0
        self._sessions = sessions
        self._changes, self._behind = Changes(sessions), True
        self._token_seconds = token_seconds
        self._told = told
        self._lock = threading.Lock()
        self._counter = itertools.count(1)
        self._touched, self._heeded = 0, -1
        self._looked = 0.0
        self._recent: deque[Entry] = deque(maxlen=REMEMBERED)
        self._forgotten = 0  # entries up to this serial can't be told any more
        self._dead: dict[tuple[str, str], int] = {}

    def touch(self) -> None:
        """This process changed something: look before the next answer."""
        self._touched = next(self._counter)

    def look(self) -> int:
        """Learn what is new, if a look is due; returns the serial up to which everything is known."""
        if self._due():
            with self._lock:
                if self._due():
                    touched = self._touched
                    self._behind = self._changes.any() or self._behind  # stays so if reading fails
                    if self._behind:
                        self._read()
                        self._behind = False
                    # Only now: until what was touched has been read, everybody else waits for the lock above.
                    self._heeded, self._looked = touched, time.monotonic()
        return self.serial

    def _due(self) -> bool:
        return self._heeded != self._touched or time.monotonic() - self._looked > LOOK_SECONDS

    def kills(self, payload: Payload, domain_ids: tuple[str | None, ...], people: tuple[str, ...] = ()) -> bool:
        """Whether a token was revoked; `domain_ids` are those of its user and of its scope, `people` all whose rights
        are in it: of a trust both trustor and trustee."""
        dead = self._dead
        if not dead:
            return False
        if ("audit", payload.audit_ids[0]) in dead:
            return True  # only that one: those that were made from it live on, as clients that change projects rely on
        if payload.issued <= dead.get(("project", payload.scope_id or ""), 0):
            return True
        if any(payload.issued <= dead.get(("user", id), 0) for id in (payload.user_id, *people)):
            return True
        return any(payload.issued <= dead.get(("domain", id or ""), 0) for id in domain_ids)

    def since(self, serial: int) -> tuple[int, list[Entry], bool]:
        """The serial now, the entries after `serial`, and whether some can't be told, so that everything must go."""
        self.look()
        with self._lock:
            lost = not self._forgotten <= serial <= self.serial
            return self.serial, [] if lost else [e for e in self._recent if e.serial > serial], lost

    def _read(self) -> None:
        columns = [getattr(Revocation, name) for name in Entry._fields]
        with self._sessions.read() as session:
            rows = session.execute(
                select(*columns).where(Revocation.serial > self.serial).order_by(Revocation.serial)
            ).all()
            if not self.serial:
                self.serial = session.scalar(select(func.max(Counter.serial))) or 0
                self._forgotten = self.serial
        for row in rows:
            entry = Entry(*row)
            if entry.kills:
                self._dead[_thing(entry)] = int(entry.before.timestamp() * 1_000_000)
            if entry.serial > self.serial:
                if len(self._recent) == self._recent.maxlen:
                    self._forgotten = self._recent[0].serial
                self._recent.append(entry)
            self.serial = max(self.serial, entry.serial)
            self._told(entry)
        if len(self._dead) > MANY_DEAD:
            living = (time.time() - self._token_seconds) * 1_000_000
            self._dead = {thing: before for thing, before in self._dead.items() if before > living}


def _thing(entry: Entry) -> tuple[str, str]:
    for kind in ("user", "project", "domain", "audit"):
        if id := getattr(entry, f"{kind}_id"):
            return kind, id
    raise ValueError("an entry that kills has to say what")
