"""The payload inside a token: who, for which scope, until when; about 200 characters once encrypted.

It holds no secret and no roles. What a token grants at present is looked up (core.authorizations), so that it never
grants a role that has been revoked.
"""

import secrets
from base64 import urlsafe_b64encode
from datetime import UTC, datetime

import msgspec
from cryptography.fernet import InvalidToken

from pileus_identity.core.fernet_keys import KeyRing
from pileus_identity.errors import TokenNotFound

METHODS = (
    "password",
    "token",
    "application_credential",
    "totp",
    "external",
    "mapped",
    "oauth2",
    "ec2credential",
    "oauth1",
)
KINDS = ("unscoped", "project", "domain", "system")
TOKEN, RECEIPT = 1, 2  # a receipt proves some factors of a login and is no token
MAX_TOKEN_CHARACTERS = 1000  # ours are far shorter

Packed = bytes | None


class _Wire(msgspec.Struct, array_like=True):
    version: int
    user: Packed
    methods: int
    kind: int
    scope: Packed
    issued: int
    expires: int
    audit: list[bytes]
    application_credential: Packed = None
    trust: Packed = None
    access_token: Packed = None


class Payload(msgspec.Struct, frozen=True):
    """What a token says. Times are microseconds since 1970, so that a token issued just after a revocation is newer."""

    user_id: str
    methods: tuple[str, ...]
    kind: str  # one of KINDS
    scope_id: str | None  # of the project or domain
    issued: int
    expires: int
    audit_ids: tuple[str, ...]  # the token's own, and that of the first in its chain
    application_credential_id: str | None = None
    trust_id: str | None = None
    access_token_id: str | None = None


def new_audit_id() -> str:
    """A random audit id, which identifies a token in logs and events without revealing it."""
    return urlsafe_b64encode(secrets.token_bytes(16)).rstrip(b"=").decode()


def format_microseconds(microseconds: int) -> str:
    """Write 2026-11-22T14:05:31.000000Z, the form of times in this API."""
    return datetime.fromtimestamp(microseconds / 1_000_000, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def encode(key_ring: KeyRing, payload: Payload, version: int = TOKEN) -> str:
    """The text of a token (or of a receipt) with this payload."""
    wire = _Wire(
        version,
        _pack(payload.user_id),
        sum(1 << METHODS.index(m) for m in payload.methods),
        KINDS.index(payload.kind),
        _pack(payload.scope_id),
        payload.issued,
        payload.expires,
        [a.encode() for a in payload.audit_ids],
        _pack(payload.application_credential_id),
        _pack(payload.trust_id),
        _pack(payload.access_token_id),
    )
    return key_ring.encrypt(msgspec.msgpack.encode(wire)).rstrip(b"=").decode()


def decode(key_ring: KeyRing, token: str, version: int = TOKEN) -> Payload:
    """Read a token (or a receipt), even an expired one. Raises TokenNotFound for everything that we did not issue."""
    if not token or len(token) > MAX_TOKEN_CHARACTERS or not token.isascii():
        raise TokenNotFound
    try:
        wire = _DECODER.decode(key_ring.decrypt(token.encode() + b"=" * (-len(token) % 4)))
    except (InvalidToken, msgspec.DecodeError):
        raise TokenNotFound from None
    user = _unpack(wire.user)
    if wire.version != version or user is None:
        raise TokenNotFound
    return Payload(
        user,
        tuple(m for i, m in enumerate(METHODS) if wire.methods >> i & 1),
        KINDS[wire.kind],
        _unpack(wire.scope),
        wire.issued,
        wire.expires,
        tuple(a.decode() for a in wire.audit),
        _unpack(wire.application_credential),
        _unpack(wire.trust),
        _unpack(wire.access_token),
    )


_DECODER = msgspec.msgpack.Decoder(_Wire)


def _pack(id: str | None) -> Packed:
    """Pack 32 hexadecimal digits into 16 bytes; other ids (`default`) stay text. The first byte tells which."""
    if id is None:
        return None
    if len(id) == 32 and not id.strip("0123456789abcdef"):
        return b"h" + bytes.fromhex(id)
    return b"t" + id.encode()


def _unpack(packed: Packed) -> str | None:
    if packed is None:
        return None
    return packed[1:].hex() if packed[:1] == b"h" else packed[1:].decode()
