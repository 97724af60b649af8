"""Settings of a bucket (policy, CORS, lifecycle…): each is one JSON value in the system metadata of its container.

Swift's API neither shows nor takes system metadata. Like all metadata of a container, a setting is kept on its three
replicas, the newest wins, and it ends with the container. It may be a second old where it is read (listing_cache.py).
"""

from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, TypeVar

import msgspec

from pileus_kit import decoding
from pileus_kit.errors import BadRequest, NotFound
from pileus_objectstore.core.listing_heads import put_container
from pileus_objectstore.core.names import NOT_FOUND, Target
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.wire.contract import ListingInfo

PREFIX = "X-Container-Sysmeta-S3-"
MAX_TOTAL_BYTES = 512 << 10  # of all settings of a bucket: a head travels in one message (wire/framing.py)
KEEP_DECODED = 1024
T = TypeVar("T", bound=msgspec.Struct)


@dataclass(frozen=True)
class Setting(Generic[T]):
    """One kind of setting: its name, such as "Policy", and the msgspec type of its value."""

    name: str
    kind: type[T]

    @property
    def header(self) -> str:
        """The name under which it is stored."""
        return PREFIX + self.name

    def of(self, info: ListingInfo | None) -> T | None:
        """The setting in a container's head; None if it is not set."""
        text = info.value(self.header) if info is not None else ""
        return _decode(text, self.kind) if text else None

    def stored(self, value: T | None) -> dict[str, str]:
        """The metadata of a container that sets it; None removes it."""
        return {self.header: "" if value is None else msgspec.json.encode(value).decode()}

    def load(self, tools: Tools, bucket: Target, *, fresh: bool = False) -> T | None:
        """The setting of a bucket, perhaps a second old unless `fresh`; None if it is not set, or there's no bucket."""
        return self.of(tools.listing_cache.get(bucket, fresh))

    def store(self, tools: Tools, bucket: Target, value: T | None) -> None:
        """Set it; None removes it. Raises NotFound without the bucket, BadRequest if its settings become too large."""
        changes = self.stored(value)
        info = tools.listing_cache.get(bucket, fresh=True)
        if info is None:
            raise NotFound(why=NOT_FOUND)
        others = [len(msgspec.json.encode(kept)) for name, (kept, _) in info.metadata.items() if name != self.header]
        if sum(others) + len(msgspec.json.encode(changes[self.header])) > MAX_TOTAL_BYTES:
            raise BadRequest(why=f"The settings of a bucket may have at most {MAX_TOTAL_BYTES} bytes together.")
        if put_container(tools, bucket, changes).status == 404:
            raise NotFound(why=NOT_FOUND)


@lru_cache(KEEP_DECODED)
def _decode(text: str, kind: type[T]) -> T:
    """Decode a value. It is remembered: policies are read at each request. So types must be frozen."""
    return decoding.decode(text, kind)
