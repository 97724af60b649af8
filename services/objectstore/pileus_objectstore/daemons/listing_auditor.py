"""The auditor of listings: compares all objects with the rows of their containers, slowly, in both directions.

Rows follow objects at once, and after a crash by the recovery. What neither has told, for example because a disk was
exchanged or a clock was wrong, is found here: objects without a row, rows that show another version, and rows
without an object. What a GET would answer at this moment is right, and the row is made so.
"""

import logging
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from pileus_kit import decoding
from pileus_kit.errors import HostDown, Unavailable
from pileus_objectstore.core.clock import STEP_S
from pileus_objectstore.core.cluster import Cluster, ListingQuery
from pileus_objectstore.core.listing import Entry
from pileus_objectstore.core.listing_rows import latest_row, row_of
from pileus_objectstore.core.names import Target
from pileus_objectstore.daemons.context import DaemonContext
from pileus_objectstore.daemons.leaders import led_partitions
from pileus_objectstore.daemons.listed_rows import find_rows, merge_rows
from pileus_objectstore.storage.disks import write_durably
from pileus_objectstore.wire.contract import ListingInfo, ListingRow, ObjectMeta, timestamp
from pileus_objectstore.wire.daemon_calls import (
    ChangesReply,
    GetChanges,
    GetInventory,
    InventoryReply,
    ListObjects,
    ObjectsReply,
)
from pileus_objectstore.wire.shard_ranges import Shard, active, shard_of

log = logging.getLogger(__name__)
PAGE = 100  # rows that are compared together
PAGE_OBJECTS = 500
COMPARED_PER_S = 500
SAVE_S = 10.0  # the progress of a pass is saved this often


class Position(msgspec.Struct, array_like=True, order=True):
    """How far a pass is: what has a lower position was compared. It is the format on disk."""

    kind: str = ""  # "container" or "object"; in this order
    policy: int = 0
    device: str = ""
    partition: int = 0
    listing: str = ""
    after: str = ""


@dataclass
class ListingAuditor:
    """Compares this host's objects with rows, and its containers' rows with objects; `run` makes one pass."""

    context: DaemonContext
    cluster: Cluster
    pause: Callable[[float], object] = time.sleep
    now: Callable[[], float] = time.monotonic
    corrected: int = field(default=0)
    _saved_at: float = field(default=0.0)

    def run(self) -> str:
        """Make one pass, or finish the one that a restart interrupted; what was done, '' for nothing."""
        self.corrected = failed = 0
        reached = self._load()
        for place in self._places():
            if place >= msgspec.structs.replace(reached, listing="", after=""):
                try:
                    self._compare(place, reached)
                except (HostDown, Unavailable) as e:
                    log.info("partition %d of %s: %s", place.partition, place.device, e)
                    failed += 1
            if self.context.stopping():
                return ""
        self._path.unlink(missing_ok=True)
        return f"{self.corrected} rows corrected, {failed} partitions left out" if self.corrected or failed else ""

    @property
    def _path(self) -> Path:
        return self.context.home / "listings-audited"

    def _load(self) -> Position:
        try:
            return decoding.decode(self._path.read_bytes(), Position)
        except (OSError, msgspec.MsgspecError):
            return Position()

    def _reached(self, position: Position) -> None:
        if self.now() > self._saved_at + SAVE_S:
            self._saved_at = self.now()
            new = self._path.with_suffix(".new")
            new.unlink(missing_ok=True)
            write_durably(str(new), msgspec.json.encode(position))
            new.replace(self._path)

    def _places(self) -> Iterator[Position]:
        """All partitions of which a device of this host has the first replica that is not lost."""
        kinds = [("container", 0), *(("object", policy) for policy in self.context.rings.policies().indexes)]
        for kind, policy in kinds:
            for device, partition in led_partitions(self.context, kind, policy):
                yield Position(kind, policy, device.name, partition)

    def _compare(self, place: Position, reached: Position) -> None:
        if place.kind == "object":
            self._compare_objects(place, reached)
            return
        args = GetInventory(place.device, "container", place.partition)
        for held in self.context.ask(self.context.address, "get_inventory", args, InventoryReply)[0].held:
            position = msgspec.structs.replace(place, listing=held.digest)
            if position >= msgspec.structs.replace(reached, after=""):
                changes = GetChanges("container", place.device, place.partition, held.digest, limit=0)
                info = self.context.ask(self.context.address, "get_changes", changes, ChangesReply)[0].info
                if info is not None and info.live:
                    self._compare_rows(info, position, reached)

    def _compare_objects(self, place: Position, reached: Position) -> None:
        after = reached.after if place == msgspec.structs.replace(reached, after="") else ""
        while not self.context.stopping():
            args = ListObjects(place.device, place.partition, place.policy, after, PAGE_OBJECTS)
            reply, data = self.context.ask(self.context.address, "list_objects", args, ObjectsReply)
            metas = decoding.decode(data, list[ObjectMeta]) if data else []
            containers: dict[Target, dict[str, ObjectMeta]] = {}
            for meta in metas:
                if meta.name.count("/") >= 3:
                    target = _target(meta.name)
                    containers.setdefault(target.parent, {})[target.object] = meta
            for container, named in containers.items():
                self._compare_with_rows(container, named, place.policy)
            self.pause(len(metas) / COMPARED_PER_S)
            if not reply.after:
                return
            after = reply.after
            self._reached(msgspec.structs.replace(place, after=after))

    def _compare_with_rows(self, container: Target, named: dict[str, ObjectMeta], policy: int) -> None:
        names = list(named)
        for page in (names[start : start + PAGE] for start in range(0, len(names), PAGE)):
            rows = self._rows(container, page)
            for name in page if rows is not None else ():
                if not _agree(latest_row(named[name]), (rows or {}).get(name)):
                    self._correct(Target(container.account, container.container, name), policy)

    def _compare_rows(self, info: ListingInfo, place: Position, reached: Position) -> None:
        """Compare a container's rows, or those of a shard, with what GET answers."""
        if active(info.ranges):
            return  # its shards are listings, too
        shard = shard_of(info.name)
        container, placement = Target(*shard.root), self.context.rings.placement(*shard.names)
        after = reached.after if place == msgspec.structs.replace(reached, after="") else ""
        while not self.context.stopping():
            data = self.cluster.listing("container", placement, ListingQuery(PAGE, after))[1]
            entries = decoding.decode(data, list[Entry]) if data else []
            for entry in entries:
                target = Target(container.account, container.container, entry.name)
                row = ListingRow(entry.name, entry.timestamp, False, entry.size, entry.etag, entry.content_type)
                if not _agree(self._stored(target, info.policy), row):
                    self._correct(target, info.policy)
            self.pause(len(entries) / COMPARED_PER_S)
            if len(entries) < PAGE:
                return
            after = entries[-1].name
            self._reached(msgspec.structs.replace(place, after=after))

    def _stored(self, target: Target, policy: int) -> ListingRow | None:
        """The row that GET's answer deserves; None if there is no object. Raises Unavailable."""
        meta = self.cluster.head(self.context.rings.placement(*target.names, policy=policy), newest=True).meta
        return None if meta is None else row_of(meta, max(meta.timestamp, meta.posted))

    def _rows(self, container: Target, names: list[str]) -> dict[str, ListingRow] | None:
        """What the container's listing says of these names; None if there is no container. Raises HostDown."""
        return find_rows(self.context, self.cluster, Shard((container.account, container.container), ""), names)

    def _correct(self, target: Target, policy: int) -> None:
        """Make the row what GET answers. First the row is read, then the object, as a row is never written first."""
        rows = self._rows(target.parent, [target.object])
        row, stored = (rows or {}).get(target.object), self._stored(target, policy)
        if rows is None or _agree(stored, row):
            return
        stamp = timestamp(float(row.timestamp) + STEP_S) if row else ""
        if stored is None:
            right = ListingRow(target.object, stamp, True)
        else:
            right = msgspec.structs.replace(stored, timestamp=max(stored.timestamp, stamp))
        merge_rows(self.context, Shard((target.account, target.container), ""), [right])
        log.warning("the row of %s is corrected", target)
        self.corrected += 1


def _agree(stored: ListingRow | None, row: ListingRow | None) -> bool:
    """Whether a row shows what is stored; a deleted one is as good as none."""
    there, listed = stored is not None and not stored.deleted, row is not None and not row.deleted
    if not (there and listed and stored and row):
        return there == listed
    return (stored.size, stored.etag, stored.type) == (row.size, row.etag, row.type)


def _target(path: str) -> Target:
    return Target(*path.split("/", 3)[1:])
