"""The storage daemon: one qemu-storage-daemon that serves the disks of this storage host to other hosts over NBD.

The daemon outlives the agent, so that guests on other hosts go on while the agent restarts; a new agent finds it by its
monitor socket. QEMU's NBD server shows every client the names of all exports. So where other machines are served it
listens on a socket for root alone, and a gateway for each of them admits that one only (`export_gateways`); without TLS
it listens on the loopback address.
"""

import base64
import ipaddress
import logging
import subprocess
import threading
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pileus_volume.drivers.file import qcow2_files, qemu_daemons
from pileus_volume.drivers.file.export_gateways import Gateways
from pileus_volume.drivers.file.qmp import Monitor, MonitorError
from pileus_volume.errors import DiskBusy, ToolFailed
from pileus_volume.rpc import Export

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Address:
    """Where clients connect; `tls` is a directory with the certificate of this machine's exports."""

    host: str
    port: int
    tls: str = ""

    def __post_init__(self) -> None:
        if not self.tls and not _loopback(self.host):
            raise ValueError(f"NBD on {self.host} needs nbd_tls: only the loopback address may do without")


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def node_name(volume_id: str) -> str:
    """The disk's name in the daemon: 27 characters, as QEMU takes at most 31."""
    return "v" + base64.b32encode(uuid.UUID(volume_id).bytes).decode().rstrip("=").lower()


class StorageDaemon:
    """Makes the daemon serve the desired exports. `directory` holds its sockets; `log_file` says whom it refused."""

    def __init__(self, directory: Path, address: Address, log_file: Path) -> None:
        self._socket, self._pid, self._address = directory / "nbd.qmp", directory / "nbd.pid", address
        self._nbd, self._log_file = directory / "nbd.sock", log_file
        self._process: subprocess.Popen[bytes] | None = None
        self._lock = threading.Lock()
        directory.mkdir(parents=True, exist_ok=True)
        directory.chmod(0o700)  # who may enter it, reads and writes every exported disk
        self._gateways = Gateways(directory, address.host, address.tls, self._nbd, log_file)

    def set_exports(self, exports: Sequence[Export], paths: dict[str, Path]) -> None:
        """Serve exactly these exports; `paths` has the file of each volume. Starts the daemon if there are exports."""
        with self._lock:
            self._gateways.withdraw(exports)
            if not exports and not self._is_running():
                return
            self._start()
            try:
                with Monitor(self._socket) as monitor:
                    self._apply(monitor, exports, paths)
            finally:
                self._gateways.serve(exports)

    def holds(self, volume_id: str) -> bool:
        """Whether the daemon has the volume's disk open."""
        with self._lock:
            if not self._is_running():
                return False
            with Monitor(self._socket) as monitor:
                return node_name(volume_id) in _nodes(monitor)

    def snapshot(self, volume_id: str, name: str) -> None:
        """Take a snapshot of a disk that the daemon has open."""
        with self._lock, Monitor(self._socket) as monitor:
            try:
                monitor.run("blockdev-snapshot-internal-sync", device=node_name(volume_id), name=name)
            except MonitorError as err:
                if "already exists" not in str(err):
                    raise

    def delete_snapshot(self, volume_id: str, name: str) -> None:
        """Remove a snapshot of a disk that the daemon has open."""
        with self._lock, Monitor(self._socket) as monitor:
            try:
                monitor.run("blockdev-snapshot-delete-internal-sync", device=node_name(volume_id), name=name)
            except MonitorError as err:
                if "does not exist" not in str(err):
                    raise

    def close_disk(self, volume_id: str) -> None:
        """Close a disk that is about to be deleted, even if clients still read it."""
        node = node_name(volume_id)
        with self._lock:
            if not self._is_running():
                return
            with Monitor(self._socket) as monitor:
                for entry in monitor.run("query-block-exports"):
                    if entry["node-name"] == node:
                        qemu_daemons.unexport(monitor, entry["id"])
                if node in _nodes(monitor):
                    monitor.run("blockdev-del", node_name=node)

    def stop(self) -> None:
        """End the daemon and with it every export."""
        with self._lock:
            self._gateways.stop()
            qemu_daemons.end(self._socket)
            if self._process:
                self._process.wait()

    def _apply(self, monitor: Monitor, exports: Sequence[Export], paths: dict[str, Path]) -> None:
        present = qemu_daemons.exports_of(monitor)
        desired = {f"e-{export.attachment_id}": export for export in exports}
        for gone in present - desired.keys():
            qemu_daemons.unexport(monitor, gone)
        nodes = _nodes(monitor)
        for node in nodes - {node_name(export.volume_id) for export in exports}:
            monitor.run("blockdev-del", node_name=node)
        problems = []
        for key in desired.keys() - present:
            export = desired[key]
            try:
                _export(monitor, key, export, paths[export.volume_id], nodes)
            except (ToolFailed, DiskBusy) as err:  # a bad disk must not keep the others from being served
                problems.append(f"{export.volume_id}: {err}")
        if problems:
            raise ToolFailed(tool="qemu-storage-daemon", why="; ".join(sorted(problems)))

    def _is_running(self) -> bool:
        return qemu_daemons.is_running(self._socket)

    def _start(self) -> None:
        if self._is_running():
            return
        if self._address.tls:
            where = f"addr.type=unix,addr.path={self._nbd}"
            self._nbd.unlink(missing_ok=True)
        else:
            where = f"addr.type=inet,addr.host={self._address.host},addr.port={self._address.port}"
        options = ["--pidfile", str(self._pid), "--nbd-server", f"{where},max-connections=0"]
        self._process = qemu_daemons.start(self._socket, options, self._log_file)
        log.info("storage daemon started: %s", where)


def _nodes(monitor: Monitor) -> set[str]:
    return {
        node["node-name"]
        for node in monitor.run("query-named-block-nodes", flat=True)
        if node["drv"] == "qcow2" and node["node-name"].startswith("v")
    }


def _export(monitor: Monitor, key: str, export: Export, path: Path, nodes: set[str]) -> None:
    node = node_name(export.volume_id)
    if node not in nodes:
        qcow2_files.inspect_disk(path)
        try:
            monitor.run(
                "blockdev-add",
                driver="qcow2",
                node_name=node,
                discard="unmap",
                backing=None,
                file={"driver": "file", "filename": str(path), "discard": "unmap", "locking": "on"},
            )
        except MonitorError as err:
            if "lock" in str(err):
                raise DiskBusy(volume=export.volume_id, why=str(err)) from err
            raise
        nodes.add(node)
    monitor.run("block-export-add", type="nbd", id=key, node_name=node, name=export.name, writable=export.writable)
