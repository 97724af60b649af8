"""Listings of versions: what the client's container holds, merged with what is kept of it in its versions' container.

Names come in order, and of each name the null version that is still in place, then the versions, newest first.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise

from pileus_kit.errors import BadRequest, NotFound
from pileus_objectstore.core import listing
from pileus_objectstore.core.cluster import ListingQuery
from pileus_objectstore.core.listing import Entry
from pileus_objectstore.core.names import NOT_FOUND, Target
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.core.version_names import NULL, Version, parse_row, version_target, versions_container
from pileus_objectstore.wire.contract import ListingInfo

IN_NAMES = frozenset("0123456789\0")  # of versions, after their object's name
PAST_ALL = "\0:"  # after an object's name: greater than all names of its versions


@dataclass(frozen=True, slots=True)
class VersionQuery:
    """Which versions are asked for. The parameters of `rows` are as everywhere.

    `version_marker` continues after this version of the object that `rows.marker` names; '' after the object.
    """

    rows: ListingQuery
    version_marker: str = ""


def list_versions(tools: Tools, container: Target, query: VersionQuery) -> tuple[ListingInfo, list[Version]]:
    """The head of a container and a page of the versions of its objects. Raises NotFound and BadRequest."""
    rows = query.rows
    if IN_NAMES & set(rows.delimiter):
        raise BadRequest(why="invalid delimiter param")
    if query.version_marker and not rows.marker:
        raise BadRequest(why="version_marker param requires marker")
    info, present = listing.fetch_rows(tools, container, _of_objects(query))
    if info is None:
        raise NotFound(why=NOT_FOUND)
    kept: list[Version] = []
    if info.value(listing.VERSIONING):
        _, entries = listing.fetch_rows(tools, versions_container(container), _of_versions(query, container))
        kept = [parse_row(entry) for entry in entries]
    return info, _merged(query, present, kept)


def _of_objects(query: VersionQuery) -> ListingQuery:
    """What is asked of the client's container. In reverse, the object of the marker counts, too."""
    if query.version_marker and query.rows.reverse:
        return replace(query.rows, marker=f"{query.rows.marker}\0")
    return query.rows


def _of_versions(query: VersionQuery, container: Target) -> ListingQuery:
    rows, marker, end = query.rows, query.rows.marker, query.rows.end_marker
    if marker and query.version_marker and query.version_marker != NULL:
        marker = version_target(Target(container.account, container.container, marker), query.version_marker).object
    elif marker and not (rows.delimiter and marker.endswith(rows.delimiter)):  # else it is a group
        marker += "\0" if rows.reverse or query.version_marker else PAST_ALL
    return replace(rows, marker=marker, end_marker=end + PAST_ALL if end and rows.reverse else end)


def _merged(query: VersionQuery, present: list[Entry], kept: list[Version]) -> list[Version]:
    rows = query.rows
    linked = {entry.name: entry.version for entry in present if not entry.is_group}
    in_place = [_in_place(entry) for entry in present if entry.is_group or not entry.version]
    if rows.reverse and query.version_marker == NULL:
        in_place = [version for version in in_place if version.name != rows.marker]
    in_place += _without_data(query, present, kept)
    groups = {version.name for version in in_place if version.is_group}
    kept = [version for version in kept if not (version.is_group and version.name in groups)]
    ordered = sorted([*in_place, *kept], key=_order, reverse=rows.reverse)[: rows.limit]
    newest = set(_newest(ordered, rows.reverse, query))
    return [
        version._replace(
            is_latest=version.in_place
            or (linked[version.name] == version.id if version.name in linked else version.is_marker and n in newest)
        )
        for n, version in enumerate(ordered)
    ]


def _without_data(query: VersionQuery, present: list[Entry], kept: list[Version]) -> list[Version]:
    """Links whose versions are not kept any more: two deletions, or a deletion and a PUT, have crossed each other.

    They are listed so that a client can delete them.
    """
    limit, last = query.rows.limit, kept[-1].name if kept else ""
    known = {version.name for version in kept}
    return [
        Version(entry.name, entry.version, entry.timestamp, entry.size, "", entry.content_type)
        for entry in (one.followed() for one in present)
        if entry.version
        and entry.name not in known
        and (len(kept) < limit or (entry.name > last if query.rows.reverse else entry.name < last))
        and not (query.version_marker and entry.name == query.rows.marker)
    ]


def _in_place(entry: Entry) -> Version:
    if entry.is_group:
        return Version(entry.name, "", "", 0, "", "")
    kind = entry.content_type
    return Version(entry.name, NULL, entry.timestamp, entry.size, entry.etag, kind, is_null=True, in_place=True)


def _order(version: Version) -> tuple[str, bool, int]:
    """Where a version stands: by name, then what is in place, then the newest first."""
    if version.is_group or version.in_place:
        return version.name, False, 0
    return version.name, True, -int(version.id.replace(".", ""))


def _newest(ordered: list[Version], reverse: bool, query: VersionQuery) -> Iterator[int]:
    """The positions of versions that are the newest of their names, as far as this page shows it."""
    if reverse:
        yield from (n for n, (one, other) in enumerate(pairwise(ordered)) if one.name != other.name)
        yield from (len(ordered) - 1,) if ordered and len(ordered) < query.rows.limit else ()
        return
    if ordered and not (query.version_marker and ordered[0].name == query.rows.marker):
        yield 0
    yield from (n + 1 for n, (one, other) in enumerate(pairwise(ordered)) if one.name != other.name)
