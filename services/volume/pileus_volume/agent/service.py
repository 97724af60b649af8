"""Answers the control plane with a driver. It remembers nothing but which exports it was told last."""

import logging
import threading
from collections.abc import Callable
from pathlib import Path

import requests

from pileus_volume.agent import backups
from pileus_volume.agent.images import fetched, send
from pileus_volume.agent.object_store import Objects, session
from pileus_volume.config import Config
from pileus_volume.drivers.base import Backend, Server
from pileus_volume.rpc import (
    Disk,
    Done,
    Image,
    Manifest,
    Report,
    Shelf,
    Size,
    StorageAgent,
    Stored,
    Ticket,
    Wanted,
)

log = logging.getLogger(__name__)


class Agent(StorageAgent):
    def __init__(
        self,
        config: Config,
        backend: Backend,
        send: Callable[[Path, Ticket], None] = send,
        store: Callable[[], requests.Session] = session,
    ) -> None:
        self._config, self._backend, self._send, self._store = config, backend, send, store
        self._generation = -1
        self._serving = threading.Lock()

    def create(self, disk: Disk) -> None:
        self._backend.create(disk)

    def create_from_image(self, disk: Disk, image: Image) -> None:
        if self._backend.has_image(image.image_id, image.digest):
            self._backend.create_from_image(disk, image.image_id, image.digest, None)
            return
        with fetched(image, self._config.path("volume-images", "downloads", "x").parent) as source:
            self._backend.create_from_image(disk, image.image_id, image.digest, source)

    def create_from_snapshot(self, disk: Disk, volume_id: str, snapshot_id: str) -> None:
        self._backend.create_from_snapshot(disk, volume_id, snapshot_id)

    def create_from_volume(self, disk: Disk, volume_id: str) -> None:
        self._backend.create_from_volume(disk, volume_id)

    def delete(self, volume_id: str) -> None:
        self._backend.delete(volume_id)

    def extend(self, disk: Disk) -> Size:
        return Size(self._backend.extend(disk))

    def snapshot(self, volume_id: str, snapshot_id: str) -> Done:
        return Done(self._backend.snapshot(volume_id, snapshot_id))

    def delete_snapshot(self, volume_id: str, snapshot_id: str) -> Done:
        return Done(self._backend.delete_snapshot(volume_id, snapshot_id))

    def revert(self, disk: Disk, snapshot_id: str) -> None:
        self._backend.revert(disk, snapshot_id)

    def upload(self, volume_id: str, snapshot_id: str | None, disk_format: str, ticket: Ticket) -> None:
        with self._backend.opened(volume_id, snapshot_id, disk_format) as path:
            self._send(path, ticket)

    def back_up(self, volume_id: str, snapshot_id: str, shelf: Shelf, parent: Manifest | None) -> Stored:
        with self._store() as http, self._backend.opened(volume_id, snapshot_id, "raw") as content:
            return backups.back_up(content, shelf.prefix, Objects(shelf, http), parent)

    def restore(self, disk: Disk, shelf: Shelf, manifest: Manifest) -> None:
        with self._store() as http, self._backend.filling(disk) as target:
            backups.restore(target, Objects(shelf, http), manifest)

    def serve(self, wanted: Wanted) -> None:
        with self._serving:
            if wanted.generation < self._generation:
                log.info("exports of generation %d are older than what is served", wanted.generation)
                return
            if isinstance(self._backend, Server):
                self._backend.serve(wanted.exports)
            self._generation = wanted.generation

    def report(self) -> Report:
        """What this host is and has now."""
        has = self._backend.capacity()
        host, _, port = self._config.nbd.rpartition(":")
        return Report(
            self._config.host,
            self._config.backend,
            self._config.backend_name or self._config.backend,
            self._config.availability_zone,
            has.total_gib,
            has.free_gib,
            self._config.overcommit,
            self._backend.directory,
            self._backend.disk_format,
            host,
            int(port),
            bool(self._config.nbd_tls),
        )
