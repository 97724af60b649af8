"""What the devices of a store hold of an object, whether in a file or packed."""

import os
from pathlib import Path

from pileus_objectstore.agent.host import Device
from pileus_objectstore.errors import Damaged
from pileus_objectstore.storage.object_format import StoredVersion, blocks
from pileus_objectstore.storage.pack_records import HEADER_BYTES
from pileus_objectstore.testing import ObjectStoreFixture
from pileus_objectstore.wire.contract import ObjectMeta

Copies = dict[str, tuple[ObjectMeta, bytes]]


def devices(store: ObjectStoreFixture) -> list[Device]:
    host = store.servers[0].host
    names = sorted(path.parent.name for path in Path(store.configs[0].home).glob("d*/.device"))
    return host.devices(names)


def copies(store: ObjectStoreFixture, path: str) -> Copies:
    """{device: (metadata, body)} of the object at `path` (/v1/account/container/object)."""
    placement = store.app.tools.cluster.rings.placement(*path.split("/", 4)[2:])
    found: Copies = {}
    for device in devices(store):
        try:
            version: StoredVersion | None = device.objects().open(placement.partition, placement.digest)
        except Damaged:
            continue
        if version is not None:
            with version:
                found[device.name] = (version.meta, b"".join(blocks(version)))
    return found


def is_packed(store: ObjectStoreFixture, path: str) -> bool:
    placement = store.app.tools.cluster.rings.placement(*path.split("/", 4)[2:])
    return any(
        device.objects().packs.find(placement.partition, placement.digest) is not None for device in devices(store)
    )


def flip(store: ObjectStoreFixture, path: str, device: str, at: int) -> None:
    """Change a bit of an object's record on a device: of its header if `at` is below 0, else of its payload."""
    placement = store.app.tools.cluster.rings.placement(*path.split("/", 4)[2:])
    objects = store.servers[0].host.device(device).objects()
    place = objects.packs.find(placement.partition, placement.digest)
    assert place is not None
    offset = place.offset + HEADER_BYTES + (at % place.length if at >= 0 else at)
    with open(objects.packs.segments.path(place.segment), "r+b") as file:
        byte = os.pread(file.fileno(), 1, offset)
        os.pwrite(file.fileno(), bytes([byte[0] ^ 4]), offset)


def quarantined(store: ObjectStoreFixture) -> int:
    return len(list(Path(store.configs[0].home).glob("d*/quarantined/packs/*")))
