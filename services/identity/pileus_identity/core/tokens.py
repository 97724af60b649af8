"""Tokens: made, checked, revoked. A check of a token seen before costs a few dictionary look-ups and no statement."""

import threading
import time
from collections import OrderedDict
from dataclasses import dataclass

from pileus_identity.core import payloads
from pileus_identity.core.keys import KeyRing
from pileus_identity.core.payloads import Payload
from pileus_identity.core.standings import Place, Standing, Standings
from pileus_identity.errors import LoginFailed, TokenNotFound
from pileus_kit.auth import Caller
from pileus_kit.db import Sessions

REMEMBERED = 20_000
RECEIPT_SECONDS = 300
LATE_SECONDS = 48 * 3600  # as everybody's default is


@dataclass
class Token:
    text: str
    payload: Payload
    standing: Standing
    head: bytes  # the beginning of its JSON, up to what the standing says
    asker: tuple[Standing, Caller] | None = None  # the caller as of a standing; together, since threads share a token

    @property
    def restricted_paths(self) -> bool:
        return "access_rules" in self.standing.view.get("application_credential", ())


class Tokens:
    def __init__(self, sessions: Sessions, ring: KeyRing, token_seconds: int) -> None:
        self.standings = Standings(sessions, token_seconds)
        self._ring = ring
        self._seconds = token_seconds
        self._lock = threading.Lock()
        self._known: OrderedDict[str, Token] = OrderedDict()

    def issue(
        self, place: Place, methods: tuple[str, ...], parent: Payload | None = None, issued: int | None = None
    ) -> Token:
        """A token for somebody who has proven who he is. One made from another lives no longer than that one.

        `issued`: when the proof was begun (microseconds); what kills tokens issued before its time kills this one.

        Raises LoginFailed if the user has no role there.
        """
        standing = self.standings.of(place)
        issued = issued or time.time_ns() // 1000
        expires = parent.expires if parent else issued + self._seconds * 1_000_000
        if standing.delegation_expires_at is not None:
            expires = min(expires, int(standing.delegation_expires_at.timestamp() * 1_000_000))
        audit_ids = (payloads.audit_id(), *(parent.audit_ids[-1:] if parent else ()))
        payload = Payload(
            place.user_id,
            methods,
            place.kind,
            place.scope_id,
            issued,
            expires,
            audit_ids,
            place.application_credential_id,
            place.trust_id,
            place.access_token_id,
        )
        return self._remember(Token(payloads.encode(self._ring, payload), payload, standing, _head(payload)))

    def check(self, text: str, late: bool = False) -> Token:
        """Raises TokenNotFound for a token that is unknown, expired, revoked, or worth nothing any more.

        `late`: a service may finish what it began while the token was valid.
        """
        self.standings.ledger.look()
        token = self._known.get(text)
        if token is None:
            payload = payloads.decode(self._ring, text)
            _in_time(payload, late)
            token = self._remember(Token(text, payload, self._standing(payload), _head(payload)))
        else:
            _in_time(token.payload, late)
            if token.standing.stale:
                token.standing = self._standing(token.payload)
        if self.standings.ledger.kills(token.payload, token.standing.domain_ids, token.standing.people):
            raise TokenNotFound
        return token

    def new_receipt(self, user_id: str, methods: tuple[str, ...]) -> tuple[str, Payload]:
        """Proof that somebody has shown some factors, for a login that needs more."""
        issued = time.time_ns() // 1000
        payload = Payload(
            user_id, methods, "unscoped", None, issued, issued + RECEIPT_SECONDS * 1_000_000, (payloads.audit_id(),)
        )
        return payloads.encode(self._ring, payload, payloads.RECEIPT), payload

    def receipt(self, text: str) -> Payload:
        """Raises TokenNotFound for one that isn't ours, is over, or older than a change of the user's password."""
        payload = payloads.decode(self._ring, text, payloads.RECEIPT)
        _in_time(payload, False)
        self.standings.ledger.look()
        if self.standings.ledger.kills(payload, ()):
            raise TokenNotFound
        return payload

    def caller(self, text: str) -> Caller:
        """Who asks with this token."""
        token = self.check(text)
        asker = token.asker
        if asker is None or asker[0] is not token.standing:
            standing = token.standing
            asker = token.asker = standing, _caller(token, standing)
        return asker[1]

    def json(self, token: Token, catalog: bool = True) -> bytes:
        """The body that shows a token."""
        place = token.payload
        if not catalog or place.kind == "unscoped":
            return token.head + token.standing.json + b"}"
        project_id = place.scope_id if place.kind == "project" else None
        listed = self.standings.catalog().json(project_id, place.user_id)
        return b"".join((token.head, b'"catalog":', listed, b",", token.standing.json, b"}"))

    def _standing(self, payload: Payload) -> Standing:
        try:
            return self.standings.of(Place.of(payload))
        except LoginFailed:
            raise TokenNotFound from None

    def _remember(self, token: Token) -> Token:
        with self._lock:
            self._known[token.text] = token
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        return token


def _in_time(payload: Payload, late: bool) -> None:
    if payload.expires + (LATE_SECONDS * 1_000_000 if late else 0) <= time.time_ns() // 1000:
        raise TokenNotFound


def _head(payload: Payload) -> bytes:
    audit = '","'.join(payload.audit_ids)
    methods = '","'.join(payload.methods)
    return (
        f'{{"token":{{"methods":["{methods}"],"audit_ids":["{audit}"],"expires_at":"{payloads.iso(payload.expires)}",'
        f'"issued_at":"{payloads.iso(payload.issued)}",'
    ).encode()


def _caller(token: Token, standing: Standing) -> Caller:
    payload = token.payload
    user = standing.view["user"]
    project = payload.scope_id if payload.kind == "project" else None
    domain = payload.scope_id if payload.kind == "domain" else None
    home = standing.scope_domain or (None, None)
    return Caller(
        token=token.text,
        user_id=user["id"],
        user_name=user["name"],
        user_domain_id=user["domain"]["id"],
        user_domain_name=user["domain"]["name"],
        project_id=project,
        project_name=standing.scope_name if project else None,
        project_domain_id=home[0],
        project_domain_name=home[1],
        domain_id=domain,
        domain_name=standing.scope_name if domain else None,
        system=payload.kind == "system",
        roles=frozenset(name for _, name in standing.roles),
        expires_at=payload.expires / 1_000_000,
        audit_ids=payload.audit_ids,
        methods=payload.methods,
        trust_id=payload.trust_id,
        delegators=standing.people if payload.trust_id else (),
        application_credential_id=payload.application_credential_id,
        access_rules=_access_rules(standing),
    )


def _access_rules(standing: Standing) -> tuple[tuple[str, str, str], ...] | None:
    rules = standing.view.get("application_credential", {}).get("access_rules")
    return None if rules is None else tuple((rule["service"], rule["method"], rule["path"]) for rule in rules)
