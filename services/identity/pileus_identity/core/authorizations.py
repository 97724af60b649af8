"""A principal's roles in a scope, cached until an event of the revocation log invalidates them."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple, TypeVar

from sqlalchemy.orm import Session

from pileus_identity.core.catalog import Catalog, load_catalog
from pileus_identity.core.implied_roles import RoleGraph, load_role_graph
from pileus_identity.core.revocations import RevocationEvent, RevocationLog
from pileus_identity.core.token_payloads import Payload
from pileus_kit.db import Sessions
from pileus_kit.json_types import JsonObject

MAX_CACHED = 5000  # authorizations

T = TypeVar("T")


class AuthScope(NamedTuple):
    """The user, the scope and the delegation of a token."""

    user_id: str
    kind: str  # one of token_payloads.KINDS
    scope_id: str | None = None
    application_credential_id: str | None = None
    trust_id: str | None = None
    access_token_id: str | None = None

    @classmethod
    def of(cls, payload: Payload) -> "AuthScope":
        """The scope that a token's payload names."""
        return cls(
            payload.user_id,
            payload.kind,
            payload.scope_id,
            payload.application_credential_id,
            payload.trust_id,
            payload.access_token_id,
        )


@dataclass
class Authorization:
    """What the tokens of one AuthScope grant at present, with the JSON that shows it."""

    scope: AuthScope
    user_name: str
    user_domain: tuple[str, str]  # id, name
    scope_name: str | None = None
    project_domain: tuple[str, str] | None = None  # id, name
    roles: list[tuple[str, str]] = field(default_factory=list)  # (id, name)
    user_ids: tuple[str, ...] = ()  # the users whose changes affect it: of a trust both trustor and trustee
    user_domain_ids: tuple[str, ...] = ()
    restricted: bool = False  # by an application credential that may not create others
    delegation_expires_at: datetime | None = None
    has_limited_uses: bool = False  # of a trust
    stale: bool = False  # an event has invalidated it
    view: JsonObject = field(default_factory=dict)
    json: bytes = b""  # `view` without its opening brace

    @property
    def domain_ids(self) -> tuple[str | None, ...]:
        """The domains of its users and of its scope."""
        own = self.scope.scope_id if self.scope.kind == "domain" else None
        return *self.user_domain_ids, self.project_domain[0] if self.project_domain else own

    @property
    def access_rules(self) -> tuple[tuple[str, str, str], ...] | None:
        """(service type, method, path) of each call that it allows; None if all calls are allowed."""
        rules = self.view.get("application_credential", {}).get("access_rules")
        return None if rules is None else tuple((rule["service"], rule["method"], rule["path"]) for rule in rules)

    def is_affected_by(self, event: RevocationEvent) -> bool:
        """Whether an event matches. Events about single tokens don't: they change no authorization."""
        if event.audit_id is not None:
            return False
        return (
            (event.user_id is None or event.user_id in self.user_ids)
            and (event.project_id is None or event.project_id == self.scope.scope_id)
            and (event.domain_id is None or event.domain_id in self.domain_ids)
            and (event.role_id is None or any(event.role_id == id for id, _ in self.roles))
        )


Load = Callable[[Session, RoleGraph, AuthScope], Authorization]


class AuthorizationCache:
    """Loads authorizations, one statement for a plain scope, and caches them with the role graph and the catalog."""

    def __init__(self, sessions: Sessions, load: Load, token_expiration_s: int) -> None:
        self._sessions = sessions
        self._load = load
        self._lock = threading.Lock()
        self._cached: OrderedDict[AuthScope, Authorization] = OrderedDict()
        self._role_graph: RoleGraph | None = None
        self._catalog: Catalog | None = None
        self.revocation_log = RevocationLog(sessions, self._invalidate, token_expiration_s)

    def get(self, scope: AuthScope) -> Authorization:
        """What a user may do in a scope.

        Raises AuthenticationFailed if the user is disabled, or has no role in the scope (any more).
        """
        serial = self.revocation_log.refresh()
        cached = self._cached.get(scope)
        if cached is not None:
            return cached
        graph = self._get_role_graph()
        with self._sessions.read() as session:
            authorization = self._load(session, graph, scope)
        with self._lock:
            # An event that arrived during the read may be newer than our snapshot: then the result serves this once.
            authorization.stale = self.revocation_log.serial != serial
            if not authorization.stale:
                # Another thread may have loaded the same; only one of the two can be marked stale later.
                authorization = self._cached.setdefault(scope, authorization)
                if len(self._cached) > MAX_CACHED:
                    self._cached.popitem(last=False)[1].stale = True
        return authorization

    def catalog(self) -> Catalog:
        """The service catalog, cached until an event concerns everything."""
        serial = self.revocation_log.refresh()
        catalog = self._catalog
        if catalog is None:
            catalog = self._read(load_catalog)
            with self._lock:
                if self.revocation_log.serial == serial:
                    self._catalog = catalog
        return catalog

    def _get_role_graph(self) -> RoleGraph:
        serial = self.revocation_log.refresh()
        graph = self._role_graph
        if graph is None:
            graph = self._read(load_role_graph)
            with self._lock:
                if self.revocation_log.serial == serial:
                    self._role_graph = graph
        return graph

    def _read(self, load: Callable[[Session], T]) -> T:
        with self._sessions.read() as session:
            return load(session)

    def _invalidate(self, event: RevocationEvent) -> None:
        with self._lock:
            if event.names_nothing:
                self._role_graph = self._catalog = None
            for scope in [scope for scope, cached in self._cached.items() if cached.is_affected_by(event)]:
                self._cached.pop(scope).stale = True
