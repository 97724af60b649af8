"""The revocation log: an ordered record of everything that revoked tokens or changed what they grant.

The table is the truth. Each process keeps the recent events in memory and reads new ones at most once a second, or at
once after a change of its own. There are two kinds of events:

- A revocation ends the tokens that were issued until `before`: a password was changed, a user was disabled, a token was
  revoked. It names exactly one user, project, domain or token.
- An invalidation leaves tokens valid, but cached authorizations must be loaded again: a role was revoked, a project
  renamed. It concerns the authorizations that match all its ids; one without ids concerns all.
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

from pileus_identity.core.token_payloads import Payload
from pileus_identity.db.models import Revocation, RevocationSerial
from pileus_kit.db import Changes, Sessions, now

REFRESH_INTERVAL_S = 1.0
MAX_EVENTS = 10_000  # kept for other services; one that is further behind must drop all that it has cached
PRUNE_ABOVE = 50_000  # above as many revocations in memory, those older than any valid token are pruned
PRUNE_MARGIN_S = 3600  # rows are kept this much longer than any token is valid
CHANGED = "revocations.changed"  # the key in session.info that marks a transaction with events


class RevocationEvent(NamedTuple):
    """One row of the log, as other services receive it."""

    serial: int
    revokes: bool
    user_id: str | None
    project_id: str | None
    domain_id: str | None
    role_id: str | None
    audit_id: str | None
    before: datetime

    @property
    def names_nothing(self) -> bool:
        """Whether the event concerns all authorizations, the role graph and the catalog."""
        return self[2:7] == (None,) * 5

    def view(self) -> dict[str, object]:
        """The event as JSON for `GET /v3/OS-PILEUS/revocations`."""
        return self._asdict() | {"before": self.before.isoformat()}


def revoke_tokens(
    session: Session,
    *,
    user_id: str | None = None,
    project_id: str | None = None,
    domain_id: str | None = None,
    audit_id: str | None = None,
) -> None:
    """Revoke all tokens issued until now that belong to one user, project, domain or audit id: give exactly one.

    The event is part of the caller's transaction.
    """
    if [user_id, project_id, domain_id, audit_id].count(None) != 3:
        raise ValueError("a revocation names exactly one user, project, domain or token")
    _record(session, True, user_id=user_id, project_id=project_id, domain_id=domain_id, audit_id=audit_id)


def invalidate_authorizations(
    session: Session, *, user_id: str | None = None, project_id: str | None = None, domain_id: str | None = None
) -> None:
    """Drop the cached authorizations that match all given ids, or all if none is given. Tokens stay valid.

    The event is part of the caller's transaction.
    """
    _record(session, False, user_id=user_id, project_id=project_id, domain_id=domain_id)


def _record(session: Session, revokes: bool, **ids: str | None) -> None:
    serial = session.scalar(
        update(RevocationSerial).values(serial=RevocationSerial.serial + 1).returning(RevocationSerial.serial)
    )
    if serial is None:
        session.execute(insert(RevocationSerial).values(id=1, serial=1))
        serial = 1
    session.add(Revocation(serial=serial, revokes=revokes, before=now(), **ids))
    session.info[CHANGED] = True


def list_revocations(session: Session, since: datetime | None = None) -> list[Revocation]:
    """List the events that revoked tokens, in their order: all that are kept, or those later than `since`."""
    query = select(Revocation).where(Revocation.revokes).order_by(Revocation.serial)
    return list(session.scalars(query if since is None else query.where(Revocation.before > since)))


def prune(session: Session, token_expiration_s: int) -> None:
    """Delete the events that are older than any token that can still be valid."""
    oldest = now() - timedelta(seconds=token_expiration_s + PRUNE_MARGIN_S)
    session.execute(delete(Revocation).where(Revocation.before < oldest))


class RevocationLog:
    """The recent events in memory. `on_event` is called with each new event while the log's lock is held."""

    def __init__(
        self, sessions: Sessions, on_event: Callable[[RevocationEvent], None], token_expiration_s: int
    ) -> None:
        self.serial = 0
        self._sessions = sessions
        self._changes, self._behind = Changes(sessions), True
        self._token_expiration_s = token_expiration_s
        self._on_event = on_event
        self._lock = threading.Lock()
        self._counter = itertools.count(1)
        self._own_changes, self._own_changes_read = 0, -1
        self._refreshed_at = 0.0  # monotonic
        self._recent: deque[RevocationEvent] = deque(maxlen=MAX_EVENTS)
        self._dropped_serial = 0  # events up to this serial are no longer in memory
        self._revoked_before: dict[tuple[str, str], int] = {}  # (kind, id) -> microseconds since 1970

    def mark_changed(self) -> None:
        """This process has committed an event: read it before the next answer."""
        self._own_changes = next(self._counter)

    def refresh(self) -> int:
        """Read new events if that is due, and return the serial up to which all events are known."""
        if self._is_due():
            with self._lock:
                if self._is_due():
                    own_changes = self._own_changes
                    self._behind = self._changes.any() or self._behind  # it stays true if reading fails
                    if self._behind:
                        self._read()
                        self._behind = False
                    # This is set last: until the own change has been read, all other threads wait for the lock above.
                    self._own_changes_read, self._refreshed_at = own_changes, time.monotonic()
        return self.serial

    def _is_due(self) -> bool:
        return self._own_changes_read != self._own_changes or time.monotonic() - self._refreshed_at > REFRESH_INTERVAL_S

    def is_revoked(self, payload: Payload, domain_ids: tuple[str | None, ...], user_ids: tuple[str, ...] = ()) -> bool:
        """Whether a token was revoked.

        `domain_ids` are the domains of its users and of its scope; `user_ids` are all users whose rights it carries:
        of a trust both trustor and trustee.
        """
        revoked = self._revoked_before
        if not revoked:
            return False
        if ("audit", payload.audit_ids[0]) in revoked:
            return True  # tokens made from it stay valid, as clients that change their project rely on
        if payload.issued <= revoked.get(("project", payload.scope_id or ""), 0):
            return True
        if any(payload.issued <= revoked.get(("user", id), 0) for id in (payload.user_id, *user_ids)):
            return True
        return any(payload.issued <= revoked.get(("domain", id or ""), 0) for id in domain_ids)

    def events_since(self, serial: int) -> tuple[int, list[RevocationEvent], bool]:
        """The current serial, the events after `serial`, and whether some of these are no longer in memory.

        In the last case the asking service must drop everything that it has cached.
        """
        self.refresh()
        with self._lock:
            incomplete = not self._dropped_serial <= serial <= self.serial
            events = [] if incomplete else [event for event in self._recent if event.serial > serial]
            return self.serial, events, incomplete

    def _read(self) -> None:
        columns = [getattr(Revocation, name) for name in RevocationEvent._fields]
        with self._sessions.read() as session:
            rows = session.execute(
                select(*columns).where(Revocation.serial > self.serial).order_by(Revocation.serial)
            ).all()
            if not self.serial:
                self.serial = session.scalar(select(func.max(RevocationSerial.serial))) or 0
                self._dropped_serial = self.serial
        for row in rows:
            self._take(RevocationEvent(*row))
        if len(self._revoked_before) > PRUNE_ABOVE:
            oldest = (time.time() - self._token_expiration_s) * 1_000_000
            self._revoked_before = {key: before for key, before in self._revoked_before.items() if before > oldest}

    def _take(self, event: RevocationEvent) -> None:
        if event.revokes:
            self._revoked_before[_revoked_thing(event)] = int(event.before.timestamp() * 1_000_000)
        if event.serial > self.serial:
            if len(self._recent) == self._recent.maxlen:
                self._dropped_serial = self._recent[0].serial
            self._recent.append(event)
        self.serial = max(self.serial, event.serial)
        self._on_event(event)


def _revoked_thing(event: RevocationEvent) -> tuple[str, str]:
    for kind in ("user", "project", "domain", "audit"):
        if id := getattr(event, f"{kind}_id"):
            return kind, id
    raise ValueError("a revocation names exactly one user, project, domain or token")
