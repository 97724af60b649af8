"""Who is calling: tokens are checked through identity and cached, and a revocation takes effect within a second.

Revocations are polled, not announced (docs/decisions/0002): while requests come in, a service asks identity at most
once a second which tokens were revoked; without requests it asks nothing. That works without the bus, and an idle
service costs nothing.
"""

import hashlib
import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Protocol

from pileus_kit.errors import Unauthorized, Unavailable

log = logging.getLogger(__name__)

FRESH_S = 0.8
"""How long the last answer about revocations is good enough."""
MAX_WAIT_S = 6.0
"""How long a request waits for the answer to another request's question about revocations."""
CACHE_S = 300.0
"""How long a validated token is cached; after that it is validated again."""
MAX_CACHED_TOKENS = 10_000
MAX_TOKEN_CHARACTERS = 8192


class IdentityDown(Unavailable):
    """Identity can't be asked about tokens."""

    text = "The identity service does not answer; try again shortly."


@dataclass(frozen=True)
class Caller:
    """The identity behind a token, as the identity service describes it."""

    token: str = field(default="", repr=False)
    user_id: str = ""
    user_name: str = ""
    user_domain_id: str = ""
    user_domain_name: str = ""
    project_id: str | None = None
    project_name: str | None = None
    project_domain_id: str | None = None
    project_domain_name: str | None = None
    domain_id: str | None = None
    domain_name: str | None = None
    system: bool = False
    roles: frozenset[str] = frozenset()
    service_roles: frozenset[str] = frozenset()  # of the service that calls on the user's behalf (X-Service-Token)
    service_user_id: str | None = None  # that service's user
    expires_at: float = 0.0  # epoch seconds
    audit_ids: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()
    trust_id: str | None = None
    delegators: tuple[str, ...] = ()  # ids of a trust's trustor and trustee; revoking either revokes the token
    application_credential_id: str | None = None
    access_rules: tuple[tuple[str, str, str], ...] | None = None  # (service type, method, path); None: not restricted

    @property
    def is_admin(self) -> bool:
        """Whether the caller has the role admin, in whatever scope."""
        return "admin" in self.roles

    @property
    def is_service(self) -> bool:
        """Whether a service calls, as itself or on a user's behalf."""
        return "service" in self.roles or "service" in self.service_roles

    @property
    def owner(self) -> tuple[str, str]:
        """Whose requests these are, for fair shares and rates: a project's, or a user's own if there is none."""
        if "service" in self.roles:
            return "service", self.user_id
        return ("project", self.project_id) if self.project_id else ("user", self.user_id)

    @property
    def is_delegated(self) -> bool:
        """Whether the rights come from a trust or an application credential. Such a caller never reaches secrets and
        never gains rights."""
        return bool(self.trust_id or self.application_credential_id)

    @property
    def scope_type(self) -> str:
        """The kind of this token as policy rules name it; a token without a scope counts as a project's."""
        return "system" if self.system else "domain" if self.domain_id else "project"

    @cached_property
    def scope(self) -> dict[str, Any]:
        """The caller's own scope as a policy target."""
        return {
            "project_id": self.project_id,
            "user_id": self.user_id,
            "domain_id": self.domain_id,
            "tenant_id": self.project_id,
        }

    @cached_property
    def credentials(self) -> dict[str, Any]:
        """The facts that policy checks read. Facts that the caller lacks are left out: None would equal a None of the
        target, as text."""
        facts = {
            "user_id": self.user_id,
            "project_id": self.project_id,
            "tenant_id": self.project_id,
            "domain_id": self.domain_id,
            "user_domain_id": self.user_domain_id,
            "project_domain_id": self.project_domain_id,
            "system_scope": "all" if self.system else None,
            "system": "all" if self.system else None,
            "roles": sorted(self.roles),
            "service_roles": sorted(self.service_roles),
            "is_admin": self.is_admin,
            "is_admin_project": True,
            "trust_id": self.trust_id,
            "scope_type": self.scope_type,
            "token": self._token_facts(),
        }
        return {key: value for key, value in facts.items() if value is not None}

    def _token_facts(self) -> dict[str, Any]:
        """Return the scope as Keystone's own rules name it: `token.domain.id` and `token.project.domain.id`."""
        if self.domain_id:
            return {"domain": {"id": self.domain_id}}
        return {"project": {"domain": {"id": self.project_domain_id}}} if self.project_domain_id else {}


class Authenticator(Protocol):
    """What an API checks tokens with."""

    def __call__(self, token: str) -> Caller:
        """Return the caller behind a token. Raises Unauthorized."""
        ...


def caller_of(token: str, view: Mapping[str, Any]) -> Caller:
    """Return the caller that the `token` object of identity's `GET /v3/auth/tokens` describes."""
    user = view["user"]
    project, domain = view.get("project") or {}, view.get("domain") or {}
    rules = (view.get("application_credential") or {}).get("access_rules")
    return Caller(
        token=token,
        user_id=user["id"],
        user_name=user["name"],
        user_domain_id=user["domain"]["id"],
        user_domain_name=user["domain"].get("name", ""),
        project_id=project.get("id"),
        project_name=project.get("name"),
        project_domain_id=(project.get("domain") or {}).get("id"),
        project_domain_name=(project.get("domain") or {}).get("name"),
        domain_id=domain.get("id"),
        domain_name=domain.get("name"),
        system=bool((view.get("system") or {}).get("all")),
        roles=frozenset(role["name"] for role in view.get("roles", ())),
        expires_at=_epoch(view["expires_at"]),
        audit_ids=tuple(view.get("audit_ids", ())),
        methods=tuple(view.get("methods", ())),
        trust_id=(view.get("OS-TRUST:trust") or {}).get("id"),
        delegators=_delegators(view),
        application_credential_id=(view.get("application_credential") or {}).get("id"),
        access_rules=None if rules is None else tuple((r["service"], r["method"], r["path"]) for r in rules),
    )


def _delegators(view: Mapping[str, Any]) -> tuple[str, ...]:
    trust = view.get("OS-TRUST:trust") or {}
    return tuple(trust[user]["id"] for user in ("trustor_user", "trustee_user") if user in trust)


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class KeystoneAuthenticator:
    """Validates tokens through identity."""

    def __init__(
        self, validate: Callable[[str], Mapping[str, Any]], revoked: Callable[[int], Mapping[str, Any]]
    ) -> None:
        """`validate(token)` returns the token's view or raises Unauthorized; `revoked(serial)` returns identity's
        revocation events after that serial."""
        self._validate, self._revoked = validate, revoked
        self._known: OrderedDict[bytes, tuple[Caller, float]] = OrderedDict()  # -> caller, validated at (monotonic)
        self._lock = threading.Lock()
        self._asking = threading.Lock()  # held by the thread that asks about revocations
        self._serial = -1
        self._asked = self._failed = -FRESH_S  # when the last answered question began; when one failed (monotonic)
        self._is_down = False  # the last question had no answer

    def __call__(self, token: str) -> Caller:
        if not token or len(token) > MAX_TOKEN_CHARACTERS:
            raise Unauthorized()
        self._refresh_revocations()
        key = hashlib.sha256(token.encode()).digest()
        with self._lock:
            caller, since = self._known.get(key, (None, 0.0))
            if caller is not None and time.monotonic() - since < CACHE_S and time.time() < caller.expires_at:
                self._known.move_to_end(key)
                return caller
        serial = self._serial
        caller = caller_of(token, self._validate(token))
        if time.time() >= caller.expires_at:
            raise Unauthorized()
        with self._lock:
            if serial == self._serial:  # otherwise a token was revoked meanwhile, perhaps this one
                self._known[key] = (caller, time.monotonic())
                while len(self._known) > MAX_CACHED_TOKENS:
                    self._known.popitem(last=False)
        return caller

    def knows(self, token: str) -> bool:
        """Whether this token is cached, without asking identity."""
        with self._lock:
            return hashlib.sha256(token.encode()).digest() in self._known

    def _refresh_revocations(self) -> None:
        """Ask what was revoked, if the last answer is old.

        One thread asks, and all requests that came meanwhile take its answer, even if there is none: otherwise each
        would wait for a hanging identity once for every request before it.
        """
        arrived = time.monotonic()
        if arrived - self._asked < FRESH_S:
            return
        if not self._asking.acquire(blocking=not self._is_down, timeout=-1 if self._is_down else MAX_WAIT_S):
            raise IdentityDown()
        try:
            if arrived - self._asked < FRESH_S:
                return
            if arrived - self._failed < FRESH_S:
                raise IdentityDown()
            self._fetch_revocations()
        finally:
            self._asking.release()

    def _fetch_revocations(self) -> None:
        """Ask identity, and drop the revoked tokens. Raises IdentityDown: without an answer no cached token is
        trusted."""
        began = time.monotonic()
        try:
            news = self._revoked(self._serial)
        except Exception as err:  # any failure means the same: there is no answer
            self._failed, self._is_down = time.monotonic(), True
            log.warning("identity does not answer about revocations: %s", err)
            raise IdentityDown() from err
        with self._lock:
            if self._serial >= 0 and (news.get("reset") or news["events"]):
                self._forget([] if news.get("reset") else news["events"])
            self._serial, self._asked, self._is_down = news["serial"], began, False

    def _forget(self, events: list[Mapping[str, Any]]) -> None:
        """Drop the cached tokens that events affect: all of them after a reset (no events) or an event without ids."""
        precise = [e for e in events if e.get("user_id") or e.get("project_id") or e.get("audit_id")]
        if not events or len(precise) < len(events):
            self._known.clear()
            return
        for key, (caller, _) in list(self._known.items()):
            if any(_affects(e, caller) for e in precise):
                del self._known[key]


def _affects(event: Mapping[str, Any], caller: Caller) -> bool:
    if event.get("audit_id") and event["audit_id"] not in caller.audit_ids:
        return False
    if event.get("user_id") and event["user_id"] not in (caller.user_id, *caller.delegators):
        return False
    return not (event.get("project_id") and event["project_id"] != caller.project_id)
