"""What an API asks of objects. An API parses its own headers into these; the use cases know no HTTP request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from pileus_objectstore.core.conditions import Conditions, Span
from pileus_objectstore.core.encryption.customer_keys import CustomerKey
from pileus_objectstore.core.names import Target
from pileus_objectstore.wire.contract import Footers

Read = Callable[[int], bytes]  # reads at most so many bytes of a body; b'' at its end; raises if it is cut short
ReadFooters = Callable[[], Footers]  # what is known once the body was read
MAX_OBJECT_BYTES = 5 * (1 << 30) + 2
Ranges = tuple[Span, ...] | None  # None: no range was asked for; (): a Range header that means nothing and is ignored


@dataclass(frozen=True, slots=True)
class LinkRequest:
    """What makes a new object a symbolic link.

    `etag` is not '' for a static link, which leads to this version only. `inherits_type`: the link has no type of its
    own, so a static one takes its target's.
    """

    target: Target
    etag: str = ""
    inherits_type: bool = False


@dataclass(frozen=True, slots=True)
class PutRequest:
    """Store an object. `size` is -1 if it is not known before the body ends. `headers` are stored with the object.

    `etag`, unless '', must be the body's MD5. `delete_at` is in epoch seconds, 0 for never. `only_if_new` refuses to
    replace an object. A body of more than `max_bytes` is refused. `footers` gives what is to be stored with the object
    and is known only when the body was read. `event` says how it came, to those who are notified.
    """

    target: Target
    read: Read
    size: int
    headers: Mapping[str, str]
    etag: str = ""
    delete_at: int = 0
    only_if_new: bool = False
    max_bytes: int = MAX_OBJECT_BYTES
    link: LinkRequest | None = None
    event: str = "Put"
    footers: ReadFooters | None = None
    customer_key: CustomerKey | None = None


@dataclass(frozen=True, slots=True)
class GetRequest:
    """Read an object, or only what is known about it (`head`).

    `newest` asks all replicas. `manifest` reads a manifest itself, not the object that it stands for; `as_put` shows a
    static manifest as a client could send it again. `part` is the number of a segment, 0 if the client sent no number.
    `follow` is False to read a symbolic link itself. `version` reads a version that is perhaps not the current one.
    """

    target: Target
    ranges: Ranges = None
    conditions: Conditions | None = None
    head: bool = False
    newest: bool = False
    manifest: bool = False
    as_put: bool = False
    part: int | None = None
    follow: bool = True
    version: str = ""


@dataclass(frozen=True, slots=True)
class PostRequest:
    """Replace an object's metadata. `headers` without Content-Type leave the type as it is.

    `version` changes a version that is perhaps not the current one. `keeps_expiry`: a link to a version stays as it is.
    `ignored_lock`: see object_locks.py. `event`, unless '', is what is notified of the change. `opens_expired` keeps an
    object that has expired and isn't deleted yet.
    """

    target: Target
    headers: Mapping[str, str]
    delete_at: int = 0
    version: str = ""
    keeps_expiry: bool = False
    ignored_lock: str = ""
    event: str = ""
    opens_expired: bool = False


@dataclass(frozen=True, slots=True)
class CopyRequest:
    """Store a copy of `source` as `destination`. Conditions and ranges apply to the source.

    `headers` replace the source's of the same name; with `fresh_metadata` nothing else of the source's is kept.
    `manifest` copies a manifest, not the object that it stands for. A link that is copied leads to `link_account`.
    """

    source: GetRequest
    destination: Target
    headers: Mapping[str, str]
    delete_at: int = 0
    fresh_metadata: bool = False
    link_account: str = ""
    customer_key: CustomerKey | None = None
