"""Objects go as the files that they are; tombstones and later metadata, too."""

import os
from pathlib import Path

from pileus_kit.errors import HostDown
from pileus_objectstore.drivers.object_files import open_file, timestamp_of
from pileus_objectstore.errors import Damaged
from pileus_objectstore.flows.items import Item
from pileus_objectstore.flows.surroundings import Surroundings
from pileus_objectstore.ring.devices import Device
from pileus_objectstore.rpc.contract import Done, Held, PutReplica

PIECE = 1 << 18


def push_object(around: Surroundings, item: Item, to: Device, there: Held | None) -> bool:
    """True if something had to be sent. Raises HostDown if it did not arrive."""
    sent = False
    path = around.home / item.source.name / "objects" / str(item.partition) / item.held.digest
    if there is None and around.forgotten(timestamp_of(item.held.stamp)) and _is_tombstone(path):
        return False
    if there is None or there.stamp < item.held.stamp:
        sent = _send(around, path, PutReplica(to.name, item.partition, item.held.digest, item.held.stamp, 0), to)
    if item.held.posted and (there is None or there.posted < item.held.posted):
        wish = PutReplica(to.name, item.partition, item.held.digest, item.held.posted, 0, later=True)
        sent = _send(around, path.with_name(path.name + ".meta"), wish, to) or sent
    return sent


def _is_tombstone(path: Path) -> bool:
    """Raises OSError if it can't be read; a damaged file is none, and the auditor's business."""
    try:
        with open_file(path) as file:
            return file.meta.deleted
    except Damaged:
        return False


def _send(around: Surroundings, path: Path, wish: PutReplica, to: Device) -> bool:
    """False if the file was replaced meanwhile: whoever did it has told the others."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return False
    with file:
        about = os.fstat(file.fileno())
        if about.st_mtime_ns != wish.stamp:
            return False
        wish.size = about.st_size
        exchange = around.pool.open(to.host, "put_replica", wish, about.st_size).start()
        while piece := file.read(PIECE):
            exchange.send(piece)
        reply, body = exchange.reply(Done)
    exchange.done(body)
    if reply.status >= 400:
        raise HostDown(host=to.host, why=f"{to.name} does not take {path}: {reply.why or reply.status}")
    return True
