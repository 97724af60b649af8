"""The ring: the MD5 of a path gives a partition, and a table gives the partition's devices.

It is a consistent ring with a fixed number of partitions (2**power), as Swift has published it: a partition is the top
`power` bits of md5(salt + path). The salt is random for each cluster, so that no client can choose names that all
belong to one partition.
"""

import base64
import hashlib
import logging
import time
import zlib
from array import array
from functools import lru_cache
from pathlib import Path

import msgspec

from pileus_kit import decoding
from pileus_objectstore.ring.devices import Device, distance

log = logging.getLogger(__name__)
KINDS = ("account", "container", "object")
CHECK_S = 5.0  # a changed file is noticed within this time


class RingFile(msgspec.Struct):
    """The file. `table[replica]` is base64 of an array of 16-bit indexes of devices, one for each partition."""

    version: int
    power: int
    salt: str
    devices: list[Device | None]
    table: list[str]
    checksum: int
    moved_at: list[int] = []


class Placement(msgspec.Struct, frozen=True):
    """Where all replicas of one name are placed: (host, its devices, its handoffs) in the order of preference."""

    partition: int
    digest: str
    hosts: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]


class Ring:
    """A loaded ring. Immutable."""

    def __init__(self, file: RingFile) -> None:
        self.file = file
        self.power = file.power
        self.replicas = len(file.table)
        self._salt = file.salt.encode()
        self._shift = 32 - file.power
        self.table = [array("H", base64.b64decode(row)) for row in file.table]
        self._hosts = lru_cache(maxsize=8192)(self._group)

    def digest(self, *names: str) -> str:
        """The name of a file or listing on its devices."""
        return hashlib.md5(self._salt + "/".join(("", *names)).encode(), usedforsecurity=False).hexdigest()

    def placement(self, *names: str) -> Placement:
        """Where the replicas of a name are placed."""
        digest = self.digest(*names)
        partition = int(digest[:8], 16) >> self._shift
        return Placement(partition, digest, self._hosts(partition))

    def devices(self, partition: int) -> list[Device]:
        """The devices that should hold the partition, first replica first."""
        found = [self.file.devices[row[partition]] for row in self.table]
        return [device for device in found if device]

    def handoffs(self, partition: int) -> list[Device]:
        """All other devices with weight: those farthest from the primaries first, then in a fixed random order."""
        primaries = self.devices(partition)
        others = [d for d in self.file.devices if d and d.weight > 0 and d not in primaries]

        def order(device: Device) -> tuple[int, int]:
            near = min(distance(device, primary) for primary in primaries)
            return -near, zlib.crc32(f"{partition}:{device.id}".encode())

        return sorted(others, key=order)

    def _group(self, partition: int) -> tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]:
        own: dict[str, list[str]] = {}
        extra: dict[str, list[str]] = {}
        for device in self.devices(partition):
            own.setdefault(device.host, []).append(device.name)
        for device in self.handoffs(partition)[: 2 * self.replicas]:
            extra.setdefault(device.host, []).append(device.name)
        return tuple((host, tuple(own.get(host, ())), tuple(extra.get(host, ()))) for host in (own | extra))


class Rings:
    """The three rings of a cluster, read from a directory; a replaced file is noticed within CHECK_S seconds."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._loaded: dict[str, tuple[float, int, Ring]] = {}

    def ring(self, kind: str) -> Ring:
        """The ring of accounts, containers or objects. If its file is damaged, the loaded ring stays in use."""
        now = time.monotonic()
        held = self._loaded.get(kind)
        if held and now < held[0]:
            return held[2]
        path = self._directory / f"{kind}.ring"
        try:
            stamp = path.stat().st_mtime_ns
            ring = held[2] if held and held[1] == stamp else Ring(read(path))
        except (OSError, ValueError) as e:
            if held is None:
                raise
            log.error("the %s ring can't be read, the one that was loaded stays in use: %s", kind, e)
            stamp, ring = held[1:]
        self._loaded[kind] = (now + CHECK_S, stamp, ring)
        return ring

    def placement(self, *names: str) -> Placement:
        """Where the replicas of an account (one name), a container (two) or an object (three) are placed."""
        return self.ring(KINDS[len(names) - 1]).placement(*names)


def checksum(file: RingFile) -> int:
    """The checksum that the file should have."""
    return zlib.crc32(msgspec.json.encode([file.version, file.power, file.salt, file.devices, file.table]))


def read(path: Path) -> RingFile:
    """Read a ring. Raises OSError, and ValueError for a file that is damaged."""
    file = decoding.decode(path.read_bytes(), RingFile)
    if checksum(file) != file.checksum:
        raise ValueError(f"{path} is damaged: its checksum doesn't match")
    return file
