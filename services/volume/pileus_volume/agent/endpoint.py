"""The RPC endpoint of a storage host: it does with a driver what workers ask for. Its only memory is the generation of
the exports that it applied last."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

import requests

from pileus_kit.inspection import Inspection, inspect_machine, inspect_volumes
from pileus_volume.agent import chunked_backups
from pileus_volume.agent.backup_objects import BackupObjects, new_session
from pileus_volume.agent.image_transfer import downloaded, send
from pileus_volume.config import Config
from pileus_volume.drivers.base import Backend, ExportServer
from pileus_volume.rpc import (
    BackupLocation,
    BackupResult,
    DesiredExports,
    Disk,
    DiskSize,
    HostReport,
    Image,
    Manifest,
    SnapshotResult,
    StorageAgent,
    Ticket,
)

log = logging.getLogger(__name__)


class AgentEndpoint(StorageAgent):
    """`send` uploads a file to the image service with a ticket; `open_session` opens HTTP to the object store."""

    def __init__(
        self,
        config: Config,
        backend: Backend,
        send: Callable[[Path, Ticket], None] = send,
        open_session: Callable[[], requests.Session] = new_session,
    ) -> None:
        self._config, self._backend, self._send, self._open_session = config, backend, send, open_session
        self._generation = -1
        self._export_lock = threading.Lock()

    def inspect(self) -> Inspection:
        state, has_files = Path(self._config.state), self._config.backend == "file"
        return Inspection(
            host=self._config.host,
            machine=inspect_machine(state),
            volumes=inspect_volumes(state / "volumes") if has_files else None,
        )

    def create(self, disk: Disk) -> None:
        self._backend.create(disk)

    def create_from_image(self, disk: Disk, image: Image) -> None:
        if self._backend.has_image(image.image_id, image.digest):
            self._backend.create_from_image(disk, image.image_id, image.digest, None)
            return
        directory = self._config.path("volume-images", "downloads", "x").parent
        with downloaded(image, directory, self._config.certificates) as source:
            self._backend.create_from_image(disk, image.image_id, image.digest, source)

    def create_from_snapshot(self, disk: Disk, volume_id: str, snapshot_id: str) -> None:
        self._backend.create_from_snapshot(disk, volume_id, snapshot_id)

    def create_from_volume(self, disk: Disk, volume_id: str) -> None:
        self._backend.create_from_volume(disk, volume_id)

    def delete(self, volume_id: str) -> None:
        self._backend.delete(volume_id)

    def extend(self, disk: Disk) -> DiskSize:
        return DiskSize(self._backend.extend(disk))

    def snapshot(self, volume_id: str, snapshot_id: str) -> SnapshotResult:
        return SnapshotResult(self._backend.snapshot(volume_id, snapshot_id))

    def delete_snapshot(self, volume_id: str, snapshot_id: str) -> SnapshotResult:
        return SnapshotResult(self._backend.delete_snapshot(volume_id, snapshot_id))

    def revert(self, disk: Disk, snapshot_id: str) -> None:
        self._backend.revert(disk, snapshot_id)

    def upload(self, volume_id: str, snapshot_id: str | None, disk_format: str, ticket: Ticket) -> None:
        with self._backend.open_content(volume_id, snapshot_id, disk_format) as path:
            self._send(path, ticket)

    def back_up(
        self, volume_id: str, snapshot_id: str, location: BackupLocation, parent: Manifest | None
    ) -> BackupResult:
        with self._open_session() as http, self._backend.open_content(volume_id, snapshot_id, "raw") as content:
            return chunked_backups.back_up(content, location.prefix, BackupObjects(location, http), parent)

    def restore(self, disk: Disk, location: BackupLocation, manifest: Manifest) -> None:
        with self._open_session() as http, self._backend.replace_content(disk) as target:
            chunked_backups.restore(target, BackupObjects(location, http), manifest)

    def apply_exports(self, desired: DesiredExports) -> None:
        with self._export_lock:
            if desired.generation < self._generation:
                log.info("exports of generation %d are older than those that are served", desired.generation)
                return
            if isinstance(self._backend, ExportServer):
                self._backend.set_exports(desired.exports)
            self._generation = desired.generation

    def report(self) -> HostReport:
        """What this host is and has now, for its heartbeat."""
        capacity = self._backend.capacity()
        host, _, port = self._config.nbd.rpartition(":")
        return HostReport(
            self._config.host,
            self._config.backend,
            self._config.backend_name or self._config.backend,
            self._config.availability_zone,
            capacity.total_gib,
            capacity.free_gib,
            self._config.overcommit,
            self._backend.directory,
            self._backend.disk_format,
            host,
            int(port),
            bool(self._config.nbd_tls),
        )
