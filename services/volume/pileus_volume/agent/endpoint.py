"""The RPC endpoint of a storage host: it does with drivers what workers ask for. Its only memory is, for each backend,
the generation of the exports that it applied last."""

import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import requests

from pileus_kit.inspection import Inspection, VolumeFacts, inspect_machine, inspect_volumes
from pileus_volume.agent import chunked_backups
from pileus_volume.agent.backup_objects import BackupObjects, new_session
from pileus_volume.agent.image_transfer import downloaded, send
from pileus_volume.config import Config
from pileus_volume.drivers.backend_specs import BackendSpec, all_backends
from pileus_volume.drivers.base import Adopter, Backend, ExportServer
from pileus_volume.errors import BackendDown, CopyDiffers, NoSuchBackend, NotOffered
from pileus_volume.rpc import (
    AdoptedDisk,
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
    StoredDisk,
    StoredSnapshot,
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
        further: Mapping[str, Backend] | None = None,
        open_backend: Callable[[str], Backend] | None = None,
    ) -> None:
        """`further`: the further backends by their names; those that aren't given are opened when they are first asked
        for, so that one whose disk is away neither keeps the others from starting nor stays away when it is back."""
        self._config, self._send, self._open_session = config, send, open_session
        self._specs = {spec.name: spec for spec in all_backends(config)}
        self._backends = {"": backend, **(further or {})}
        self._open_backend, self._open_lock = open_backend, threading.Lock()
        self._generations = dict.fromkeys(self._specs, -1)
        self._export_lock = threading.Lock()

    @property
    def further_backends(self) -> list[str]:
        """The names of the further backends."""
        return [name for name in self._specs if name]

    def _of(self, backend: str) -> Backend:
        """The backend of that name. Raises NoSuchBackend, or BackendDown if it can't be opened now."""
        if backend in self._backends:  # without the lock, which a backend that hangs while it is opened may hold
            return self._backends[backend]
        with self._open_lock:
            if backend not in self._backends:
                if backend not in self._specs or self._open_backend is None:
                    raise NoSuchBackend(backend=backend, host=self._config.host)
                try:
                    self._backends[backend] = self._open_backend(backend)
                except OSError as err:
                    raise BackendDown(backend=backend, host=self._config.host, why=str(err)) from err
            return self._backends[backend]

    def inspect(self) -> Inspection:
        return Inspection(
            host=self._config.host,
            machine=inspect_machine(Path(self._config.state)),
            volumes=self._inspect_volumes(),
        )

    def _inspect_volumes(self) -> VolumeFacts | None:
        """The volumes with a file on this host, whichever backend has it; None if no backend keeps files."""
        kept = [name for name, spec in self._specs.items() if spec.driver == "file" and name in self._backends]
        found = [inspect_volumes(Path(self._backends[name].directory)) for name in kept]
        if not found:
            return None
        return replace(found[0], volumes=tuple(sorted({volume for one in found for volume in one.volumes})))

    def create(self, disk: Disk, backend: str = "") -> None:
        self._of(backend).create(disk)

    def create_from_image(self, disk: Disk, image: Image, backend: str = "") -> None:
        driver = self._of(backend)
        if driver.has_image(image.image_id, image.digest):
            driver.create_from_image(disk, image.image_id, image.digest, None)
            return
        directory = self._config.path("volume-images", "downloads", "x").parent
        with downloaded(image, directory, self._config.certificates) as source:
            driver.create_from_image(disk, image.image_id, image.digest, source)

    def create_from_snapshot(self, disk: Disk, volume_id: str, snapshot_id: str, backend: str = "") -> None:
        self._of(backend).create_from_snapshot(disk, volume_id, snapshot_id)

    def create_from_volume(self, disk: Disk, volume_id: str, backend: str = "") -> None:
        self._of(backend).create_from_volume(disk, volume_id)

    def delete(self, volume_id: str, backend: str = "") -> None:
        self._of(backend).delete(volume_id)

    def extend(self, disk: Disk, backend: str = "") -> DiskSize:
        return DiskSize(self._of(backend).extend(disk))

    def snapshot(self, volume_id: str, snapshot_id: str, backend: str = "") -> SnapshotResult:
        return SnapshotResult(self._of(backend).snapshot(volume_id, snapshot_id))

    def delete_snapshot(self, volume_id: str, snapshot_id: str, backend: str = "") -> SnapshotResult:
        return SnapshotResult(self._of(backend).delete_snapshot(volume_id, snapshot_id))

    def receive(self, disk: Disk, source: str, backend: str = "") -> None:
        if source == backend:
            raise CopyDiffers(volume=disk.volume_id, why="it can't be copied onto itself")
        self._of(backend).receive(disk, self._of(source))

    def check_received(self, volume_id: str, source: str, backend: str = "") -> None:
        if not self._of(backend).has_content_of(volume_id, self._of(source)):
            raise CopyDiffers(volume=volume_id, why="it hasn't the same content as its source")

    def list_disks(self, backend: str = "") -> list[StoredDisk]:
        return [StoredDisk(disk.name, disk.size_bytes, disk.unsafe) for disk in self._adopter(backend).list_disks()]

    def list_snapshots(self, volume_id: str = "", backend: str = "") -> list[StoredSnapshot]:
        found = self._adopter(backend).list_snapshots(volume_id)
        return [StoredSnapshot(snapshot.disk, snapshot.name, snapshot.size_bytes) for snapshot in found]

    def adopt(self, volume_id: str, name: str, backend: str = "") -> AdoptedDisk:
        return AdoptedDisk(self._adopter(backend).adopt(volume_id, name))

    def disown(self, volume_id: str, name: str, backend: str = "") -> None:
        self._adopter(backend).disown(volume_id, name)

    def _adopter(self, backend: str) -> Adopter:
        driver = self._of(backend)
        if not isinstance(driver, Adopter):
            raise NotOffered(what="Managing existing disks of this backend")
        return driver

    def revert(self, disk: Disk, snapshot_id: str, backend: str = "") -> None:
        self._of(backend).revert(disk, snapshot_id)

    def upload(
        self, volume_id: str, snapshot_id: str | None, disk_format: str, ticket: Ticket, backend: str = ""
    ) -> None:
        with self._of(backend).open_content(volume_id, snapshot_id, disk_format) as path:
            self._send(path, ticket)

    def back_up(
        self,
        volume_id: str,
        snapshot_id: str,
        location: BackupLocation,
        parent: Manifest | None,
        backend: str = "",
    ) -> BackupResult:
        with self._open_session() as http, self._of(backend).open_content(volume_id, snapshot_id, "raw") as content:
            return chunked_backups.back_up(content, location.prefix, BackupObjects(location, http), parent)

    def restore(self, disk: Disk, location: BackupLocation, manifest: Manifest, backend: str = "") -> None:
        with self._open_session() as http, self._of(backend).replace_content(disk) as target:
            chunked_backups.restore(target, BackupObjects(location, http), manifest)

    def apply_exports(self, desired: DesiredExports, backend: str = "") -> None:
        driver = self._of(backend)
        with self._export_lock:
            if desired.generation < self._generations[backend]:
                log.info("exports of generation %d are older than those that are served", desired.generation)
                return
            if isinstance(driver, ExportServer):
                driver.set_exports(desired.exports)
            self._generations[backend] = desired.generation

    def report(self, backend: str = "") -> HostReport:
        """What this host and one of its backends are and have now, for its heartbeat."""
        driver, spec = self._of(backend), self._specs[backend]
        capacity = driver.capacity()
        return HostReport(
            self._config.host,
            spec.driver,
            self._name(spec),
            self._config.availability_zone,
            capacity.total_gib,
            capacity.free_gib,
            self._config.overcommit,
            driver.directory,
            driver.disk_format,
            spec.nbd_host,
            spec.nbd_port,
            bool(self._config.nbd_tls),
        )

    def _name(self, spec: BackendSpec) -> str:
        """What volume types ask for with volume_backend_name."""
        return spec.name or self._config.backend_name or self._config.backend
