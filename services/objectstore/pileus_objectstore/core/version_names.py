"""How versions are named: containers, objects and ids, and what listings show of a link to a version."""

import re
from typing import NamedTuple

from pileus_kit.errors import BadRequest
from pileus_objectstore.core.listing import Entry
from pileus_objectstore.core.names import Target
from pileus_objectstore.wire.contract import ObjectMeta

RESERVED = "\0"  # no client can name a container that begins so
VERSIONS = f"{RESERVED}versions{RESERVED}"
PART = re.compile(r"/[0-9a-f]{32}(/[0-9]{5})?$")  # what follows a key in the name of an upload, or of a part of it
VERSION = "X-Object-Sysmeta-Version-Id"  # of a link: the version that it leads to
NULL_MARK = "X-Object-Sysmeta-Version-Null"  # of a version that was stored while the container kept none
NULL_MARK_LISTED = "version_null=1"
NULL = "null"
DELETE_MARKER = "application/x-deleted;swift_versions_deleted=1"
LAST_TICK = 999_999_999_999_999  # of 10 microseconds: what a timestamp can express


class Version(NamedTuple):
    """One version in a listing. `etag` and `size` are as in `listing.Entry`; a group has no `timestamp`.

    `id` is never "null": `is_null` tells that S3 calls it so. `in_place`: it is not a version yet, but what the
    client's container itself holds, which Swift calls "null", too.
    """

    name: str
    id: str
    timestamp: str
    size: int
    etag: str
    content_type: str
    is_latest: bool = False
    is_null: bool = False
    in_place: bool = False

    @property
    def is_marker(self) -> bool:
        """Whether it is the marker of a deletion."""
        return self.content_type == DELETE_MARKER

    @property
    def is_group(self) -> bool:
        """Whether it stands for several names, see `listing.Entry`."""
        return not self.timestamp


def versions_container(container: Target) -> Target:
    """The container that keeps the versions of this one."""
    return Target(container.account, f"{VERSIONS}{container.container}")


def version_target(target: Target, version: str) -> Target:
    """Where a version of an object is kept. The newest is the first in a listing. Raises BadRequest for no id."""
    seconds, _, fraction = version.partition(".")
    if not (seconds + fraction).isdecimal() or not version.isascii() or len(seconds) != 10 or len(fraction) != 5:
        raise BadRequest(why="Invalid version parameter")
    return Target(
        target.account,
        versions_container(target.parent).container,
        f"{target.object}\0{LAST_TICK - int(seconds + fraction):015d}",
    )


def split_name(name: str) -> tuple[str, str]:
    """(object's name, version's id) of a version's name."""
    own, _, inverted = name.rpartition("\0")
    ticks = f"{LAST_TICK - int(inverted):015d}"
    return own, f"{ticks[:10]}.{ticks[10:]}"


def known_as(target: Target) -> Target:
    """The container or object of the client's to which something belongs that no client can name."""
    if not target.container.startswith(RESERVED):
        return target
    _, kind, container = target.container.split(RESERVED, 2)
    name = target.object
    if name:
        name = split_name(name)[0] if f"{RESERVED}{kind}{RESERVED}" == VERSIONS else PART.sub("", name)
    return Target(target.account, container, name)


def id_of(meta: ObjectMeta) -> str:
    """The id of a version; "null" for an object that is none."""
    _, _, container, name = meta.name.split("/", 3)
    return split_name(name)[1] if container.startswith(VERSIONS) else NULL


def link_extras(version: str, size: int, etag: str, extras: str) -> str:
    """What the listing stores of a link, see `ObjectMeta.listed_etag`: the version, then what is listed of it."""
    own = f"version={version}; version_bytes={size}; version_etag={etag}"
    return f"{own}; {extras}" if extras else own


def parse_row(entry: Entry) -> Version:
    """A row of the versions' container."""
    if entry.is_group:
        return Version(entry.name, "", "", 0, "", "")
    name, version = split_name(entry.name)
    etag, separator, extras = entry.etag.partition("; ")
    kept = [extra for extra in extras.split("; ") if extra != NULL_MARK_LISTED] if separator else []
    shown = "; ".join([etag, *kept])
    is_null = len(kept) < len(extras.split("; ")) if separator else False
    return Version(name, version, entry.timestamp, entry.size, shown, entry.content_type, is_null=is_null)
