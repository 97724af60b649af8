"""Rebuilding and resizing servers."""

from typing import Any

from flow_scenarios.base import IMAGE_ID, Existing, FollowUp
from pileus_compute.db.models import ServerVolume
from pileus_compute.rpc import Power


class Rebuild(Existing):
    def ask(self) -> str:
        other = self.image.add("44444444-4444-4444-8444-444444444444")
        return self.act("rebuild", {"imageRef": other, "name": "again"})

    def done(self) -> None:
        view = self.compute.show(self.server_id)
        assert view["status"] == "ACTIVE" and view["name"] == "again" and view["image"]["id"].startswith("4444")
        guest = self.compute.host.driver.guests_by_id[self.server_id]
        assert guest.root.startswith("4444") and not guest.kept and guest.power is Power.RUNNING
        assert view["addresses"] == self.before["addresses"]

    def undone(self) -> None:
        view = self.compute.show(self.server_id)
        assert view["name"] == "s" and view["image"]["id"] == IMAGE_ID
        guest = self.compute.host.driver.guests_by_id[self.server_id]
        assert guest.root == IMAGE_ID and not guest.kept and guest.power is Power.RUNNING


class RebuildVolume(Existing):
    """A server that boots from a volume. Once the volume's old content is gone, only another rebuild helps."""

    def create(self, **fields: Any) -> str:
        self.root = self.volume.add(bootable="true")
        disk = {"source_type": "volume", "destination_type": "volume", "uuid": self.root, "boot_index": 0}
        return super().create(imageRef="", block_device_mapping_v2=[disk], **fields)

    def ask(self) -> str:
        self.other = self.image.add("44444444-4444-4444-8444-444444444444")
        answer = self.compute.client.post(
            f"/v2.1/servers/{self.server_id}/action",
            version="2.93",
            json={"rebuild": {"imageRef": self.other, "name": "again"}},
        )
        assert answer.status_code == 202 and answer.json["server"]["image"] == "", answer.text
        return self.compute.rung[-1]

    def done(self) -> None:
        view = self.compute.show(self.server_id)
        assert view["status"] == "ACTIVE" and view["name"] == "again" and view["addresses"] == self.before["addresses"]
        assert self.volume.volumes[self.root]["volume_image_metadata"] == {"image_id": self.other}
        assert self.compute.power(self.server_id) is Power.RUNNING
        self.attached_once()

    def attached_once(self) -> None:
        (attachment,) = self.volume.attachments.values()
        assert attachment["status"] == "attached" and self.rows(ServerVolume)[0].attachment_id == attachment["id"]

    def undone(self) -> None:
        assert self.compute.show(self.server_id)["name"] == "s"
        assert not self.compute.host.driver.guests_by_id[self.server_id].kept
        if self.compute.power(self.server_id) is Power.RUNNING:
            self.attached_once()
            assert "volume_image_metadata" not in self.volume.volumes[self.root]
            return
        assert self.status() == "ERROR"
        self.runner.run(self.ask())
        self.compute.drain()
        self.done()


class Resize(Existing):
    def ask(self) -> str:
        self.compute.flavor("2", vcpus=2, memory_mib=128, disk_gib=2)
        return self.act("resize", {"flavorRef": "2"})

    def done(self) -> None:
        view = self.compute.show(self.server_id)
        assert view["status"] == "VERIFY_RESIZE" and view["flavor"]["vcpus"] == 2
        assert self.used() == (3, 192, 3) and self.compute.host.driver.guests_by_id[self.server_id].kept

    def undone(self) -> None:
        assert self.compute.show(self.server_id)["flavor"]["vcpus"] == 1 and self.used() == (1, 64, 1)
        guest = self.compute.host.driver.guests_by_id[self.server_id]
        assert not guest.kept and guest.power is Power.RUNNING


class Confirm(Resize):
    def ask(self) -> str:
        super().ask()
        self.compute.drain()
        answer = self.compute.client.post(f"/v2.1/servers/{self.server_id}/action", json={"confirmResize": None})
        assert answer.status_code == 204, answer.text
        return self.compute.rung[-1]

    def done(self) -> None:
        assert self.status() == "ACTIVE" and self.used() == (2, 128, 2)
        assert not self.compute.host.driver.guests_by_id[self.server_id].kept

    def undone(self) -> None:
        assert self.status() == "VERIFY_RESIZE"


class Revert(Resize):
    def ask(self) -> str:
        super().ask()
        self.compute.drain()
        return self.act("revertResize")

    def done(self) -> None:
        super().undone()
        assert self.status() == "ACTIVE"

    def undone(self) -> None:
        assert self.status() in ("ERROR", "VERIFY_RESIZE")


class DropKeptDisks(FollowUp, Rebuild):
    flow = "server.drop_kept_disks"

    def undone(self) -> None:
        assert self.status() == "ACTIVE"
