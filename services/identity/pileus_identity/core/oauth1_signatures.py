"""Requests signed by OAuth 1.0 (RFC 5849): a program proves that it knows a secret without sending it.

The secret is the consumer's, combined with that of a token where one is used. The only method of this API is HMAC-SHA1.
"""

import hashlib
import logging
import re
import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol

from oauthlib.oauth1 import (  # type: ignore[import-untyped]
    SIGNATURE_HMAC_SHA1,
    RequestValidator,
    SignatureOnlyEndpoint,
)
from sqlalchemy.orm import Session

from pileus_identity.core import nonces
from pileus_identity.core.fernet_keys import KeyRing
from pileus_identity.db.models import AccessToken, Consumer, RequestToken
from pileus_identity.errors import AuthenticationFailed, ValidationFailed
from pileus_kit.db import Sessions

logging.getLogger("oauthlib").setLevel(logging.WARNING)  # at DEBUG it logs signed requests, with their verifiers

PLAIN = re.compile(r"[0-9A-Za-z]{1,64}")
MAX_NONCE_CHARACTERS = 255

TokenKind = type[RequestToken] | type[AccessToken] | None


@dataclass(frozen=True)
class SignedRequest:
    """A POST as it was received."""

    urls: tuple[str, ...]  # by which the client may know this address; the signature covers the one that it used
    authorization: str = field(repr=False)  # the header


@dataclass(frozen=True)
class OAuth1Signature:
    """What a valid signature proves."""

    consumer_id: str
    token_id: str
    verifier: str = field(repr=False)
    nonce: str  # a digest of everything that makes the request unique
    at: datetime  # when it was signed, according to the client


class _Parameters(Protocol):
    """The OAuth parameters of a request, as oauthlib has parsed them."""

    client_key: str
    resource_owner_key: str | None
    verifier: str | None
    timestamp: str
    nonce: str


class OAuth1Verifier:
    """Verifies the signatures of consumers."""

    def __init__(self, sessions: Sessions, key_ring: KeyRing) -> None:
        self._sessions = sessions
        self._key_ring = key_ring

    def verify(self, request: SignedRequest, kind: TokenKind = None) -> OAuth1Signature:
        """Verify a request that is signed with a token of a kind (None: with the consumer's secret alone).

        A request is accepted once, whatever it leads to. Raises ValidationFailed for a malformed header, and
        AuthenticationFailed for a wrong signature, an old time or a second use.
        """
        with self._sessions.read() as session:
            signature = _verify(_Secrets(session, self._key_ring, kind), request)
        with self._sessions.begin() as session:
            nonces.use(session, signature.nonce, signature.at)
        return signature


class _Secrets(RequestValidator):
    """Answers oauthlib's questions. Unknown clients get a random secret, so that rejecting them takes the same time."""

    allowed_signature_methods = (SIGNATURE_HMAC_SHA1,)
    timestamp_lifetime = nonces.MAX_CLOCK_DIFFERENCE.total_seconds()
    enforce_ssl = False  # TLS ends at a proxy before this process
    dummy_client = ""

    def __init__(self, session: Session, key_ring: KeyRing, kind: TokenKind) -> None:
        self._session, self._key_ring, self.kind = session, key_ring, kind

    def check_client_key(self, client_key: str) -> bool:
        return PLAIN.fullmatch(client_key) is not None

    def check_nonce(self, nonce: str) -> bool:
        return len(nonce) <= MAX_NONCE_CHARACTERS

    def validate_timestamp_and_nonce(self, *_: object) -> bool:
        """Accept all: oauthlib has checked the time, and the nonce is checked after the signature."""
        return True

    def validate_client_key(self, client_key: str, _request: object) -> bool:
        return self._session.get(Consumer, client_key) is not None

    def get_client_secret(self, client_key: str, _request: object) -> str:
        return self._decrypt(self._session.get(Consumer, client_key))

    def get_access_token_secret(self, client_key: str, token_id: str, _request: object) -> str:
        """The secret of an access token or a request token, which oauthlib doesn't tell apart here.

        A token of another consumer counts as unknown.
        """
        token: RequestToken | AccessToken | None = None
        if self.kind is not None and PLAIN.fullmatch(token_id):
            token = self._session.get(self.kind, token_id)  # type: ignore[assignment]
        return self._decrypt(token if token is not None and token.consumer_id == client_key else None)

    def _decrypt(self, owner: Consumer | RequestToken | AccessToken | None) -> str:
        return secrets.token_urlsafe(64) if owner is None else self._key_ring.decrypt_text(owner.secret)


def _verify(known: _Secrets, request: SignedRequest) -> OAuth1Signature:
    endpoint = SignatureOnlyEndpoint(known)
    for url in request.urls:
        try:
            valid, given = endpoint.validate_request(url, "POST", None, {"Authorization": request.authorization})
        except ValueError:
            raise ValidationFailed(
                why="The request has to be signed in its Authorization header, as OAuth 1.0 says."
            ) from None
        parameters = _check_complete(known.kind, given)
        if valid:
            return _signature(parameters)
    raise AuthenticationFailed


def _check_complete(kind: TokenKind, given: _Parameters | None) -> _Parameters:
    """oauthlib returns None if a parameter is given twice."""
    wanted = [("client_key", "oauth_consumer_key")]
    if kind is not None:
        wanted.append(("resource_owner_key", "oauth_token"))
    if kind is RequestToken:
        wanted.append(("verifier", "oauth_verifier"))
    for attribute, name in wanted:
        if given is None or getattr(given, attribute) is None:
            raise ValidationFailed(why=f"Expecting to find {name}, once, in the Authorization header.")
    assert given is not None
    return given


def _signature(given: _Parameters) -> OAuth1Signature:
    """A nonce is unique for its time, consumer and token (RFC 5849, 3.3)."""
    unique = repr((given.client_key, given.resource_owner_key, given.timestamp, given.nonce))
    return OAuth1Signature(
        given.client_key,
        given.resource_owner_key or "",
        given.verifier or "",
        hashlib.sha256(unique.encode()).hexdigest(),
        datetime.fromtimestamp(int(given.timestamp), UTC),
    )
