"""Which partitions a host works on alone, among the hosts that hold them."""

from collections.abc import Iterator

from pileus_objectstore.daemons.context import DaemonContext
from pileus_objectstore.ring.devices import Device


def led_partitions(context: DaemonContext, kind: str, policy: int = 0) -> Iterator[tuple[Device, int]]:
    """All partitions of which a device of this host has the first replica that is not lost."""
    ring = context.rings.ring(kind, policy)
    local = sorted(context.local(kind, policy), key=lambda device: device.name)
    for device in local:
        for partition in range(1 << ring.power):
            if _first(ring.devices(partition), local) == device:
                yield device, partition


def _first(devices: list[Device], local: list[Device]) -> Device | None:
    """The first device that is another host's, or this host's and there."""
    hosts = {device.host for device in local}
    return next((device for device in devices if device.host not in hosts or device in local), None)
