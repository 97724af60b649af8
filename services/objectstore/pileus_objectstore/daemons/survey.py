"""What the devices of the cluster hold, as they say it themselves, and which of them are lost."""

import logging
from collections.abc import Callable

from pileus_kit.errors import HostDown
from pileus_objectstore.daemons.context import DaemonContext, DeviceGone
from pileus_objectstore.ring.devices import Device
from pileus_objectstore.ring.rings import RingKind
from pileus_objectstore.wire.daemon_calls import GetInventory, GetSummary, HeldReplica, InventoryReply, SummaryReply

log = logging.getLogger(__name__)
DeviceKey = tuple[RingKind, str, str]  # ring, host, device


class Survey:
    """Asks each device once in a pass, which starts with `begin`; how long hosts are silent it knows across passes."""

    def __init__(self, context: DaemonContext, host_lost_s: float, clock: Callable[[], float]) -> None:
        self._context = context
        self._host_lost_s = host_lost_s
        self.clock = clock
        self._summaries: dict[DeviceKey, dict[int, int] | None] = {}
        self._refused: set[DeviceKey] = set()  # devices that can't be used, according to their own host
        self._lost: dict[RingKind, list[Device]] = {}
        self._silent_since: dict[str, float] = {}
        self._silent: set[str] = set()  # hosts that did not answer in this pass

    def begin(self) -> None:
        """Begin a pass: what was asked before may have changed."""
        self._summaries.clear()
        self._refused.clear()
        self._silent.clear()
        self._lost.clear()

    def summary(self, ring: RingKind, device: Device) -> dict[int, int] | None:
        """The device's summary; None if the device can't be asked."""
        key = (ring, device.host, device.name)
        if key not in self._summaries:
            self._summaries[key] = None if device.host in self._silent else self._ask(key, ring, device)
        return self._summaries[key]

    def lost(self, ring: RingKind, device: Device) -> bool:
        """Whether handoffs must replace the device."""
        if self.summary(ring, device) is not None:
            return False
        if (ring, device.host, device.name) in self._refused:
            return True
        since = self._silent_since.get(device.host)
        return since is not None and self.clock() - since >= self._host_lost_s

    def lost_devices(self, ring: RingKind) -> list[Device]:
        """The devices of a ring that handoffs must replace; looked for once in a pass."""
        if ring not in self._lost:
            devices = self._context.rings.ring(*ring).file.devices
            self._lost[ring] = [device for device in devices if device and self.lost(ring, device)]
        return self._lost[ring]

    def inventory(self, ring: RingKind, device: Device, partition: int) -> list[HeldReplica]:
        """What the device holds of a partition at this moment. Raises HostDown."""
        request = GetInventory(device.name, ring.kind, partition, ring.policy)
        return self._context.ask(device.host, "get_inventory", request, InventoryReply)[0].held

    def _ask(self, key: DeviceKey, ring: RingKind, device: Device) -> dict[int, int] | None:
        request = GetSummary(device.name, ring.kind, ring.policy)
        try:
            reply, _ = self._context.ask(device.host, "get_summary", request, SummaryReply)
        except DeviceGone as e:
            log.error("device %s of %s is lost, its part goes to handoffs: %s", device.name, device.host, e)
            self._refused.add(key)
            self._silent_since.pop(device.host, None)
            return None
        except HostDown as e:
            log.info("%s", e)
            self._silent.add(device.host)
            self._silent_since.setdefault(device.host, self.clock())
            return None
        self._silent_since.pop(device.host, None)
        return reply.sums
