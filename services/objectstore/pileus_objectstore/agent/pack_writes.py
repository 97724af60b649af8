"""Writes one record to the packs of several devices of this host, which commit at the same time."""

import logging
from collections.abc import Callable

from pileus_objectstore.agent.host import Device, Host
from pileus_objectstore.errors import DeviceFailed
from pileus_objectstore.storage.device_objects import DeviceObjects
from pileus_objectstore.storage.pack_log import Change, Completion, PackLog
from pileus_objectstore.wire.contract import HostReplicas

log = logging.getLogger(__name__)
Make = Callable[[DeviceObjects], Change | None]  # None: the device needs no change


class PackWrites:
    """Devices that have the record (`done`), all that may have it (`tried`), and why the last one failed."""

    def __init__(self, host: Host, replicas: HostReplicas, make: Make) -> None:
        self.done: list[Device] = []
        self.tried: list[Device] = []
        self.failed = "no device of this host could be written"
        self._host, self._policy, self._make = host, replicas.policy, make
        self._left, self._wanted = [*replicas.devices, *replicas.handoffs], len(replicas.devices) or 1

    def run(self) -> "PackWrites":
        """Write to the replicas' devices; handoffs replace those that are away, full or broken."""
        while self._left and len(self.done) < self._wanted:
            missing = self._wanted - len(self.done)
            names, self._left = self._left[:missing], self._left[missing:]
            self._write(self._host.devices(names))
        return self

    def _write(self, devices: list[Device]) -> None:
        changes: list[tuple[Device, PackLog, Change | None]] = []
        for device in devices:
            try:
                objects = device.objects(self._policy)
                changes.append((device, objects.packs, self._make(objects)))
            except DeviceFailed as e:
                self._note(e)
        self.tried += [device for device, _, _ in changes]
        completion = Completion(sum(change is not None for _, _, change in changes))
        for _, packs, change in changes:
            if change is not None:
                packs.submit([change], completion)
        completion.wait()
        for device, _, change in changes:
            try:
                if change is not None:
                    device.objects(self._policy).settle(change)
                self.done.append(device)
            except DeviceFailed as e:
                self._note(e)

    def _note(self, error: DeviceFailed) -> None:
        log.warning("%s", error)
        self.failed = str(error)
