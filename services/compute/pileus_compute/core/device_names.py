"""Predicts the device names that a guest will give to a server's volumes, by the rule that the driver follows."""

from collections.abc import Iterable, Mapping, Sequence

from pileus_compute.drivers.device_names import DeviceNames

BUS = "virtio"  # of all volumes
FOLDER = "/dev/"
ROOT = "vda"


def assign(flavor: Mapping[str, int], requested: Sequence[tuple[str | None, bool]]) -> list[str]:
    """Return a device name for each volume of a new server.

    `requested` has, for each volume, the name that the user asks for and whether the server boots from it.
    """
    names = _free_names(flavor)
    given = {index: ROOT for index, (_, boots) in enumerate(requested) if boots}
    named_first = sorted(enumerate(requested), key=lambda one: not one[1][0])
    for index, (name, _) in named_first:
        if index not in given:
            given[index] = names.give(BUS, name or "")
    return [FOLDER + given[index] for index in range(len(requested))]


def choose(flavor: Mapping[str, int], taken: Iterable[str | None], requested: str | None = None) -> str:
    """Return the requested name if a guest can have it, else the first one behind the server's disks and `taken`."""
    names = _free_names(flavor)
    names.taken.update(with_folder(name).removeprefix(FOLDER) for name in taken if name)
    return FOLDER + names.give(BUS, requested or "")


def with_folder(name: str) -> str:
    """Return the name as servers show it, with `/dev/`."""
    return FOLDER + name.removeprefix(FOLDER)


def _free_names(flavor: Mapping[str, int]) -> DeviceNames:
    """Return the names that the root disk and the flavor's blank disks leave."""
    names = DeviceNames()
    for _ in range(1 + bool(flavor["ephemeral_gib"]) + bool(flavor["swap_mib"])):
        names.give(BUS)
    return names
