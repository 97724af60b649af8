"""What the calls of a storage server share: its disks, and who else there is."""

import logging
from collections.abc import Iterable
from pathlib import Path

from pileus_objectstore.drivers.disks import RESERVE, Disk
from pileus_objectstore.drivers.listings import Listings
from pileus_objectstore.drivers.object_files import ObjectFiles
from pileus_objectstore.errors import DeviceFailed
from pileus_objectstore.ring.rings import Rings, Spot
from pileus_objectstore.rpc.client import Pool

log = logging.getLogger(__name__)


class Device:
    """A disk with what lies on it."""

    def __init__(self, root: Path, reserve: int) -> None:
        self.disk = Disk(root, reserve)
        self.name = root.name
        self.files = ObjectFiles(self.disk)
        self.listings = Listings(self.disk)


class Host:
    """This host's devices, by name. A device named in the ring may be missing: then it is failed, and may come back."""

    def __init__(self, state: Path, address: str, rings: Rings, pool: Pool, reserve: int = RESERVE) -> None:
        self.state = state
        self.address = address
        self.rings = rings
        self.pool = pool
        self._reserve = reserve
        self._devices: dict[str, Device] = {}

    def device(self, name: str) -> Device:
        """Raises DeviceFailed if it can't be used now."""
        device = self._devices.get(name)
        if device is None:
            if "/" in name or name.startswith("."):
                raise DeviceFailed(device=name, why="that is no device's name")
            device = self._devices.setdefault(name, Device(self.state / name, self._reserve))
        if not device.disk.usable:
            raise DeviceFailed(device=name, why="it is not mounted")
        return device

    def devices(self, names: Iterable[str]) -> list[Device]:
        """Those that can be used."""
        usable = []
        for name in names:
            try:
                usable.append(self.device(name))
            except DeviceFailed as e:
                log.warning("%s", e)
        return usable

    def targets(self, spot: Spot) -> list[Device]:
        """Where to write: the spot's devices, with handoffs in the places of those that failed."""
        own = self.devices(spot.devices)
        missing = len(spot.devices) - len(own)
        return own + (self.devices(spot.handoffs)[:missing] if missing else [])

    def holders(self, spot: Spot) -> list[Device]:
        """Where to look: the spot's devices, then whoever may stand in for one of them."""
        return self.devices(spot.devices + spot.handoffs)

    def close(self) -> None:
        for device in self._devices.values():
            device.listings.close()
            device.disk.close()
