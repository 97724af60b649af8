"""Requests signed by OAuth 1.0 (RFC 5849): a program proves that it knows a secret, and doesn't send it.

The secret is a consumer's, and that of a token where one is used; the method is HMAC-SHA1, the one that this API has.
"""

import hashlib
import logging
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from oauthlib.oauth1 import (  # type: ignore[import-untyped]
    SIGNATURE_HMAC_SHA1,
    RequestValidator,
    SignatureOnlyEndpoint,
)
from sqlalchemy.orm import Session

from pileus_identity.core import nonces
from pileus_identity.core.keys import KeyRing
from pileus_identity.db.models import AccessToken, Consumer, RequestToken
from pileus_identity.errors import Invalid, LoginFailed
from pileus_kit.db import Sessions

logging.getLogger("oauthlib").setLevel(logging.WARNING)  # at DEBUG it writes what was signed, verifiers among it

PLAIN = re.compile(r"[0-9A-Za-z]{1,64}")

Kind = type[RequestToken] | type[AccessToken] | None


@dataclass(frozen=True)
class SignedRequest:
    """A POST as it came. `urls`: by which a client may know this place; the signature covers the one that it used."""

    urls: tuple[str, ...]
    authorization: str = field(repr=False)


@dataclass(frozen=True)
class Signer:
    """Who has signed, and what for."""

    consumer_id: str
    token_id: str
    verifier: str = field(repr=False)
    nonce: str  # a digest of what makes the request different from all others
    at: datetime  # when it was signed, as its sender says


class Signers:
    def __init__(self, sessions: Sessions, ring: KeyRing) -> None:
        self._sessions = sessions
        self._ring = ring

    def prove(self, request: SignedRequest, kind: Kind = None) -> Signer:
        """Who signed this request with a token of that kind. The request is good for this once, whatever it leads to.

        Raises Invalid for what is no OAuth, LoginFailed for a wrong signature, an old time or a second use.
        """
        with self._sessions.read() as session:
            signer = _check(_Secrets(session, self._ring, kind), request)
        with self._sessions.begin() as session:
            nonces.use(session, signer.nonce, signer.at)
        return signer


class _Secrets(RequestValidator):
    """What oauthlib wants to know. Who is unknown gets a secret that nobody knows: to refuse him takes as long."""

    allowed_signature_methods = (SIGNATURE_HMAC_SHA1,)
    timestamp_lifetime = nonces.LIVES.total_seconds()
    enforce_ssl = False  # who offers TLS ends it before this process
    dummy_client = ""

    def __init__(self, session: Session, ring: KeyRing, kind: Kind) -> None:
        self._session, self._ring, self.kind = session, ring, kind

    def check_client_key(self, client_key: str) -> bool:
        return PLAIN.fullmatch(client_key) is not None

    def check_nonce(self, nonce: str) -> bool:
        return len(nonce) <= 255

    def validate_timestamp_and_nonce(self, *_: Any) -> bool:
        return True  # the time is checked already; the nonce will be when the signature is known to be right

    def validate_client_key(self, client_key: str, _request: Any) -> bool:
        return self._session.get(Consumer, client_key) is not None

    def get_client_secret(self, client_key: str, _request: Any) -> str:
        return self._open(self._session.get(Consumer, client_key))

    def get_access_token_secret(self, client_key: str, token_id: str, _request: Any) -> str:
        """Of a request token, too: for oauthlib here a token is a token. One of another consumer is no token."""
        token: Any = self._session.get(self.kind, token_id) if self.kind and PLAIN.fullmatch(token_id) else None
        return self._open(token if token is not None and token.consumer_id == client_key else None)

    def _open(self, owner: Consumer | RequestToken | AccessToken | None) -> str:
        return secrets.token_urlsafe(64) if owner is None else self._ring.open_text(owner.secret)


def _check(known: _Secrets, request: SignedRequest) -> Signer:
    endpoint = SignatureOnlyEndpoint(known)
    for url in request.urls:
        try:
            right, given = endpoint.validate_request(url, "POST", None, {"Authorization": request.authorization})
        except ValueError:
            raise Invalid(why="The request has to be signed in its Authorization header, as OAuth 1.0 says.") from None
        _complete(known.kind, given)
        if right:
            return _signer(given)
    raise LoginFailed


def _complete(kind: Kind, given: Any) -> None:
    """oauthlib gives nothing at all where a parameter came twice."""
    wanted = [("client_key", "oauth_consumer_key")]
    if kind is not None:
        wanted.append(("resource_owner_key", "oauth_token"))
    if kind is RequestToken:
        wanted.append(("verifier", "oauth_verifier"))
    for attribute, name in wanted:
        if given is None or getattr(given, attribute) is None:
            raise Invalid(why=f"Expecting to find {name}, once, in the Authorization header.")


def _signer(given: Any) -> Signer:
    """Every nonce is new for its time, consumer and token (RFC 5849, 3.3)."""
    unique = repr((given.client_key, given.resource_owner_key, given.timestamp, given.nonce))
    return Signer(
        given.client_key,
        given.resource_owner_key or "",
        given.verifier or "",
        hashlib.sha256(unique.encode()).hexdigest(),
        datetime.fromtimestamp(int(given.timestamp), UTC),
    )
