"""The storage daemon: one qemu-storage-daemon that serves the disks of this storage host to other hosts over NBD.

The daemon outlives the agent, so that guests on other hosts go on while the agent restarts; a new agent finds it by its
monitor socket. QEMU's NBD server shows every client the names of all exports, so beyond the loopback address the daemon
is started with TLS and client certificates only.
"""

import base64
import ipaddress
import logging
import subprocess
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pileus_volume.drivers.file import qcow2_files
from pileus_volume.drivers.file.qmp import Monitor, MonitorError
from pileus_volume.errors import DiskBusy, ToolFailed
from pileus_volume.rpc import Export

log = logging.getLogger(__name__)

PATIENCE_S = 10.0  # until the daemon must have done something
PAUSE_S = 0.02


@dataclass(frozen=True)
class Address:
    """Where clients connect, and with which certificates."""

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
    """Makes the daemon serve the desired exports. `directory` holds its sockets."""

    def __init__(self, directory: Path, address: Address) -> None:
        self._socket, self._pid, self._address = directory / "nbd.qmp", directory / "nbd.pid", address
        self._lock = threading.Lock()
        directory.mkdir(parents=True, exist_ok=True)

    def set_exports(self, exports: Sequence[Export], paths: dict[str, Path]) -> None:
        """Serve exactly these exports; `paths` has the file of each volume. Starts the daemon if there are exports."""
        with self._lock:
            if not exports and not self._is_running():
                return
            self._start()
            with Monitor(self._socket) as monitor:
                self._apply(monitor, exports, paths)

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
                        _unexport(monitor, entry["id"])
                if node in _nodes(monitor):
                    monitor.run("blockdev-del", node_name=node)

    def stop(self) -> None:
        """End the daemon and with it every export."""
        with self._lock:
            if self._is_running():
                with Monitor(self._socket) as monitor:
                    monitor.run("quit")
                _wait_until(lambda: not self._is_running(), "the storage daemon doesn't end")

    def _apply(self, monitor: Monitor, exports: Sequence[Export], paths: dict[str, Path]) -> None:
        present = {entry["id"] for entry in monitor.run("query-block-exports")}
        desired = {f"e-{export.attachment_id}": export for export in exports}
        for gone in present - desired.keys():
            _unexport(monitor, gone)
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
        try:
            with Monitor(self._socket):
                return True
        except (OSError, ValueError):
            return False

    def _start(self) -> None:
        if self._is_running():
            return
        self._socket.unlink(missing_ok=True)
        tls = self._address.tls
        secure = ["--object", f"tls-creds-x509,id=tls,dir={tls},endpoint=server,verify-peer=on"] if tls else []
        done = subprocess.run(
            [
                "qemu-storage-daemon",
                "--daemonize",
                "--pidfile",
                str(self._pid),
                *secure,
                "--chardev",
                f"socket,path={self._socket},server=on,wait=off,id=monitor",
                "--monitor",
                "chardev=monitor",
                "--nbd-server",
                f"addr.type=inet,addr.host={self._address.host},addr.port={self._address.port},"
                f"max-connections=0{',tls-creds=tls' if tls else ''}",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            start_new_session=True,
        )
        if done.returncode:
            raise ToolFailed(tool="qemu-storage-daemon", why=done.stderr.strip()[-500:])
        _wait_until(self._is_running, "the storage daemon doesn't answer")
        log.info("storage daemon started on %s:%d", self._address.host, self._address.port)


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


def _unexport(monitor: Monitor, key: str) -> None:
    """End the export and disconnect its clients, whose attachment is gone. The daemon does that in the background."""
    monitor.run("block-export-del", id=key, mode="hard")
    _wait_until(lambda: key not in {entry["id"] for entry in monitor.run("query-block-exports")}, f"{key} doesn't end")


def _wait_until(condition: Callable[[], bool], otherwise: str) -> None:
    """Raises ToolFailed with the sentence `otherwise` after PATIENCE_S."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        if time.monotonic() > deadline:
            raise ToolFailed(tool="qemu-storage-daemon", why=otherwise)
        time.sleep(PAUSE_S)
