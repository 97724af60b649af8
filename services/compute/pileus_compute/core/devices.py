"""Which device names a server's volumes have: those that its guest will give them, virtio disks after its own ones."""

import re
from collections.abc import Collection, Iterator
from string import ascii_lowercase
from typing import Any

ROOT = "/dev/vda"


def assigned(flavor: dict[str, Any], wishes: list[tuple[str | None, bool]]) -> list[str]:
    """A name for each volume of a new server: (the wished name, whether it boots from it)."""
    names = [ROOT if boots else _usable(wish) for wish, boots in wishes]
    for index, name in enumerate(names):
        if not name or name in names[:index]:
            names[index] = free(flavor, names)
    return names


def free(flavor: dict[str, Any], taken: Collection[str | None], wish: str | None = None) -> str:
    """The wished name if a guest can have it, else the next one after the server's own disks and `taken`."""
    own = 1 + bool(flavor["ephemeral_gib"]) + bool(flavor["swap_mib"])
    names = (name for number, name in enumerate(_names()) if number >= own and name not in taken)
    return _usable(wish) or next(names)


def _usable(wish: str | None) -> str:
    """In full; "" if it is no name for another disk on the bus that volumes are on."""
    name = "/dev/" + (wish or "").removeprefix("/dev/")
    return name if re.fullmatch("/dev/vd[a-z]{1,2}", name) and name != ROOT else ""


def _names() -> Iterator[str]:
    yield from (f"/dev/vd{a}" for a in ascii_lowercase)
    yield from (f"/dev/vd{a}{b}" for a in ascii_lowercase for b in ascii_lowercase)
