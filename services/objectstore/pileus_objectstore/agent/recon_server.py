"""What an operator asks of a storage host: its devices, what waits on them, and when the daemons were done."""

import hashlib
import os
import shutil
import time
from pathlib import Path

from pileus_objectstore.agent import async_pendings
from pileus_objectstore.agent.host import Device, Host
from pileus_objectstore.agent.object_server import Source
from pileus_objectstore.ring.ring_files import RingFiles
from pileus_objectstore.storage.daemon_reports import read_reports
from pileus_objectstore.storage.disks import MARKER
from pileus_objectstore.wire.recon_calls import DeviceUsage, GetRecon, ReconReply
from pileus_objectstore.wire.server import CallResult

QUARANTINE = "quarantined"


class ReconServer:
    """The recon call of the contract, and the facts of which it consists."""

    def __init__(self, host: Host, machine: str) -> None:
        self._host, self._machine = host, machine

    def get_recon(self, args: GetRecon, body: Source) -> CallResult:
        """The state of this host."""
        usage = self.disk_usage()
        reply = ReconReply(
            200,
            diskusage=usage,
            unmounted=[device.device for device in usage if not device.mounted],
            async_pending=self.async_pendings(),
            quarantined=self.quarantined(),
            ringmd5=self.ring_md5(),
            daemons=read_reports(self._host.state),
            load=os.getloadavg(),
            time=time.time(),
            ring_states=RingFiles(self._host.rings.directory).states(),
            machine=self._machine,
        )
        return CallResult(reply)

    def device_names(self) -> list[str]:
        """The devices of this host in any ring."""
        rings = self._host.rings
        devices = [device for kind in rings.kinds() for device in rings.ring(*kind).file.devices]
        return sorted({device.name for device in devices if device and device.host == self._host.address})

    def disk_usage(self) -> list[DeviceUsage]:
        """Each device, and how full its disk is."""
        return [self._usage(name) for name in self.device_names()]

    def async_pendings(self) -> int:
        """How many updates of listings wait on the devices."""
        return sum(len(async_pendings.paths(device)) for device in self._mounted())

    def quarantined(self) -> dict[str, int]:
        """How many damaged files were put aside: {kind: files}."""
        counts: dict[str, int] = {}
        for device in self._mounted():
            for kind in _entries(device.disk.root / QUARANTINE):
                counts[kind.name] = counts.get(kind.name, 0) + len(_entries(kind))
        return counts

    def ring_md5(self) -> dict[str, str]:
        """The MD5 of each ring's file, and of that of the storage policies: {file: MD5}."""
        return {path.name: _md5(path) for path in _entries(self._host.rings.directory) if path.suffix != ".new"}

    def _mounted(self) -> list[Device]:
        names = self.device_names()
        return self._host.devices(name for name in names if (self._host.state / name / MARKER).exists())

    def _usage(self, name: str) -> DeviceUsage:
        root = self._host.state / name
        if not (root / MARKER).exists():
            return DeviceUsage(name, False)
        usage = shutil.disk_usage(root)
        return DeviceUsage(name, True, usage.total, usage.used, usage.free)


def _entries(directory: Path) -> list[Path]:
    try:
        return sorted(path for path in directory.iterdir() if not path.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return []


def _md5(path: Path) -> str:
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()
