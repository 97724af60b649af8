"""DeviceNames of a guest's disks: what a driver gives them, and what is said of them before a guest is there."""

import re
from collections.abc import Iterable, Iterator
from string import ascii_lowercase

PREFIX = {"virtio": "vd", "scsi": "sd", "sata": "sd", "usb": "sd", "ide": "hd", "fdc": "fd"}


class DeviceNames:
    """Hands out a guest's disk names (vda, vdb, …, vdz, vdaa)."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.taken = set(taken)

    def give(self, bus: str, wish: str = "") -> str:
        """The wished name when it is free and suits the bus, else the next free one."""
        prefix = PREFIX.get(bus, "vd")
        wished = wish.removeprefix("/dev/")
        if not re.fullmatch(prefix + "[a-z]{1,2}", wished) or wished in self.taken:
            wished = next(name for name in _letters(prefix) if name not in self.taken)
        self.taken.add(wished)
        return wished


def _letters(prefix: str) -> Iterator[str]:
    yield from (prefix + a for a in ascii_lowercase)
    yield from (prefix + a + b for a in ascii_lowercase for b in ascii_lowercase)
