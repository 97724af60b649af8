"""Access keys of S3 clients: identity knows their secrets and verifies signatures; nothing secret comes here.

For Signature Version 4 identity also returns the signing key of one day, region and service. It is kept for KEEP_S
seconds, so that few requests ask identity; a key that was deleted works as long at most. The token that identity issued
with it is checked at each request as all tokens are, so a user who is disabled or loses their role is refused at once.
"""

import base64
import hashlib
import hmac
import threading
import time
from collections import OrderedDict
from dataclasses import dataclass
from typing import Protocol

from pileus_kit.auth import Authenticator, Caller
from pileus_kit.errors import Unauthorized
from pileus_kit.peers import PeerRefused, Peers

KEEP_S = 60.0
MAX_KEYS = 10_000


class UnknownAccessKey(Exception):
    """Identity has no such key."""


class SignatureWrong(Exception):
    """The signature was not made with the key's secret."""


@dataclass(frozen=True, slots=True)
class SignedText:
    """What a client signed. `scope` is `date/region/service/aws4_request`, '' for Signature Version 2."""

    access: str
    scope: str
    text: str
    signature: str


@dataclass(frozen=True, slots=True)
class VerifiedKey:
    """A key whose signature was right: a token of its owner, and what signs the chunks of a body."""

    token: str
    signing_key: bytes


class Verifier(Protocol):
    """Asks the service that knows the secrets."""

    def __call__(self, signed: SignedText) -> VerifiedKey:
        """Verify a signature. Raises UnknownAccessKey or SignatureWrong."""
        ...


class IdentityVerifier:
    """Verifies through identity's `POST /v3/s3tokens`."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers

    def __call__(self, signed: SignedText) -> VerifiedKey:
        token = base64.urlsafe_b64encode(signed.text.encode()).decode()
        credentials = {"access": signed.access, "token": token, "signature": signed.signature, "scope": signed.scope}
        body = {"credentials": {name: value for name, value in credentials.items() if value}}
        try:
            answer = self._peers.send("identity", "POST", "/v3/s3tokens?signing_key=1", json=body)
        except PeerRefused as err:
            if err.status == 404:
                raise UnknownAccessKey from None
            if err.status in (400, 401, 403):
                raise SignatureWrong from None
            raise
        key = answer.headers.get("X-Pileus-Signing-Key", "")
        return VerifiedKey(answer.headers["X-Subject-Token"], bytes.fromhex(key))


class AccessKeys:
    """Finds the caller behind a signature. Thread-safe."""

    def __init__(self, verify: Verifier, authenticate: Authenticator) -> None:
        self._verify, self._authenticate = verify, authenticate
        self._known: OrderedDict[tuple[str, str], tuple[VerifiedKey, float]] = OrderedDict()
        self._lock = threading.Lock()

    def authenticate(self, signed: SignedText) -> tuple[Caller, bytes]:
        """Return the caller and the signing key. Raises UnknownAccessKey or SignatureWrong."""
        known = self._find(signed)
        if known is not None:
            try:
                return self._authenticate(known.token), known.signing_key
            except Unauthorized:
                self._forget(signed)
        verified = self._verify(signed)
        try:
            caller = self._authenticate(verified.token)
        except Unauthorized:
            raise SignatureWrong from None
        if verified.signing_key:
            self._keep(signed, verified)
        return caller, verified.signing_key

    def _find(self, signed: SignedText) -> VerifiedKey | None:
        """The remembered key, if the signature was made with it."""
        with self._lock:
            verified, since = self._known.get((signed.access, signed.scope), (None, 0.0))
        if verified is None or time.monotonic() - since > KEEP_S:
            return None
        expected = hmac.new(verified.signing_key, signed.text.encode(), hashlib.sha256).hexdigest()
        return verified if hmac.compare_digest(expected.encode(), signed.signature.encode()) else None

    def _keep(self, signed: SignedText, verified: VerifiedKey) -> None:
        with self._lock:
            self._known[signed.access, signed.scope] = verified, time.monotonic()
            while len(self._known) > MAX_KEYS:
                self._known.popitem(last=False)

    def _forget(self, signed: SignedText) -> None:
        with self._lock:
            self._known.pop((signed.access, signed.scope), None)
