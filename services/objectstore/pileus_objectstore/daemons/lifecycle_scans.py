"""What the lifecycle daemon reads of a bucket, page by page: its objects, their versions, its uploads.

Each scan may be repeated from any marker: what has ended already is not found again.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import NamedTuple
from urllib.parse import parse_qsl

from pileus_kit.errors import Conflict, Forbidden, NotFound
from pileus_objectstore.core import (
    containers,
    event_queues,
    lifecycle,
    listing,
    multipart_uploads,
    object_versioning,
    stored_objects,
    upload_parts,
    version_listings,
)
from pileus_objectstore.core import versions as old_versions
from pileus_objectstore.core.bucket_rights import TAGGING
from pileus_objectstore.core.clock import STEP_S
from pileus_objectstore.core.cluster import ListingQuery
from pileus_objectstore.core.lifecycle import Rule
from pileus_objectstore.core.multipart_uploads import Upload, UploadBusy
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.object_versioning import Deletion
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.core.version_listings import VersionQuery
from pileus_objectstore.core.version_names import NULL, Version, version_target
from pileus_objectstore.wire.contract import ObjectMeta, timestamp

PAGE = 1000
EXPIRED = "LifecycleExpiration"  # of whose events targets are told


class Scanned(NamedTuple):
    """What came of one page: how much has ended, and the marker of the next page, '' after the last."""

    ended: int
    marker: str


Scan = Callable[[Tools, Target, Sequence[Rule], str, float], Scanned]  # the last: what time it is


def objects(tools: Tools, bucket: Target, rules: Sequence[Rule], marker: str, now: float) -> Scanned:
    """End objects. The listing tells which may be due; of those each is asked for its tags and its time."""
    rules = [rule for rule in rules if rule.days or rule.date]
    if not rules:
        return Scanned(0, "")
    day_s, ended = tools.config.lifecycle_day_s, 0
    page = listing.fetch(tools, bucket, ListingQuery(limit=PAGE, marker=marker))[1]
    for entry in page:
        if lifecycle.may_expire(rules, entry.name, entry.size, float(entry.timestamp), now, day_s):
            ended += _end_object(tools, replace(bucket, object=entry.name), rules, now)
    return Scanned(ended, page[-1].name if len(page) == PAGE else "")


def _end_object(tools: Tools, target: Target, rules: Sequence[Rule], now: float) -> bool:
    meta = stored_objects.find(tools, target, newest=True)
    if meta is None:
        return False
    size = meta.size if meta.listed_size < 0 else meta.listed_size
    tags = dict(parse_qsl(meta.headers.get(TAGGING, ""), keep_blank_values=True))
    day_s = tools.config.lifecycle_day_s
    found = lifecycle.expiry(rules, target.object, size, tags, float(meta.timestamp), day_s)
    if found is None or found.at > now:
        return False
    deletion = _delete(tools, target, meta)
    if deletion is None:
        return False
    event_queues.removed(tools, target, deletion.version, marker=deletion.is_marker, of=EXPIRED)
    return True


def _delete(tools: Tools, target: Target, meta: ObjectMeta) -> Deletion | None:
    """Delete the object that `meta` describes; a newer one stays. Where versions are kept, a marker is left.

    None if nothing was deleted.
    """
    container = containers.find(tools, target)
    if object_versioning.state(container):
        there = object_versioning.present(tools, target).meta
        if there is None or object_versioning.linked_id(there) != object_versioning.id_of(meta):
            return None
        try:
            return object_versioning.delete(tools, target, container, max(there.timestamp, there.posted))
        except (Conflict, Forbidden):
            return None
    if old_versions.location(container):
        return Deletion(True) if old_versions.delete(tools, target, container).status == 204 else None
    stamp = timestamp(float(max(meta.timestamp, meta.posted)) + STEP_S)
    if stored_objects.delete(tools, target, stamp=stamp).status != 204:
        return None
    upload_parts.delete_parts(tools, meta)
    return Deletion(True)


@dataclass
class History:
    """What was seen of one name's versions, newest first. `newer` is the version before the one that is looked at."""

    name: str
    newer: Version | None = None
    noncurrent: int = 0
    left: int = 0
    marker: Version | None = None


def versions(tools: Tools, bucket: Target, rules: Sequence[Rule], marker: str, now: float) -> Scanned:
    """End noncurrent versions, and delete markers that hide nothing any more. A name is always looked at as a whole."""
    rules = [rule for rule in rules if rule.noncurrent_days or rule.markers or rule.days]
    if not rules or not object_versioning.state(containers.find(tools, bucket)):
        return Scanned(0, "")
    history, ended = History(""), 0
    for seen, version in enumerate(_versions(tools, bucket, marker)):
        if version.name != history.name:
            ended += _end_marker(tools, bucket, history, rules, now)
            if seen >= PAGE:
                return Scanned(ended, history.name)
            history = History(version.name)
        gone = not version.is_latest and _end_version(tools, bucket, version, history, rules, now)
        ended += gone
        history.left += not gone
        history.noncurrent += not version.is_latest
        history.marker = version if version.is_latest and version.is_marker else history.marker
        history.newer = version
    return Scanned(ended + _end_marker(tools, bucket, history, rules, now), "")


def _versions(tools: Tools, bucket: Target, marker: str) -> Iterator[Version]:
    """The versions of all names after `marker`."""
    version_marker = ""
    while True:
        query = VersionQuery(ListingQuery(limit=PAGE, marker=marker), version_marker)
        page = version_listings.list_versions(tools, bucket, query)[1]
        yield from page
        if len(page) < PAGE:
            return
        marker, version_marker = page[-1].name, NULL if page[-1].in_place else page[-1].id


def _end_version(
    tools: Tools, bucket: Target, version: Version, history: History, rules: Sequence[Rule], now: float
) -> bool:
    """End a version if it has been noncurrent for long enough, and enough newer ones are kept."""
    since = float(history.newer.timestamp if history.newer is not None else version.timestamp)
    day_s = tools.config.lifecycle_day_s
    due = [
        rule
        for rule in rules
        if rule.noncurrent_days
        and history.noncurrent >= rule.newer_noncurrent
        and lifecycle.after_days(since, rule.noncurrent_days, day_s) <= now
        and rule.filter.may_match(version.name, version.size)
    ]
    target = replace(bucket, object=version.name)
    if any(rule.filter.tags for rule in due):
        meta = stored_objects.find(tools, version_target(target, version.id))
        tags = dict(parse_qsl(meta.headers.get(TAGGING, ""), keep_blank_values=True)) if meta is not None else {}
        due = [rule for rule in due if rule.filter.matches(version.name, version.size, tags)]
    return bool(due) and _delete_version(tools, target, version)


def _end_marker(tools: Tools, bucket: Target, history: History, rules: Sequence[Rule], now: float) -> bool:
    """End the delete marker of a name that has no version left: at once, or after the days of the rule."""
    marker, day_s = history.marker, tools.config.lifecycle_day_s
    if marker is None or history.left != 1:
        return False
    ends = any(
        rule.filter.may_match(marker.name, 0)
        and not rule.filter.tags
        and (rule.markers or (rule.days and rule.expires_at(float(marker.timestamp), day_s) <= now))
        for rule in rules
    )
    return ends and _delete_version(tools, replace(bucket, object=marker.name), marker)


def _delete_version(tools: Tools, target: Target, version: Version) -> bool:
    """Delete a version unless it is locked, or gone already."""
    try:
        object_versioning.delete_version(tools, target, version.id, promote=True)
    except (NotFound, Forbidden, Conflict):
        return False
    event_queues.removed(tools, target, version.id, marker=False, of=EXPIRED)
    return True


def uploads(tools: Tools, bucket: Target, rules: Sequence[Rule], marker: str, now: float) -> Scanned:
    """End uploads that were not completed in time."""
    rules = [rule for rule in rules if rule.abort_days]
    if not rules and not tools.config.abandoned_upload_days:
        return Scanned(0, "")
    page = multipart_uploads.list_uploads(tools, bucket, marker, limit=PAGE)
    due = [upload for upload in page if _ends_at(tools, upload, rules) <= now]
    ended = 0
    for upload in due:
        with suppress(UploadBusy):
            multipart_uploads.abort(tools, upload)
            ended += 1
    return Scanned(ended, f"{page[-1].target.object}/{page[-1].id}" if len(page) == PAGE else "")


def _ends_at(tools: Tools, upload: Upload, rules: Sequence[Rule]) -> float:
    """When an upload ends, in epoch seconds: by a rule of its bucket, else by the store's own."""
    days = [rule.abort_days for rule in rules if upload.target.object.startswith(rule.filter.prefix)]
    if not days and tools.config.abandoned_upload_days:
        days = [tools.config.abandoned_upload_days]
    begun = float(upload.timestamp)
    return min((lifecycle.after_days(begun, n, tools.config.lifecycle_day_s) for n in days), default=float("inf"))


SCANS: tuple[Scan, ...] = (objects, versions, uploads)
