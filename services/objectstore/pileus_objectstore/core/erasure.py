"""Erasure codes by pyeclib, and where the fragments of an object are.

A fragment is a stored object of its own: the parts of all segments one after the other, under a name that follows from
the object's, its version and the fragment's number. Fragment n belongs on the n-th device of the object's partition.
"""

import hashlib
from collections.abc import Mapping
from functools import cache

from pyeclib.ec_iface import ECDriver, ECDriverError

from pileus_objectstore.core.coded_heads import SCHEME, SIZE, STAMP
from pileus_objectstore.errors import Damaged, RingRefused
from pileus_objectstore.ring.devices import Device
from pileus_objectstore.ring.rings import Ring
from pileus_objectstore.ring.storage_policies import ErasureCode, fragments_area
from pileus_objectstore.wire.contract import HostReplicas

MAX_FRAGMENTS = 32


@cache
def driver(data: int, parity: int, kind: str) -> ECDriver:
    """The coder. It is made once, as that costs time."""
    return ECDriver(k=data, m=parity, ec_type=kind)


class Layout:
    """How an object of `size` bytes is laid out in fragments."""

    def __init__(self, code: ErasureCode, size: int) -> None:
        self.code = code
        self.size = size
        self._driver = driver(code.data, code.parity, code.kind)

    @property
    def segments(self) -> int:
        """The number of segments."""
        return -(-self.size // self.code.segment_bytes)

    def segment_size(self, segment: int) -> int:
        """The length of a segment of the object."""
        return min(self.code.segment_bytes, self.size - segment * self.code.segment_bytes)

    def part_size(self, segment: int) -> int:
        """The length of a segment's part in each fragment."""
        length = self.segment_size(segment)
        return int(self._driver.get_segment_info(length, length)["fragment_size"])

    def span(self, segment: int, last: int) -> tuple[int, int]:
        """The (first, last) bytes of a fragment that belong to the segments `segment` to `last`."""
        start = segment * self.part_size(0)
        end = last * self.part_size(0) + self.part_size(last)
        return start, end - 1

    @property
    def fragment_size(self) -> int:
        """The length of each fragment."""
        return self.span(0, self.segments - 1)[1] + 1

    def encode(self, data: bytes) -> list[bytes]:
        """A segment's parts, one for each fragment."""
        parts: list[bytes] = self._driver.encode(data)
        return parts

    def decode(self, parts: list[bytes]) -> bytes:
        """A segment, from as many of its parts as the code needs. Raises Damaged."""
        try:
            data: bytes = self._driver.decode(parts)
        except ECDriverError as e:
            raise Damaged(path="a segment", why=str(e)) from e
        return data

    def rebuild(self, parts: list[bytes], missing: list[int]) -> list[bytes]:
        """The parts of missing fragments. Raises Damaged."""
        try:
            rebuilt: list[bytes] = self._driver.reconstruct(parts, missing)
        except ECDriverError as e:
            raise Damaged(path="a segment", why=str(e)) from e
        return rebuilt


def layout_of(headers: Mapping[str, str]) -> Layout:
    """How the object with a head with these headers is laid out. Raises Damaged."""
    try:
        data, parity, segment_bytes, kind = headers[SCHEME].split(" ")
        return Layout(ErasureCode(int(data), int(parity), kind, int(segment_bytes)), int(headers[SIZE]))
    except (KeyError, ValueError) as e:
        raise Damaged(path=headers.get(STAMP, "a head"), why=f"it does not tell how the object is coded: {e}") from e


def checked(data: int, parity: int) -> ErasureCode:
    """A code with so many fragments. Raises RingRefused if there is none."""
    if not (1 <= data <= MAX_FRAGMENTS and 1 <= parity <= MAX_FRAGMENTS and data + parity <= MAX_FRAGMENTS):
        raise RingRefused(why=f"a code has data and parity fragments, at most {MAX_FRAGMENTS} together")
    code = ErasureCode(data, parity)
    try:
        driver(data, parity, code.kind)
    except ECDriverError as e:
        raise RingRefused(why=f"pyeclib has no such code: {e}") from e
    return code


def scheme_of(code: ErasureCode) -> str:
    """What a head says of the code."""
    return f"{code.data} {code.parity} {code.segment_bytes} {code.kind}"


def fragment_digest(digest: str, stamp: str, number: int) -> str:
    """The name of a fragment on its device, for the object with a digest in the version of a timestamp."""
    return hashlib.md5(f"{digest}/{stamp}/{number}".encode(), usedforsecurity=False).hexdigest()


def places(ring: Ring, policy: int, partition: int, digest: str, device: Device) -> tuple[str, HostReplicas]:
    """Where a fragment is looked for on a device's host: on the device, then on the others, which may be handoffs."""
    others = tuple(d.name for d in ring.file.devices if d and d.host == device.host and d.name != device.name)
    area = fragments_area(policy)
    return device.host, HostReplicas(partition, digest, (device.name,), others, area)
