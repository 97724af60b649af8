"""What is known of an object, sealed: values of metadata, ETags, and what a listing's row says of it.

A sealed text is `\2ROOT.DATA`: the root secret's id, then nonce and ciphertext of AES-256-GCM in base64. No client's
metadata can begin so (core/metadata.py), and what is no sealed text is shown as it is, so objects of before the first
encryption, and what was posted to them since, are read together.
"""

import base64
import secrets
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from pileus_objectstore.core import object_locks
from pileus_objectstore.core.encryption.root_secrets import RootSecret, RootSecrets
from pileus_objectstore.errors import Damaged

ENCRYPTED = "X-Object-Sysmeta-S3-Encryption"  # of an object whose request or bucket asks for it
MARK = "\2"
SEALED_HEADERS = ("X-Object-Meta-", "X-Object-Sysmeta-")
LISTED = "sealed="
KEY_BYTES = 32
NONCE_BYTES = 12


def seal(root: RootSecret, path: str, what: str, text: str) -> str:
    """Seal a text of the object or container at `path`. It can be opened for the same path and `what` only."""
    nonce = secrets.token_bytes(NONCE_BYTES)
    data = AESGCM(root.derive("metadata", path, KEY_BYTES)).encrypt(nonce, text.encode(), what.encode())
    return f"{MARK}{root.id}.{base64.urlsafe_b64encode(nonce + data).decode()}"


def open_text(roots: RootSecrets, path: str, what: str, text: str) -> str:
    """A sealed text in clear, any other text as it is. Raises Damaged and RootSecretMissing."""
    if not text.startswith(MARK):
        return text
    root, _, encoded = text[len(MARK) :].partition(".")
    key = roots.find(root).derive("metadata", path, KEY_BYTES)
    try:
        data = base64.urlsafe_b64decode(encoded)
        return AESGCM(key).decrypt(data[:NONCE_BYTES], data[NONCE_BYTES:], what.encode()).decode()
    except (InvalidTag, ValueError) as err:
        raise Damaged(path=path, why=f"{what} can't be opened with its key") from err


def seal_headers(root: RootSecret, path: str, headers: Mapping[str, str]) -> dict[str, str]:
    """Headers with their values sealed, but for those that storage hosts read and those that are empty."""
    return {
        name: seal(root, path, name, value) if value and _is_sealed(name) else value for name, value in headers.items()
    }


def _is_sealed(name: str) -> bool:
    return name.startswith(SEALED_HEADERS) and name not in object_locks.HEADERS


def open_headers(roots: RootSecrets, path: str, headers: Mapping[str, str]) -> dict[str, str]:
    """Headers with all sealed values in clear."""
    return {name: open_text(roots, path, name, value) for name, value in headers.items()}


def seal_listed(root: RootSecret, container: str, etag: str, more: str) -> str:
    """What the listing of `container` shows of an object: its ETag, and what is added to that (ObjectMeta)."""
    text = f"{etag}; {more}" if more else etag
    return LISTED + seal(root, container, LISTED, text)


def open_listed(roots: RootSecrets, container: str, listed: str) -> str:
    """The ETag of a row, with what is added to it, in clear. `listed` is what stands in the row."""
    _, found, sealed = listed.partition(f"; {LISTED}")
    return open_text(roots, container, LISTED, sealed) if found else listed
