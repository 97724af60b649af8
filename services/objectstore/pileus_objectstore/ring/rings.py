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
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple, TypeVar, cast

import msgspec

from pileus_kit import decoding
from pileus_objectstore.ring.devices import Device, distance
from pileus_objectstore.ring.durable_files import replace_durably
from pileus_objectstore.ring.storage_policies import (
    SINGLE,
    ErasureCode,
    StoragePolicies,
    fragments_area,
    policy_of_area,
)

log = logging.getLogger(__name__)
T = TypeVar("T")
KINDS = ("account", "container", "object")
POLICIES_FILE = "policies.json"
CHECK_S = 5.0  # a changed file is noticed within this time


class RingKind(NamedTuple):
    """What a ring places: accounts, containers, or the objects of a storage policy."""

    kind: str
    policy: int = 0


class RingFile(msgspec.Struct):
    """The file. `table[replica]` is base64 of an array of 16-bit indexes of devices, one for each partition."""

    version: int
    power: int
    salt: str
    devices: list[Device | None]
    table: list[str]
    checksum: int
    moved_at: list[int] = []
    overload: float = 0.0
    min_part_hours: float = 1
    unfinished: bool = False  # a rebalance had to leave something to a later one


class Placement(msgspec.Struct, frozen=True):
    """Where all replicas of one name are placed: (host, its devices, its handoffs) in the order of preference.

    `policy` is the index of an object's storage policy.
    """

    partition: int
    digest: str
    hosts: tuple[tuple[str, tuple[str, ...], tuple[str, ...]], ...]
    policy: int = 0


class Ring:
    """A loaded ring. Immutable."""

    def __init__(self, file: RingFile, replicas: int = 0) -> None:
        """`replicas` is how many of a partition's devices count; 0 stands for all."""
        self.file = file
        self.power = file.power
        self.replicas = replicas or len(file.table)
        self._salt = file.salt.encode()
        self._shift = 32 - file.power
        self.table = [array("H", base64.b64decode(row)) for row in file.table[: self.replicas]]
        self._hosts = lru_cache(maxsize=8192)(self._group)

    def digest(self, *names: str) -> str:
        """The name of a file or listing on its devices."""
        return hashlib.md5(self._salt + "/".join(("", *names)).encode(), usedforsecurity=False).hexdigest()

    def placement(self, *names: str, policy: int = 0) -> Placement:
        """Where the replicas of a name are placed."""
        digest = self.digest(*names)
        partition = int(digest[:8], 16) >> self._shift
        return Placement(partition, digest, self._hosts(partition), policy)

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
    """The rings and storage policies of a cluster, read from a directory.

    A replaced file is noticed within CHECK_S seconds.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._loaded: dict[str, tuple[float, int, object]] = {}

    def ring(self, kind: str, policy: int = 0) -> Ring:
        """The ring of accounts, of containers, or of the objects of a storage policy. Raises OSError and ValueError.

        `policy` may also be an area of fragments. Whole objects of that policy are on the first of their devices.
        """
        coded = policy_of_area(policy)
        file = f"{ring_name(kind, policy if coded < 0 else coded)}.ring"
        code = self.erasure_code(policy) if policy and coded < 0 else None
        if code is None:
            return self._current(file, lambda path: Ring(read(path)))
        return self._current(file, lambda path: Ring(read(path), code.parity + 1), f"{file} of whole objects")

    def erasure_code(self, policy: int) -> ErasureCode | None:
        """How a storage policy codes objects; None if it doesn't."""
        found = self.policies().by_index(policy)
        return found.erasure_code if found else None

    def areas(self) -> list[int]:
        """Under which indexes devices keep objects: those of the policies, and the areas of fragments."""
        policies = self.policies().policies
        return [p.index for p in policies] + [fragments_area(p.index) for p in policies if p.erasure_code]

    def policies(self) -> StoragePolicies:
        """All storage policies."""
        return self._current(POLICIES_FILE, read_policies)

    def kinds(self) -> list["RingKind"]:
        """What there is a ring for."""
        objects = (RingKind("object", index) for index in self.policies().indexes)
        return [RingKind("account"), RingKind("container"), *objects]

    def placement(self, *names: str, policy: int = 0) -> Placement:
        """Where the replicas of an account (one name), a container (two) or an object (three) are placed."""
        kind = KINDS[len(names) - 1]
        return self.ring(kind, policy).placement(*names, policy=policy)

    def _current(self, name: str, load: Callable[[Path], T], what: str = "") -> T:
        """What a file holds, or `what` of it. If it is damaged now, what was loaded before stays in use."""
        now, what = time.monotonic(), what or name
        held = self._loaded.get(what)
        if held and now < held[0]:
            return cast("T", held[2])
        path = self.directory / name
        try:
            stamp = path.stat().st_mtime_ns if path.exists() else 0
            value: object = held[2] if held and held[1] == stamp else load(path)
        except (OSError, ValueError) as e:
            if held is None:
                raise
            log.error("%s can't be read, what was loaded stays in use: %s", path, e)
            stamp, value = held[1:]
        self._loaded[what] = (now + CHECK_S, stamp, value)
        return cast("T", value)


def ring_name(kind: str, policy: int = 0) -> str:
    """The name of a ring's file without its suffix: the rings of objects differ by policy."""
    return f"{kind}-{policy}" if policy else kind


def read_policies(path: Path) -> StoragePolicies:
    """Read the storage policies; without the file there is one. Raises OSError and ValueError."""
    if not path.exists():
        return SINGLE
    return decoding.decode(path.read_bytes(), StoragePolicies)


def write_policies(path: Path, policies: StoragePolicies) -> None:
    """Replace the file of storage policies atomically, for a crash, too."""
    replace_durably(path, msgspec.json.encode(policies))


def checksum(file: RingFile) -> int:
    """The checksum that the file should have."""
    return zlib.crc32(msgspec.json.encode([file.version, file.power, file.salt, file.devices, file.table]))


def read(path: Path) -> RingFile:
    """Read a ring. Raises OSError, and ValueError for a file that is damaged."""
    file = decoding.decode(path.read_bytes(), RingFile)
    if checksum(file) != file.checksum:
        raise ValueError(f"{path} is damaged: its checksum doesn't match")
    return file
