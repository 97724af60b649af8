"""Which device names a server's volumes have: those that its guest will give them, by the same rule."""

from collections.abc import Iterable
from typing import Any

from pileus_compute.drivers.device_names import DeviceNames

BUS = "virtio"  # of all volumes
FOLDER = "/dev/"


def assigned(flavor: dict[str, Any], wishes: list[tuple[str | None, bool]]) -> list[str]:
    """A name for each volume of a new server: (the wished name, whether it boots from it)."""
    names = _beside(flavor)
    given = {index: "vda" for index, (_, boots) in enumerate(wishes) if boots}
    for index, (wish, _) in sorted(enumerate(wishes), key=lambda one: not one[1][0]):  # wishes first
        if index not in given:
            given[index] = names.give(BUS, wish or "")
    return [FOLDER + given[index] for index in range(len(wishes))]


def free(flavor: dict[str, Any], taken: Iterable[str | None], wish: str | None = None) -> str:
    """The wished name if a guest can have it, else the next one after the server's own disks and `taken`."""
    names = _beside(flavor)
    names.taken.update(full(name).removeprefix(FOLDER) for name in taken if name)
    return FOLDER + names.give(BUS, wish or "")


def full(name: str) -> str:
    return FOLDER + name.removeprefix(FOLDER)


def _beside(flavor: dict[str, Any]) -> DeviceNames:
    """The names that are left by what it boots from and by the flavor's blank disks."""
    names = DeviceNames()
    for _ in range(1 + bool(flavor["ephemeral_gib"]) + bool(flavor["swap_mib"])):
        names.give(BUS)
    return names
