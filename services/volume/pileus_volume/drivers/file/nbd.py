"""Serves disks to other hosts: one qemu-storage-daemon for this storage host.

It runs detached, so that it outlives the agent: guests elsewhere go on while the agent restarts. Who starts knows
it again by its monitor socket. QEMU's NBD server tells every client the names of all exports, so beyond the loopback
address it is only ever started with TLS and client certificates.
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

from pileus_volume.drivers.file import tool
from pileus_volume.drivers.file.qmp import Monitor, MonitorError
from pileus_volume.errors import DiskBusy, ToolFailed
from pileus_volume.rpc import Export

log = logging.getLogger(__name__)

PATIENCE_S = 10.0
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
    """Keeps the daemon at what is wanted. `directory` holds its sockets."""

    def __init__(self, directory: Path, address: Address) -> None:
        self._socket, self._pid, self._address = directory / "nbd.qmp", directory / "nbd.pid", address
        self._lock = threading.Lock()
        directory.mkdir(parents=True, exist_ok=True)

    def serve(self, exports: Sequence[Export], paths: dict[str, Path]) -> None:
        """Export exactly these; `paths` tells the file of each volume. Starts the daemon when there is something."""
        with self._lock:
            if not exports and not self._alive():
                return
            self._ensure()
            with Monitor(self._socket) as monitor:
                self._apply(monitor, exports, paths)

    def holds(self, volume_id: str) -> bool:
        with self._lock:
            if not self._alive():
                return False
            with Monitor(self._socket) as monitor:
                return node_name(volume_id) in _nodes(monitor)

    def snapshot(self, volume_id: str, name: str) -> None:
        with self._lock, Monitor(self._socket) as monitor:
            try:
                monitor.run("blockdev-snapshot-internal-sync", device=node_name(volume_id), name=name)
            except MonitorError as err:
                if "already exists" not in str(err):
                    raise

    def delete_snapshot(self, volume_id: str, name: str) -> None:
        with self._lock, Monitor(self._socket) as monitor:
            try:
                monitor.run("blockdev-snapshot-delete-internal-sync", device=node_name(volume_id), name=name)
            except MonitorError as err:
                if "does not exist" not in str(err):
                    raise

    def drop(self, volume_id: str) -> None:
        """Let go of a disk that is about to vanish, whoever still reads it."""
        node = node_name(volume_id)
        with self._lock:
            if not self._alive():
                return
            with Monitor(self._socket) as monitor:
                for entry in monitor.run("query-block-exports"):
                    if entry["node-name"] == node:
                        _unexport(monitor, entry["id"])
                if node in _nodes(monitor):
                    monitor.run("blockdev-del", node_name=node)

    def stop(self) -> None:
        """End it, and with it every export."""
        with self._lock:
            if self._alive():
                with Monitor(self._socket) as monitor:
                    monitor.run("quit")
                _until(lambda: not self._alive(), "the storage daemon doesn't end")

    def _apply(self, monitor: Monitor, exports: Sequence[Export], paths: dict[str, Path]) -> None:
        present = {entry["id"] for entry in monitor.run("query-block-exports")}
        wanted = {f"e-{export.attachment_id}": export for export in exports}
        for gone in present - wanted.keys():
            _unexport(monitor, gone)
        nodes = _nodes(monitor)
        for node in nodes - {node_name(export.volume_id) for export in exports}:
            monitor.run("blockdev-del", node_name=node)
        problems = []
        for key in wanted.keys() - present:
            export = wanted[key]
            try:
                _export(monitor, key, export, paths[export.volume_id], nodes)
            except (ToolFailed, DiskBusy) as err:  # one bad disk must not keep the others from being served
                problems.append(f"{export.volume_id}: {err}")
        if problems:
            raise ToolFailed(tool="qemu-storage-daemon", why="; ".join(sorted(problems)))

    def _alive(self) -> bool:
        try:
            with Monitor(self._socket):
                return True
        except (OSError, ValueError):
            return False

    def _ensure(self) -> None:
        if self._alive():
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
        _until(self._alive, "the storage daemon doesn't answer")
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
        tool.inspected(path)
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
    """Hard: its clients are cut off, for the attachment is gone. The daemon tells the end only asynchronously."""
    monitor.run("block-export-del", id=key, mode="hard")
    _until(lambda: key not in {entry["id"] for entry in monitor.run("query-block-exports")}, f"{key} doesn't end")


def _until(come: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not come():
        if time.monotonic() > deadline:
            raise ToolFailed(tool="qemu-storage-daemon", why=otherwise)
        time.sleep(PAUSE_S)
