"""Objects under keys that the client keeps (SSE-C): it sends its key with each request, and the store forgets it.

Bytes are encrypted as in bodies.py, and stored with a nonce and a value by which the right key is known. The ETag of
such an object is not the MD5 of its clear bytes. A manifest's own bytes are not encrypted under the key: its segments
are.
"""

import base64
import hmac
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from pileus_kit.errors import BadRequest, Forbidden
from pileus_objectstore.core.encryption import bodies
from pileus_objectstore.wire.contract import ObjectMeta

KEY_BYTES = 32
Read = Callable[[int], bytes]
HEADER = "X-Object-Sysmeta-S3-Customer-Key"  # NONCE.CHECK, both in base64
STATIC = "X-Static-Large-Object"


class CustomerKeyMissing(BadRequest):
    """The object is under a client's key, and the request has none; or the other way round."""

    text = "{why}"


class CustomerKeyWrong(Forbidden):
    """The object is under another key."""

    text = "The object is encrypted under another customer key."


@dataclass(frozen=True, slots=True)
class CustomerKey:
    """A client's key, 32 bytes. It is never shown, logged or stored."""

    key: bytes = field(repr=False)

    def begin(self) -> str:
        """What is stored with something new that this key encrypts: HEADER's value."""
        nonce = bodies.new_nonce()
        return f"{base64.b64encode(nonce).decode()}.{base64.b64encode(self._check(nonce)).decode()}"

    def stream(self, stored: str, first: int = 0) -> "bodies.CipherContext":
        """Encrypts or decrypts a body from byte `first` on. Raises CustomerKeyWrong."""
        return bodies.stream(self._derive(b"body", self.verify(stored), bodies.MATERIAL_BYTES), first)

    def verify(self, stored: str) -> bytes:
        """The nonce of what was encrypted with this key. Raises CustomerKeyWrong."""
        nonce, check = (base64.b64decode(part) for part in stored.split("."))
        if not hmac.compare_digest(check, self._check(nonce)):
            raise CustomerKeyWrong()
        return nonce

    def _check(self, nonce: bytes) -> bytes:
        return self._derive(b"check", nonce, KEY_BYTES)

    def _derive(self, purpose: bytes, nonce: bytes, length: int) -> bytes:
        return HKDF(SHA256(), length, nonce, b"pileus objectstore customer " + purpose).derive(self.key)


def begin(key: CustomerKey | None, read: Read) -> tuple[dict[str, str], Read]:
    """(what is stored with something new, its body encrypted) for a client's key; ({}, the body) without one."""
    if key is None:
        return {}, read
    stored = key.begin()
    stream = key.stream(stored)
    return {HEADER: stored}, lambda max_bytes: stream.update(read(max_bytes))


def check(headers: Mapping[str, str], key: CustomerKey | None) -> None:
    """Raise CustomerKeyMissing or CustomerKeyWrong unless the key is the one that an object's headers ask for."""
    stored = headers.get(HEADER)
    if stored and key is None:
        raise CustomerKeyMissing(
            why="The object was stored using a form of Server Side Encryption. "
            "The correct parameters must be provided to retrieve the object."
        )
    if key is not None and not stored:
        raise CustomerKeyMissing(why="The encryption parameters are not applicable to this object.")
    if key is not None and stored:
        key.verify(stored)


def clear(pieces: Iterator[bytes], meta: ObjectMeta, key: CustomerKey | None, first: int) -> Iterator[bytes]:
    """The stored bytes of an object, from byte `first` on, in clear."""
    stored = meta.headers.get(HEADER)
    if key is None or not stored or STATIC in meta.headers:
        yield from pieces
        return
    stream = key.stream(stored, first)
    for piece in pieces:
        yield stream.update(piece)
