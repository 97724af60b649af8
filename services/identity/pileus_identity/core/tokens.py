"""Issues, validates and shows tokens. Validating a known token costs a few dictionary look-ups and no statement."""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from sqlalchemy.orm import Session

from pileus_identity.core import revocations, token_payloads
from pileus_identity.core.authorization_loading import load_authorization
from pileus_identity.core.authorizations import Authorization, AuthorizationCache, AuthScope
from pileus_identity.core.fernet_keys import KeyRing
from pileus_identity.core.token_payloads import Payload
from pileus_identity.errors import AuthenticationFailed, TokenNotFound
from pileus_kit.auth import Caller
from pileus_kit.db import Sessions

MAX_CACHED = 20_000  # tokens
RECEIPT_LIFETIME_S = 300
ALLOW_EXPIRED_WINDOW_S = 48 * 3600  # OpenStack's default


@dataclass
class Token:
    """A valid token with what it grants at present."""

    text: str
    payload: Payload
    authorization: Authorization
    json_head: bytes  # the beginning of its JSON, up to what the authorization says
    caller: tuple[Authorization, Caller] | None = None  # one value, because threads share a token

    @property
    def has_access_rules(self) -> bool:
        """Whether it is one of an application credential that allows only some calls."""
        return "access_rules" in self.authorization.view.get("application_credential", ())


class TokenProvider:
    """Issues and validates tokens, and caches the valid ones."""

    def __init__(self, sessions: Sessions, key_ring: KeyRing, token_expiration_s: int) -> None:
        self.authorizations = AuthorizationCache(sessions, load_authorization, token_expiration_s)
        self._key_ring = key_ring
        self._token_expiration_s = token_expiration_s
        self._lock = threading.Lock()
        self._cached: OrderedDict[str, Token] = OrderedDict()

    def issue(
        self, scope: AuthScope, methods: tuple[str, ...], parent: Payload | None = None, issued: int | None = None
    ) -> Token:
        """Issue a token to a user who has authenticated.

        A token that is made from another (`parent`) expires no later. `issued` is when the authentication began, in
        microseconds since 1970: a revocation that was recorded since then includes this token.

        Raises AuthenticationFailed if the user has no role in the scope.
        """
        authorization = self.authorizations.get(scope)
        issued = issued or time.time_ns() // 1000
        expires = parent.expires if parent else issued + self._token_expiration_s * 1_000_000
        if authorization.delegation_expires_at is not None:
            expires = min(expires, int(authorization.delegation_expires_at.timestamp() * 1_000_000))
        audit_ids = (token_payloads.new_audit_id(), *(parent.audit_ids[-1:] if parent else ()))
        payload = Payload(
            scope.user_id,
            methods,
            scope.kind,
            scope.scope_id,
            issued,
            expires,
            audit_ids,
            scope.application_credential_id,
            scope.trust_id,
            scope.access_token_id,
        )
        text = token_payloads.encode(self._key_ring, payload)
        return self._cache(Token(text, payload, authorization, _json_head(payload)))

    def validate(self, text: str, allow_expired: bool = False) -> Token:
        """Raises TokenNotFound for a token that is unknown, expired or revoked, or that no longer grants any role.

        With `allow_expired` a service may finish what it began while the token was valid.
        """
        self.authorizations.revocation_log.refresh()
        token = self._cached.get(text)
        if token is None:
            payload = token_payloads.decode(self._key_ring, text)
            _check_expiry(payload, allow_expired)
            token = self._cache(Token(text, payload, self._authorize(payload), _json_head(payload)))
        else:
            _check_expiry(token.payload, allow_expired)
            if token.authorization.stale:
                token.authorization = self._authorize(token.payload)
        authorization = token.authorization
        if self.authorizations.revocation_log.is_revoked(
            token.payload, authorization.domain_ids, authorization.user_ids
        ):
            raise TokenNotFound
        return token

    def revoke(self, session: Session, token: Token) -> None:
        """Revoke one token; tokens that were made from it stay valid."""
        revocations.revoke_tokens(session, audit_id=token.payload.audit_ids[0])

    def issue_receipt(self, user_id: str, methods: tuple[str, ...]) -> tuple[str, Payload]:
        """A receipt that proves some factors, for a login that needs more of them."""
        issued = time.time_ns() // 1000
        expires = issued + RECEIPT_LIFETIME_S * 1_000_000
        payload = Payload(user_id, methods, "unscoped", None, issued, expires, (token_payloads.new_audit_id(),))
        return token_payloads.encode(self._key_ring, payload, token_payloads.RECEIPT), payload

    def validate_receipt(self, text: str) -> Payload:
        """Raises TokenNotFound for a receipt that isn't ours, has expired, or is older than a password change."""
        payload = token_payloads.decode(self._key_ring, text, token_payloads.RECEIPT)
        _check_expiry(payload, False)
        self.authorizations.revocation_log.refresh()
        if self.authorizations.revocation_log.is_revoked(payload, ()):
            raise TokenNotFound
        return payload

    def caller(self, text: str) -> Caller:
        """The caller whose requests bear this token. Raises TokenNotFound."""
        token = self.validate(text)
        cached = token.caller
        if cached is None or cached[0] is not token.authorization:
            authorization = token.authorization
            cached = token.caller = authorization, _caller(token, authorization)
        return cached[1]

    def json(self, token: Token, with_catalog: bool = True) -> bytes:
        """The body that shows a token."""
        payload = token.payload
        if not with_catalog or payload.kind == "unscoped":
            return token.json_head + token.authorization.json + b"}"
        project_id = payload.scope_id if payload.kind == "project" else None
        catalog = self.authorizations.catalog().json(project_id, payload.user_id)
        return b"".join((token.json_head, b'"catalog":', catalog, b",", token.authorization.json, b"}"))

    def _authorize(self, payload: Payload) -> Authorization:
        try:
            return self.authorizations.get(AuthScope.of(payload))
        except AuthenticationFailed:
            raise TokenNotFound from None

    def _cache(self, token: Token) -> Token:
        with self._lock:
            self._cached[token.text] = token
            if len(self._cached) > MAX_CACHED:
                self._cached.popitem(last=False)
        return token


def _check_expiry(payload: Payload, allow_expired: bool) -> None:
    if payload.expires + (ALLOW_EXPIRED_WINDOW_S * 1_000_000 if allow_expired else 0) <= time.time_ns() // 1000:
        raise TokenNotFound


def _json_head(payload: Payload) -> bytes:
    audit_ids = '","'.join(payload.audit_ids)
    methods = '","'.join(payload.methods)
    expires_at = token_payloads.format_microseconds(payload.expires)
    issued_at = token_payloads.format_microseconds(payload.issued)
    return (
        f'{{"token":{{"methods":["{methods}"],"audit_ids":["{audit_ids}"],"expires_at":"{expires_at}",'
        f'"issued_at":"{issued_at}",'
    ).encode()


def _caller(token: Token, authorization: Authorization) -> Caller:
    payload = token.payload
    user = authorization.view["user"]
    project_id = payload.scope_id if payload.kind == "project" else None
    domain_id = payload.scope_id if payload.kind == "domain" else None
    project_domain = authorization.project_domain or (None, None)
    return Caller(
        token=token.text,
        user_id=user["id"],
        user_name=user["name"],
        user_domain_id=user["domain"]["id"],
        user_domain_name=user["domain"]["name"],
        project_id=project_id,
        project_name=authorization.scope_name if project_id else None,
        project_domain_id=project_domain[0],
        project_domain_name=project_domain[1],
        domain_id=domain_id,
        domain_name=authorization.scope_name if domain_id else None,
        system=payload.kind == "system",
        roles=frozenset(name for _, name in authorization.roles),
        expires_at=payload.expires / 1_000_000,
        audit_ids=payload.audit_ids,
        methods=payload.methods,
        trust_id=payload.trust_id,
        delegators=authorization.user_ids if payload.trust_id else (),
        application_credential_id=payload.application_credential_id,
        access_rules=authorization.access_rules,
    )
