"""Bytes of objects under AES-256 in counter mode: as long as the plain ones, and readable from any byte on.

Key and first counter are derived from a secret and a nonce that each stored body has for itself, so no two bodies ever
share a byte of the key stream.
"""

import secrets

from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CTR

BLOCK_BYTES = 16
KEY_BYTES = 32
MATERIAL_BYTES = KEY_BYTES + BLOCK_BYTES  # what `stream` needs of a key derivation
NONCE_BYTES = 32


def new_nonce() -> bytes:
    """A nonce for one body."""
    return secrets.token_bytes(NONCE_BYTES)


def stream(material: bytes, first: int = 0) -> CipherContext:
    """Encrypts, or decrypts, a body from byte `first` on: each call of `update` takes the next piece."""
    start = int.from_bytes(material[KEY_BYTES:], "big")
    counter = (start + first // BLOCK_BYTES) % (1 << 8 * BLOCK_BYTES)
    context = Cipher(AES256(material[:KEY_BYTES]), CTR(counter.to_bytes(BLOCK_BYTES, "big"))).encryptor()
    context.update(bytes(first % BLOCK_BYTES))
    return context
