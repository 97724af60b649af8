"""Gateways: each machine reaches the exports that are for it by TLS, and no others.

QEMU's NBD server shows every client that it admits the names of all its exports. So each client machine has a server of
its own, on a port of its own, which admits only the certificate of that machine's guests. It reads and writes through
the storage daemon, which alone has the disks open.
"""

import base64
import hashlib
import json
import logging
import subprocess
import uuid
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

from pileus_volume.drivers.file import qemu_daemons
from pileus_volume.drivers.file.qmp import Monitor
from pileus_volume.errors import ToolFailed
from pileus_volume.rpc import Export

log = logging.getLogger(__name__)

IDENTITY = "CN=guests of {client}"
"""The distinguished name that the cloud's authority gives to the guests of a machine."""
RECONNECT_S = 60  # for how long requests wait while the storage daemon starts again
LOG_BYTES = 1 << 20


class Gateways:
    """The gateways of this storage host. `directory` has their sockets, `tls` the server's certificate; `disks` is the
    storage daemon's socket."""

    def __init__(self, directory: Path, host: str, tls: str, disks: Path, log_file: Path) -> None:
        self._directory, self._host, self._tls, self._disks, self._log = directory, host, tls, disks, log_file
        self._processes: dict[Path, subprocess.Popen[bytes]] = {}

    def withdraw(self, exports: Sequence[Export]) -> None:
        """End what isn't among these exports, and disconnect its clients."""
        wanted = {socket: {_key(export) for export in group} for socket, group in self._by_gateway(exports)}
        for socket in self._known():
            keys = wanted.get(socket)
            if keys is None:
                self._end(socket)
            elif qemu_daemons.is_running(socket):
                with Monitor(socket) as monitor:
                    for key in qemu_daemons.exports_of(monitor) - keys:
                        qemu_daemons.unexport(monitor, key)
                        monitor.run("blockdev-del", node_name=_node(key))

    def serve(self, exports: Sequence[Export]) -> None:
        """Serve these exports, which the storage daemon serves to us. Raises ToolFailed after all were tried."""
        if self._log.exists() and self._log.stat().st_size > LOG_BYTES:
            self._log.write_bytes(b"")  # they append, so they go on at its beginning
        problems = []
        for socket, group in self._by_gateway(exports):
            try:
                self._serve(socket, group)
            except ToolFailed as err:  # one machine must not keep the others from being served
                problems.append(f"exports for {group[0].client}: {err}")
        if problems:
            raise ToolFailed(tool="gateway", why="; ".join(problems))

    def stop(self) -> None:
        """End all gateways."""
        for socket in self._known():
            self._end(socket)

    def _serve(self, socket: Path, group: Sequence[Export]) -> None:
        if not qemu_daemons.is_running(socket):
            self._start(socket, group[0])
        with Monitor(socket) as monitor:
            present = qemu_daemons.exports_of(monitor)
            for export in group:
                if _key(export) not in present:
                    self._export(monitor, export)

    def _start(self, socket: Path, first: Export) -> None:
        credentials = {"qom-type": "tls-creds-x509", "id": "tls", "dir": self._tls, "endpoint": "server"}
        admitted = {"qom-type": "authz-simple", "id": "client", "identity": IDENTITY.format(client=first.client)}
        options = ["--object", json.dumps(credentials | {"verify-peer": True}), "--object", json.dumps(admitted)]
        options += ["--trace", "nbd_negotiate_send_rep_err"]  # logs who asks for an export before TLS
        address = f"addr.type=inet,addr.host={self._host},addr.port={first.port}"
        options += ["--nbd-server", f"{address},max-connections=0,tls-creds=tls,tls-authz=client"]
        self._processes[socket] = qemu_daemons.start(socket, options, self._log)
        log.info("exports for %s are served on %s:%d", first.client, self._host, first.port)

    def _export(self, monitor: Monitor, export: Export) -> None:
        key = _key(export)
        if not any(found["node-name"] == _node(key) for found in monitor.run("query-named-block-nodes", flat=True)):
            monitor.run(
                "blockdev-add",
                driver="nbd",
                node_name=_node(key),
                server={"type": "unix", "path": str(self._disks)},
                export=export.name,
                read_only=not export.writable,
                discard="unmap",
                reconnect_delay=RECONNECT_S,
            )
        monitor.run(
            "block-export-add", type="nbd", id=key, node_name=_node(key), name=export.name, writable=export.writable
        )

    def _end(self, socket: Path) -> None:
        qemu_daemons.end(socket)
        process = self._processes.pop(socket, None)
        if process:
            process.wait()

    def _known(self) -> list[Path]:
        return sorted(self._directory.glob("g*.qmp"))

    def _by_gateway(self, exports: Sequence[Export]) -> Iterator[tuple[Path, list[Export]]]:
        """The exports that are for another machine, by the socket of the gateway that serves them."""
        remote = sorted((export for export in exports if export.client), key=lambda one: (one.port, one.client))
        for (port, client), group in groupby(remote, key=lambda one: (one.port, one.client)):
            yield self._directory / f"g{port}-{hashlib.sha256(client.encode()).hexdigest()[:8]}.qmp", list(group)


def _key(export: Export) -> str:
    return f"e-{export.attachment_id}"


def _node(key: str) -> str:
    """The name of the block device behind an export: QEMU takes at most 31 characters."""
    attachment = uuid.UUID(key.removeprefix("e-"))
    return "a" + base64.b32encode(attachment.bytes).decode().rstrip("=").lower()
