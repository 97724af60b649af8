"""The encryption that a bucket asks for by itself, for all objects that are stored in it from then on."""

import msgspec

from pileus_objectstore.core.bucket_settings import Setting
from pileus_objectstore.core.encryption.sealing import ENCRYPTED
from pileus_objectstore.wire.contract import ListingInfo

ALGORITHM = "AES256"


class DefaultEncryption(msgspec.Struct, frozen=True):
    """A bucket's default: AES256 is the only algorithm. `bucket_key` is kept for clients, and has no effect."""

    algorithm: str = ALGORITHM
    bucket_key: bool = False


DEFAULT = Setting("Encryption", DefaultEncryption)


def marks(container: ListingInfo) -> dict[str, str]:
    """What an object's headers must say if the container encrypts by default."""
    found = DEFAULT.of(container)
    return {ENCRYPTED: found.algorithm} if found is not None else {}
