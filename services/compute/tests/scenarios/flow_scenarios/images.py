"""Images of servers, and shelving."""

import json
from typing import Any

from flow_scenarios.base import IMAGE_ID, Existing, FollowUp
from pileus_compute.rpc import Power


class Snapshot(Existing):
    def ask(self) -> str:
        return self.act("createImage", {"name": "shot"})

    def done(self) -> None:
        assert len(self.image.images) == 2 and self.status() == "ACTIVE"

    def undone(self) -> None:
        assert len(self.image.images) == 1 and self.status() == "ACTIVE"


class SnapshotVolumes(Existing):
    """A server that boots from one volume and has another."""

    def create(self, **fields: Any) -> str:
        volumes = self.volume.add(bootable="true"), self.volume.add()
        disks = [
            {
                "source_type": "volume",
                "destination_type": "volume",
                "uuid": volume_id,
                "boot_index": None if index else 0,
            }
            for index, volume_id in enumerate(volumes)
        ]
        return super().create(imageRef="", block_device_mapping_v2=disks, **fields)

    def ask(self) -> str:
        return self.act("createImage", {"name": "shot"})

    def done(self) -> None:
        image = list(self.image.images.values())[-1]
        named = {m["snapshot_id"] for m in json.loads(image["block_device_mapping"])}
        assert image["status"] == "active" and named == set(self.volume.snapshots)
        assert {s["volume_id"] for s in self.volume.snapshots.values()} == set(self.volume.volumes) and len(named) == 2
        assert self.status() == "ACTIVE"

    def undone(self) -> None:
        assert not self.volume.snapshots and list(self.image.images) == [IMAGE_ID] and self.status() == "ACTIVE"


class Backup(Existing):
    """Two of three backups are to stay, so the oldest is deleted."""

    def ask(self) -> str:
        self.old = [
            self.image.add(
                f"5555555{i}-5555-4555-8555-555555555555",
                image_type="backup",
                backup_type="daily",
                instance_uuid=self.server_id,
            )
            for i in range(2)
        ]
        return self.act("createBackup", {"name": "b", "backup_type": "daily", "rotation": 2})

    def done(self) -> None:
        assert self.old[0] not in self.image.images and self.old[1] in self.image.images
        assert len(self.image.images) == 3 and self.status() == "ACTIVE"

    def undone(self) -> None:
        """The backup that was to stay is there, and the new one isn't."""
        assert self.old[1] in self.image.images and self.status() == "ACTIVE"
        assert set(self.image.images) <= {IMAGE_ID, *self.old}


class Shelve(Existing):
    def ask(self) -> str:
        return self.act("shelve")

    def done(self) -> None:
        assert self.status() == "SHELVED_OFFLOADED" and not self.compute.host.driver.guests_by_id
        assert self.used() == (0, 0, 0) and len(self.image.images) == 2
        assert {p["binding:host_id"] for p in self.network.ports.values()} == {""}

    def undone(self) -> None:
        assert self.status() in ("ACTIVE", "SHELVED")


class Unshelve(Shelve):
    def ask(self) -> str:
        super().ask()
        self.compute.drain()
        return self.act("unshelve")

    def done(self) -> None:
        assert self.status() == "ACTIVE" and self.compute.power(self.server_id) is Power.RUNNING
        assert self.used() == (1, 64, 1) and len(self.image.images) == 1
        assert {p["binding:host_id"] for p in self.network.ports.values()} == {"host1"}

    def undone(self) -> None:
        super().done()


class Offload(FollowUp, Shelve):
    flow = "server.offload"

    def undone(self) -> None:
        assert self.status() in ("SHELVED", "SHELVED_OFFLOADED")


class DeleteShelvedImage(FollowUp, Unshelve):
    flow = "server.delete_shelved_image"

    def undone(self) -> None:
        assert self.status() == "ACTIVE"
