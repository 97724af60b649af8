"""What somebody is worth somewhere: a user's roles in a scope, looked up once, known until the ledger objects."""

import functools
import json
import threading
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, ColumnElement, Row, Select, and_, bindparam, or_, select
from sqlalchemy.orm import Session, aliased

from pileus_identity.core import catalogs, rolegraph
from pileus_identity.core.catalogs import Catalog
from pileus_identity.core.ledger import Entry, Ledger
from pileus_identity.core.payloads import Payload, iso
from pileus_identity.core.rolegraph import RoleGraph
from pileus_identity.db.models import (
    AccessRule,
    AccessToken,
    ApplicationCredential,
    ApplicationCredentialAccess,
    ApplicationCredentialRole,
    Assignment,
    Lineage,
    Membership,
    Project,
    Trust,
    TrustRole,
    User,
)
from pileus_identity.errors import LoginFailed
from pileus_kit.db import Sessions, now

REMEMBERED = 5000
SYSTEM = "all"  # the target of assignments on the system

Id = str | BindParameter[Any]


class Place(NamedTuple):
    """Who, where, and by which delegation."""

    user_id: str
    kind: str  # of payloads.KINDS
    scope_id: str | None = None
    application_credential_id: str | None = None
    trust_id: str | None = None
    access_token_id: str | None = None

    @classmethod
    def of(cls, payload: Payload) -> "Place":
        return cls(
            payload.user_id,
            payload.kind,
            payload.scope_id,
            payload.application_credential_id,
            payload.trust_id,
            payload.access_token_id,
        )


@dataclass
class Standing:
    place: Place
    user_name: str
    user_domain: tuple[str, str]
    scope_name: str | None = None
    scope_domain: tuple[str, str] | None = None  # of a project
    roles: list[tuple[str, str]] = field(default_factory=list)
    people: tuple[str, ...] = ()  # whose changes concern it
    homes: tuple[str, ...] = ()  # the domains of these people
    restricted: bool = False  # by an application credential that may not make others
    delegation_expires_at: datetime | None = None
    limited: bool = False  # a trust that may be used a number of times
    stale: bool = False
    view: dict[str, Any] = field(default_factory=dict)
    json: bytes = b""  # of `view`, without its opening brace

    @property
    def domain_ids(self) -> tuple[str | None, ...]:
        own = self.place.scope_id if self.place.kind == "domain" else None
        return *self.homes, self.scope_domain[0] if self.scope_domain else own

    def concerned(self, entry: Entry) -> bool:
        """Whether an entry of the ledger matches; entries about single tokens don't."""
        if entry.audit_id is not None:
            return False
        return (
            (entry.user_id is None or entry.user_id in self.people)
            and (entry.project_id is None or entry.project_id == self.place.scope_id)
            and (entry.domain_id is None or entry.domain_id in self.domain_ids)
            and (entry.role_id is None or any(entry.role_id == id for id, _ in self.roles))
        )


class Standings:
    """Looks standings up, one statement for a plain scope, and remembers them, with the roles and the catalogue."""

    def __init__(self, sessions: Sessions, token_seconds: int) -> None:
        self._sessions = sessions
        self._lock = threading.Lock()
        self._known: OrderedDict[Place, Standing] = OrderedDict()
        self._graph: RoleGraph | None = None
        self._catalog: Catalog | None = None
        self.ledger = Ledger(sessions, self._told, token_seconds)

    def of(self, place: Place) -> Standing:
        """Raises LoginFailed if that user has nothing to seek there (any more), or is disabled."""
        serial = self.ledger.look()
        known = self._known.get(place)
        if known is not None:
            return known
        graph = self._roles()
        with self._sessions.read() as session:
            standing = look_up(session, graph, place)
        with self._lock:
            # What was told while we read may be newer than our snapshot: then this is good only for now.
            standing.stale = self.ledger.serial != serial
            if not standing.stale:
                # Another thread's is as good, and only one can be told that it is out of date.
                standing = self._known.setdefault(place, standing)
                if len(self._known) > REMEMBERED:
                    self._known.popitem(last=False)[1].stale = True
        return standing

    def catalog(self) -> Catalog:
        serial = self.ledger.look()
        catalog = self._catalog
        if catalog is None:
            with self._sessions.read() as session:
                catalog = catalogs.load(session)
            with self._lock:
                if self.ledger.serial == serial:
                    self._catalog = catalog
        return catalog

    def _roles(self) -> RoleGraph:
        serial = self.ledger.look()
        graph = self._graph
        if graph is None:
            with self._sessions.read() as session:
                graph = rolegraph.load(session)
            with self._lock:
                if self.ledger.serial == serial:
                    self._graph = graph
        return graph

    def _told(self, entry: Entry) -> None:
        with self._lock:
            if entry[2:7] == (None,) * 5:
                self._graph = self._catalog = None
            for place in [p for p, standing in self._known.items() if standing.concerned(entry)]:
                self._known.pop(place).stale = True


def look_up(session: Session, graph: RoleGraph, place: Place) -> Standing:
    if place.trust_id is not None:
        return _by_trust(session, graph, place)
    standing, role_ids = _plain(session, place)
    standing.roles = graph.effective(role_ids)
    view = standing.view
    if place.application_credential_id is not None:
        _restrict(session, graph, standing)
    if place.access_token_id is not None:
        _restrict_to_access_token(session, graph, standing)
    if place.kind != "unscoped":
        if not standing.roles:
            raise LoginFailed
        view["roles"] = [{"id": id, "name": name} for id, name in standing.roles]
    return _sealed(standing)


def _sealed(standing: Standing) -> Standing:
    standing.json = json.dumps(standing.view, separators=(",", ":")).encode()[1:]
    return standing


def _plain(session: Session, place: Place) -> tuple[Standing, set[str]]:
    named = {"user_id": place.user_id, "scope_id": SYSTEM if place.kind == "system" else place.scope_id}
    rows = session.execute(_statement(place.kind), named).all()
    if not rows:
        raise LoginFailed
    first = rows[0]
    if not (first.user_enabled and first.home_enabled):
        raise LoginFailed
    view: dict[str, Any] = {
        "user": {
            "id": place.user_id,
            "name": first.user_name,
            "domain": {"id": first.home_id, "name": first.home_name},
            "password_expires_at": _time(first.password_expires_at),
        }
    }
    standing = Standing(
        place,
        first.user_name,
        (first.home_id, first.home_name),
        people=(place.user_id,),
        homes=(first.home_id,),
        view=view,
    )
    if place.kind in ("project", "domain"):
        _scope(standing, first)
    elif place.kind == "system":
        view["system"] = {"all": True}
    return standing, {row.role_id for row in rows if row.role_id is not None} if place.kind != "unscoped" else set()


def _scope(standing: Standing, row: Row[Any]) -> None:
    if not row.scope_enabled or row.scope_home_enabled is False:
        raise LoginFailed
    standing.scope_name = row.scope_name
    scope: dict[str, Any] = {"id": standing.place.scope_id, "name": row.scope_name}
    if standing.place.kind == "project":
        standing.scope_domain = (row.scope_home_id, row.scope_home_name)
        scope["domain"] = {"id": row.scope_home_id, "name": row.scope_home_name}
        standing.view["is_domain"] = False
    standing.view[standing.place.kind] = scope


@functools.cache
def _statement(kind: str) -> Select[Any]:
    """User, scope and assignments at once: a row for each assignment, or one row without.

    Built once for each kind of scope: building and hashing it costs more than running it.
    """
    user_id: BindParameter[Any] = bindparam("user_id")
    scope_id: BindParameter[Any] = bindparam("scope_id")
    home, scope, scope_home = aliased(Project), aliased(Project), aliased(Project)
    columns: list[Any] = [
        User.name.label("user_name"),
        User.enabled.label("user_enabled"),
        User.password_expires_at,
        home.id.label("home_id"),
        home.name.label("home_name"),
        home.enabled.label("home_enabled"),
    ]
    base = select(*columns).join(home, home.id == User.domain_id).where(User.id == user_id)
    if kind == "unscoped":
        return base
    base = base.add_columns(Assignment.role_id)
    if kind != "system":
        base = (
            base.add_columns(
                scope.name.label("scope_name"),
                scope.enabled.label("scope_enabled"),
                scope_home.id.label("scope_home_id"),
                scope_home.name.label("scope_home_name"),
                scope_home.enabled.label("scope_home_enabled"),
            )
            .join(scope, and_(scope.id == scope_id, scope.is_domain.is_(kind == "domain")))
            .outerjoin(scope_home, scope_home.id == scope.domain_id)
        )
    return base.outerjoin(Assignment, and_(actors(user_id), targets(kind, scope_id)))


def actors(user_id: Id) -> ColumnElement[bool]:
    """Assignments of a user, directly or through groups."""
    groups = select(Membership.group_id).where(Membership.user_id == user_id)
    return or_(
        and_(Assignment.actor == "user", Assignment.actor_id == user_id),
        and_(Assignment.actor == "group", Assignment.actor_id.in_(groups)),
    )


def targets(kind: str, scope_id: Id) -> ColumnElement[bool]:
    """Assignments that count in a scope: for a project also those inherited from its ancestors."""
    own = and_(Assignment.target == kind, Assignment.target_id == scope_id, Assignment.inherited.is_(False))
    if kind != "project":
        return own
    ancestors = select(Lineage.ancestor_id).where(Lineage.project_id == scope_id, Lineage.distance > 0)
    return or_(own, and_(Assignment.inherited, Assignment.target_id.in_(ancestors)))


def _restrict(session: Session, graph: RoleGraph, standing: Standing) -> None:
    """An application credential gives what its user still has, and no more than was put into it."""
    credential = session.get(ApplicationCredential, standing.place.application_credential_id)
    if (
        credential is None
        or credential.user_id != standing.place.user_id
        or credential.project_id != standing.place.scope_id
        or _over(credential.expires_at)
    ):
        raise LoginFailed
    given = session.scalars(
        select(ApplicationCredentialRole.role_id).where(
            ApplicationCredentialRole.application_credential_id == credential.id
        )
    )
    allowed = graph.closure(given)
    standing.roles = [pair for pair in standing.roles if pair[0] in allowed]
    standing.restricted = not credential.unrestricted
    standing.delegation_expires_at = credential.expires_at
    view: dict[str, Any] = {"id": credential.id, "name": credential.name, "restricted": standing.restricted}
    if credential.restricted_paths:
        view["access_rules"] = [
            {"id": r.id, "service": r.service, "method": r.method, "path": r.path}
            for r in session.scalars(access_rules(credential.id))
        ]
    standing.view["application_credential"] = view


def _restrict_to_access_token(session: Session, graph: RoleGraph, standing: Standing) -> None:
    """An access token gives what its user still has, and no more than he authorized."""
    token = session.get(AccessToken, standing.place.access_token_id)
    if (
        token is None
        or token.user_id != standing.place.user_id
        or token.project_id != standing.place.scope_id
        or _over(token.expires_at)
    ):
        raise LoginFailed
    allowed = graph.closure(token.role_ids)
    standing.roles = [pair for pair in standing.roles if pair[0] in allowed]
    standing.delegation_expires_at = token.expires_at
    standing.view["OS-OAUTH1"] = {"access_token_id": token.id, "consumer_id": token.consumer_id}


def access_rules(credential_id: str) -> Select[AccessRule]:
    return (
        select(AccessRule)
        .join(
            ApplicationCredentialAccess,
            ApplicationCredentialAccess.access_rule_id == AccessRule.id,
        )
        .where(ApplicationCredentialAccess.application_credential_id == credential_id)
        .order_by(AccessRule.id)
    )


def _by_trust(session: Session, graph: RoleGraph, place: Place) -> Standing:
    """The trustee acts in the trustor's project with roles that the trustor still has, as the trustor or as himself."""
    trust = session.get(Trust, place.trust_id)
    if trust is None or trust.deleted_at is not None or _over(trust.expires_at) or trust.trustee_id != place.user_id:
        raise LoginFailed
    theirs, role_ids = _plain(
        session, Place(trust.trustor_id, "project" if trust.project_id else "unscoped", trust.project_id)
    )
    mine, _ = _plain(session, Place(trust.trustee_id, "unscoped"))
    given = list(session.scalars(select(TrustRole.role_id).where(TrustRole.trust_id == trust.id)))
    has = {id for id, _ in graph.effective(role_ids)}
    if trust.project_id and not (given and set(given) <= has):
        raise LoginFailed  # a trust is whole or void
    theirs.roles = [pair for pair in graph.effective(given) if pair[0] in has]
    if not trust.impersonation:
        theirs.view["user"] = mine.view["user"]
        theirs.user_name, theirs.user_domain = mine.user_name, mine.user_domain
    theirs.limited = trust.remaining_uses is not None
    theirs.place, theirs.delegation_expires_at = place, trust.expires_at
    theirs.people, theirs.homes = theirs.people + mine.people, theirs.homes + mine.homes
    theirs.view["roles"] = [{"id": id, "name": name} for id, name in theirs.roles]
    theirs.view["OS-TRUST:trust"] = {
        "id": trust.id,
        "impersonation": trust.impersonation,
        "trustor_user": {"id": trust.trustor_id},
        "trustee_user": {"id": trust.trustee_id},
    }
    return _sealed(theirs)


def _over(time: datetime | None) -> bool:
    return time is not None and time <= now()


def _time(time: datetime | None) -> str | None:
    return None if time is None else iso(int(time.timestamp() * 1_000_000))
