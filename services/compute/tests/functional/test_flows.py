"""Every flow: killed at each step, failed at each step, cancelled at each step, each step done twice."""

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from pileus_compute.db.models import Allocation, Host, Job, Server, ServerPort, ServerVolume
from pileus_compute.flows import FLOWS
from pileus_compute.rpc import Power
from pileus_compute.testing import ComputeFixture, compute_service
from pileus_kit.flow import enqueue
from pileus_kit.testing import kill_at_every_step

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
NETWORK_ID = "22222222-2222-4222-8222-222222222222"
BY_NAME = {flow.name: flow for flow in FLOWS}


class World:
    """A cloud with one host; `wish` is what the server under test is made of."""

    def __init__(self, compute: ComputeFixture, image: Any, network: Any, volume: Any) -> None:
        self.compute, self.image, self.network, self.volume = compute, image, network, volume
        self.runner = compute.runner
        self.server_id = ""

    def create(self, **wish: Any) -> str:
        body = {"name": "s", "flavorRef": "1", "imageRef": IMAGE_ID, "networks": [{"uuid": NETWORK_ID}]} | wish
        made = self.compute.client.post("/v2.1/servers", json={"server": body}, version="2.79")
        assert made.status_code == 202 and made.json, made.text
        self.server_id = made.json["server"]["id"]
        return self.compute.rung[-1]

    def status(self) -> str:
        return str(self.compute.show(self.server_id)["status"])

    def rows(self, model: type) -> list[Any]:
        with self.compute.sessions.read() as session:
            return list(session.scalars(select(model)))

    def used(self) -> tuple[int, int, int]:
        (host,) = self.rows(Host)
        return host.vcpus_used, host.memory_mib_used, host.disk_gib_used


class Create(World):
    def start(self) -> str:
        return self.create()

    def done(self) -> None:
        assert self.status() == "ACTIVE"
        assert self.compute.power(self.server_id) is Power.RUNNING
        assert len(self.network.ports) == 1 and len(self.rows(ServerPort)) == 1 and len(self.rows(Allocation)) == 1

    def undone(self) -> None:
        view = self.compute.show(self.server_id)
        assert view["status"] == "ERROR" and view["fault"]["message"]
        assert not self.compute.host.driver.guests_by_id
        assert not self.network.ports and not self.rows(ServerPort)
        assert not self.rows(Allocation) and self.used() == (0, 0, 0)
        assert self.rows(Server)[0].host is None


class CreateFromVolume(Create):
    def start(self) -> str:
        data = self.volume.add()
        root = {
            "source_type": "image",
            "destination_type": "volume",
            "uuid": IMAGE_ID,
            "volume_size": 1,
            "boot_index": 0,
        }
        more = {"source_type": "volume", "destination_type": "volume", "uuid": data}
        return self.create(imageRef="", block_device_mapping_v2=[root, more])

    def done(self) -> None:
        super().done()
        assert len(self.volume.volumes) == 2 and {v["status"] for v in self.volume.volumes.values()} == {"in-use"}
        assert len(self.volume.attachments) == 2

    def undone(self) -> None:
        super().undone()
        assert not self.volume.attachments
        (left,) = self.volume.volumes.values()
        assert left["status"] == "available"


class Existing(World):
    """One that has a server to begin with."""

    def start(self) -> str:
        self.create()
        self.compute.drain()
        assert self.status() == "ACTIVE"
        self.before = self.compute.show(self.server_id)
        return self.ask()

    def ask(self) -> str:
        raise NotImplementedError

    def act(self, action: str, value: Any = None) -> str:
        answer = self.compute.client.post(
            f"/v2.1/servers/{self.server_id}/action", json={action: value}, version="2.79"
        )
        assert answer.status_code in (200, 202), answer.text
        return self.compute.rung[-1]


class Delete(Existing):
    def ask(self) -> str:
        assert self.compute.client.delete(f"/v2.1/servers/{self.server_id}").status_code == 204
        return self.compute.rung[-1]

    def done(self) -> None:
        assert not self.rows(Server) and not self.network.ports and not self.compute.host.driver.guests_by_id
        assert self.used() == (0, 0, 0)

    def undone(self) -> None:
        assert self.status() == "ERROR"


class Stop(Existing):
    def ask(self) -> str:
        return self.act("os-stop")

    def done(self) -> None:
        assert self.status() == "SHUTOFF" and self.compute.power(self.server_id) is Power.STOPPED

    def undone(self) -> None:
        assert self.status() in ("ACTIVE", "SHUTOFF")


class Reboot(Existing):
    def ask(self) -> str:
        return self.act("reboot", {"type": "HARD"})

    def done(self) -> None:
        assert self.status() == "ACTIVE" and self.compute.power(self.server_id) is Power.RUNNING

    def undone(self) -> None:
        assert self.status() in ("ACTIVE", "ERROR")


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
    """Of a server that boots from a volume. Once its content is given up there is no way back but another rebuild."""

    def create(self, **wish: Any) -> str:
        self.root = self.volume.add(bootable="true")
        disk = {"source_type": "volume", "destination_type": "volume", "uuid": self.root, "boot_index": 0}
        return super().create(imageRef="", block_device_mapping_v2=[disk], **wish)

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


class Snapshot(Existing):
    def ask(self) -> str:
        return self.act("createImage", {"name": "shot"})

    def done(self) -> None:
        assert len(self.image.images) == 2 and self.status() == "ACTIVE"

    def undone(self) -> None:
        assert len(self.image.images) == 1 and self.status() == "ACTIVE"


class SnapshotVolumes(Existing):
    """Of a server that boots from one volume and has another."""

    def create(self, **wish: Any) -> str:
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
        return super().create(imageRef="", block_device_mapping_v2=disks, **wish)

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


class AttachVolume(Existing):
    def ask(self) -> str:
        self.volume_id = self.volume.add()
        answer = self.compute.client.post(
            f"/v2.1/servers/{self.server_id}/os-volume_attachments",
            json={"volumeAttachment": {"volumeId": self.volume_id}},
            version="2.79",
        )
        assert answer.status_code == 200, answer.text
        return self.compute.rung[-1]

    def done(self) -> None:
        assert self.volume.volumes[self.volume_id]["status"] == "in-use"
        assert list(self.compute.host.driver.guests_by_id[self.server_id].volumes) == [self.volume_id]
        assert self.rows(ServerVolume)[0].device == "/dev/vdb"

    def undone(self) -> None:
        assert self.volume.volumes[self.volume_id]["status"] == "available"
        assert not self.compute.host.driver.guests_by_id[self.server_id].volumes and not self.rows(ServerVolume)


class DetachVolume(AttachVolume):
    def ask(self) -> str:
        super().ask()
        self.compute.drain()
        answer = self.compute.client.delete(
            f"/v2.1/servers/{self.server_id}/os-volume_attachments/{self.volume_id}", version="2.79"
        )
        assert answer.status_code == 202, answer.text
        return self.compute.rung[-1]

    def done(self) -> None:
        super().undone()

    def undone(self) -> None:
        assert len(self.rows(ServerVolume)) == 1  # it may be asked for again


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


class Acted(Existing):
    """One action of a running server; `first` prepares for it. It ends in `rests` with the guest in `power`."""

    first: tuple[str, ...] = ()
    action, value, rests, power = "", None, "ACTIVE", Power.RUNNING
    rests_undone: tuple[str, ...] = ("ACTIVE",)

    def ask(self) -> str:
        for action in self.first:
            self.act(action)
            self.compute.drain()
        return self.act(self.action, self.value)

    def done(self) -> None:
        assert self.status() == self.rests and self.compute.power(self.server_id) is self.power

    def undone(self) -> None:
        """The guest may be either way; the server is where it was, or says that it failed."""
        assert self.status() in self.rests_undone
        assert len(self.network.ports) == 1 and self.used() == (1, 64, 1)

    def guest(self) -> Any:
        return self.compute.host.driver.guests_by_id[self.server_id]


class Start(Acted):
    first, action, rests_undone = ("os-stop",), "os-start", ("SHUTOFF",)


class SoftReboot(Acted):
    action, value, rests_undone = "reboot", {"type": "SOFT"}, ("ACTIVE", "ERROR")


class Pause(Acted):
    action, rests, power = "pause", "PAUSED", Power.PAUSED


class Unpause(Acted):
    first, action, rests_undone = ("pause",), "unpause", ("PAUSED",)


class Suspend(Acted):
    action, rests, power, rests_undone = "suspend", "SUSPENDED", Power.SUSPENDED, ("ACTIVE", "ERROR")


class Resume(Acted):
    first, action, rests_undone = ("suspend",), "resume", ("SUSPENDED", "ERROR")


class Rescue(Acted):
    action, rests, rests_undone = "rescue", "RESCUE", ("ACTIVE", "ERROR")

    def done(self) -> None:
        super().done()
        assert self.guest().rescued

    def undone(self) -> None:
        super().undone()
        assert not self.guest().rescued and self.guest().root == IMAGE_ID


class Unrescue(Acted):
    first, action, rests_undone = ("rescue",), "unrescue", ("RESCUE", "ERROR")

    def done(self) -> None:
        super().done()
        assert not self.guest().rescued


class ChangePassword(Acted):
    action, value = "changePassword", {"adminPass": "secret-of-the-test"}

    def done(self) -> None:
        super().done()
        assert ("set_password", self.server_id) in self.compute.host.driver.calls
        self.forgotten()

    def undone(self) -> None:
        super().undone()
        self.forgotten()

    def forgotten(self) -> None:
        assert self.rows(Server)[0].admin_password is None
        assert "secret-of-the-test" not in str([(job.data, job.error) for job in self.rows(Job)])


class Backup(Existing):
    """Of three backups of which two are to stay, the oldest goes."""

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
        """What was to be kept is there; the new one isn't."""
        assert self.old[1] in self.image.images and self.status() == "ACTIVE"
        assert set(self.image.images) <= {IMAGE_ID, *self.old}


class ExtendVolume(AttachVolume):
    def ask(self) -> str:
        super().ask()
        self.compute.drain()
        event = {"name": "volume-extended", "server_uuid": self.server_id, "tag": self.volume_id}
        answer = self.compute.client.post(
            "/v2.1/os-server-external-events", json={"events": [event]}, as_=self.compute.book.admin, version="2.79"
        )
        assert answer.status_code == 200, answer.text
        return self.compute.rung[-1]

    def done(self) -> None:
        super().done()
        assert ("extend_volume", self.server_id) in self.compute.host.driver.calls

    def undone(self) -> None:
        super().done()


class AttachInterface(Existing):
    def ask(self) -> str:
        """As the API enqueues it: there the request would wait for the end of the job."""
        with self.compute.sessions.begin() as session:
            (created,) = session.scalars(select(Job).where(Job.flow == "server.create"))
            return enqueue(
                session,
                Job,
                flow="server.attach_interface",
                subject=f"{self.server_id}/nic",
                data={"wish": created.data["networks"][0]},
                caller=self.compute.book.member,
            ).id

    def has(self, count: int) -> None:
        guest = self.compute.host.driver.guests_by_id[self.server_id]
        assert len(self.network.ports) == count and self.status() == "ACTIVE"
        assert set(guest.nics) == set(self.network.ports) == {row.id for row in self.rows(ServerPort)}

    def done(self) -> None:
        self.has(2)

    def undone(self) -> None:
        self.has(1)


class FollowAddresses(Existing):
    """A floating address that the network service told of too early."""

    def ask(self) -> str:
        (port,) = self.network.ports
        self.network.floating("192.0.2.9", port)
        with self.compute.sessions.begin() as session:
            return enqueue(session, Job, flow="server.addresses", subject=f"{self.server_id}/addresses").id

    def done(self) -> None:
        assert [list(row.floating_ips.values()) for row in self.rows(ServerPort)] == [["192.0.2.9"]]

    def undone(self) -> None:
        """Looking leaves nothing to undo."""
        assert self.status() == "ACTIVE"


class DetachInterface(AttachInterface):
    def ask(self) -> str:
        (port_id,) = self.network.ports
        answer = self.compute.client.delete(f"/v2.1/servers/{self.server_id}/os-interface/{port_id}", version="2.79")
        assert answer.status_code == 202, answer.text
        return self.compute.rung[-1]

    def done(self) -> None:
        self.has(0)

    def undone(self) -> None:
        assert len(self.rows(ServerPort)) == 1  # it may be asked for again


class Housework(World):
    """The job that a finished action leaves behind it: `flow`, not yet run."""

    flow = ""

    def start(self) -> str:
        self.runner.run(super().start())  # type: ignore[misc]
        return next(str(job.id) for job in self.rows(Job) if job.flow == self.flow)


class Tidy(Housework, Rebuild):
    flow = "server.tidy"

    def undone(self) -> None:
        assert self.status() == "ACTIVE"


class Offload(Housework, Shelve):
    flow = "server.offload"

    def undone(self) -> None:
        assert self.status() in ("SHELVED", "SHELVED_OFFLOADED")


class DropImage(Housework, Unshelve):
    flow = "server.drop_image"

    def undone(self) -> None:
        assert self.status() == "ACTIVE"


SCENARIOS: dict[str, type[World]] = {
    "server.create": Create,
    "server.create_with_volumes": CreateFromVolume,
    "server.delete": Delete,
    "server.stop": Stop,
    "server.reboot_hard": Reboot,
    "server.rebuild": Rebuild,
    "server.snapshot": Snapshot,
    "server.rebuild_volume": RebuildVolume,
    "server.snapshot_volumes": SnapshotVolumes,
    "server.attach_volume": AttachVolume,
    "server.detach_volume": DetachVolume,
    "server.resize": Resize,
    "server.confirm_resize": Confirm,
    "server.revert_resize": Revert,
    "server.shelve": Shelve,
    "server.unshelve": Unshelve,
    "server.start": Start,
    "server.reboot": SoftReboot,
    "server.pause": Pause,
    "server.unpause": Unpause,
    "server.suspend": Suspend,
    "server.resume": Resume,
    "server.rescue": Rescue,
    "server.unrescue": Unrescue,
    "server.change_password": ChangePassword,
    "server.backup": Backup,
    "server.extend_volume": ExtendVolume,
    "server.attach_interface": AttachInterface,
    "server.detach_interface": DetachInterface,
    "server.tidy": Tidy,
    "server.offload": Offload,
    "server.drop_image": DropImage,
    "server.addresses": FollowAddresses,
}


def test_every_flow_has_a_scenario() -> None:
    assert set(SCENARIOS) == set(BY_NAME)


@pytest.mark.parametrize("name", SCENARIOS)
def test_flow_ends_well_wherever_it_is_killed(name: str, tmp_path: Path, standins: Callable[[], Any]) -> None:
    count = 0

    def make() -> AbstractContextManager[Any]:
        @contextmanager
        def fresh() -> Iterator[World]:
            nonlocal count
            count += 1
            image, network, volume = standins()
            apps = {"image": image.app, "network": network.app, "volume": volume.app}
            with compute_service(tmp_path / str(count), apps=apps) as compute:
                compute.flavor()
                yield SCENARIOS[name](compute, image, network, volume)

        return fresh()

    kill_at_every_step(BY_NAME[name], make, cancellable=name != "server.delete")
