"""What the daemons share: the rings, this host's address and devices, and calls of storage servers."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

import msgspec

from pileus_kit.errors import HostDown
from pileus_objectstore.ring.devices import Device
from pileus_objectstore.ring.rings import Rings
from pileus_objectstore.storage.disks import MARKER
from pileus_objectstore.wire.client import Pool
from pileus_objectstore.wire.contract import timestamp

R = TypeVar("R")


class DeviceGone(HostDown):
    """The host answers that a device of its own can't be used."""


@dataclass(frozen=True)
class DaemonContext:
    """What a daemon of this host works with. `stopping` tells whether the process is being stopped."""

    home: Path
    address: str
    rings: Rings
    pool: Pool
    stopping: Callable[[], bool] = field(default=lambda: False)
    reclaim_s: int = 7 * 86400
    now: Callable[[], float] = field(default=time.time)

    def forgotten(self, stamp: str) -> bool:
        """Whether a deletion at that timestamp is no longer remembered, so that it must not be replicated any more."""
        return stamp < timestamp(self.now() - self.reclaim_s)

    def local(self, kind: str, policy: int = 0) -> list[Device]:
        """This host's devices in the ring of `kind` (of a storage policy) that are mounted."""
        return [
            device
            for device in self.rings.ring(kind, policy).file.devices
            if device and device.host == self.address and (self.home / device.name / MARKER).exists()
        ]

    def mounted(self) -> list[Device]:
        """This host's devices in any ring that are mounted."""
        kinds = self.rings.kinds()
        return list({device.name: device for kind in kinds for device in self.local(*kind)}.values())

    def ask(self, host: str, call: str, args: msgspec.Struct, kind: type[R], body: bytes = b"") -> tuple[R, bytes]:
        """Call a storage server: (reply, its body). Raises HostDown, also for a refusal: the next pass tries again."""
        reply, data = self.pool.call(host, call, args, kind, body)
        status = getattr(reply, "status", 200)
        if status == 507:
            raise DeviceGone(host=host, why=f"{call}: {getattr(reply, 'why', '')}")
        if status >= 400 and status != 404:
            raise HostDown(host=host, why=f"{call}: {getattr(reply, 'why', '') or status}")
        return reply, data
