"""Names of the disks of a guest. Drivers give names by this rule, so the API can tell them before there is a guest."""

import re
from collections.abc import Iterable, Iterator
from string import ascii_lowercase

PREFIX = {"virtio": "vd", "scsi": "sd", "sata": "sd", "usb": "sd", "ide": "hd", "fdc": "fd"}


class DeviceNames:
    """Hands out a guest's disk names (vda, vdb, …, vdz, vdaa)."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self.taken = set(taken)

    def give(self, bus: str, requested: str = "") -> str:
        """The requested name if it is free and suits the bus, else the next free one."""
        prefix = PREFIX.get(bus, "vd")
        name = requested.removeprefix("/dev/")
        if not re.fullmatch(prefix + "[a-z]{1,2}", name) or name in self.taken:
            name = next(free for free in _letters(prefix) if free not in self.taken)
        self.taken.add(name)
        return name


def _letters(prefix: str) -> Iterator[str]:
    yield from (prefix + a for a in ascii_lowercase)
    yield from (prefix + a + b for a in ascii_lowercase for b in ascii_lowercase)
