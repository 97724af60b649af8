"""Every flow, killed, failed, repeated and cancelled at each of its steps."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from pileus_kit.testing import kill_at_every_step
from pileus_volume.db.models import Backup, Message
from pileus_volume.flows import FLOWS

World = Any
IMAGE = "11111111-1111-4111-8111-111111111111"

BY_NAME = {flow.name: flow for flow in FLOWS}
SERVER = "33333333-3333-4333-8333-333333333333"


class Creation:
    """A new volume: available and with a disk, or in error without one, or gone if that was asked."""

    def __init__(self, world: World) -> None:
        self.world, self.runner = world, world.runner
        self.asked: dict = {}
        self.before: set[str] = set()

    def start(self) -> str:
        self.volume = self.world.volume(drained=False, **self.asked)["id"]
        return self.world.rung[-1]

    def done(self) -> None:
        assert self.world.show(self.volume)["status"] == "available"
        assert set(self.world.fake.disks) == self.before | {self.volume}
        self.nothing_else()

    def undone(self) -> None:
        assert set(self.world.fake.disks) == self.before
        answer = self.world.client.get(f"/v3/volumes/{self.volume}")
        assert answer.status_code == 404 or answer.json["volume"]["status"] == "error"
        self.nothing_else()

    def nothing_else(self) -> None:
        assert not any(self.world.fake.snapshots.values())


class FromImage(Creation):
    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.asked = {"imageRef": IMAGE}


class FromSnapshot(Creation):
    def __init__(self, world: World) -> None:
        super().__init__(world)
        source = world.volume()["id"]
        self.asked = {"snapshot_id": world.snapshot(source)["id"]}
        self.before = {source}

    def nothing_else(self) -> None:
        pass


class FromVolume(Creation):
    def __init__(self, world: World) -> None:
        super().__init__(world)
        source = world.volume()["id"]
        self.asked = {"source_volid": source}
        self.before = {source}


class Deletion:
    def __init__(self, world: World) -> None:
        self.world, self.runner = world, world.runner
        self.volume = world.volume()["id"]

    def start(self) -> str:
        assert self.world.client.delete(f"/v3/volumes/{self.volume}").status_code == 202
        return self.world.rung[-1]

    def done(self) -> None:
        assert self.world.client.get(f"/v3/volumes/{self.volume}").status_code == 404 and not self.world.fake.disks

    def undone(self) -> None:
        assert self.world.show(self.volume)["status"] == "error_deleting"
        self.start()
        self.world.drain()
        self.done()


class Extension:
    def __init__(self, world: World) -> None:
        self.world, self.runner = world, world.runner
        self.volume = world.volume()["id"]

    def start(self) -> str:
        assert self.world.act(self.volume, "os-extend", {"new_size": 2}).status_code == 202
        return self.world.rung[-1]

    def done(self) -> None:
        shown = self.world.show(self.volume)
        assert (shown["status"], shown["size"]) == ("available", 2) and self.world.fake.disks[self.volume] == 2 << 30

    def undone(self) -> None:
        shown = self.world.show(self.volume)
        assert (shown["status"], shown["size"]) == ("error_extending", 1)
        used = self.world.client.get("/v3/limits").json["limits"]["absolute"]["totalGigabytesUsed"]
        assert used == 1


class Snapshotting:
    def __init__(self, world: World) -> None:
        self.world, self.runner = world, world.runner
        self.volume = world.volume()["id"]

    def start(self) -> str:
        self.snapshot = self.world.snapshot(self.volume, drained=False)["id"]
        return self.world.rung[-1]

    def done(self) -> None:
        assert self.world.client.get(f"/v3/snapshots/{self.snapshot}").json["snapshot"]["status"] == "available"
        assert self.world.fake.snapshots[self.volume] == {self.snapshot}

    def undone(self) -> None:
        answer = self.world.client.get(f"/v3/snapshots/{self.snapshot}")
        assert answer.status_code == 404 or answer.json["snapshot"]["status"] == "error"
        assert not self.world.fake.snapshots.get(self.volume)


class Unsnapshotting(Snapshotting):
    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.snapshot = world.snapshot(self.volume)["id"]

    def start(self) -> str:
        assert self.world.client.delete(f"/v3/snapshots/{self.snapshot}").status_code == 202
        return self.world.rung[-1]

    def done(self) -> None:
        assert self.world.client.get(f"/v3/snapshots/{self.snapshot}").status_code == 404
        assert not self.world.fake.snapshots[self.volume]

    def undone(self) -> None:
        assert self.world.client.get(f"/v3/snapshots/{self.snapshot}").json["snapshot"]["status"] == "error_deleting"


class Upload:
    def __init__(self, world: World) -> None:
        self.world, self.runner = world, world.runner
        self.volume = world.volume()["id"]

    def start(self) -> str:
        answer = self.world.act(self.volume, "os-volume_upload_image", {"image_name": "i"})
        self.image = answer.json["os-volume_upload_image"]["image_id"]
        return self.world.rung[-1]

    def done(self) -> None:
        assert self.world.show(self.volume)["status"] == "available" and self.world.sent
        assert self.world.fake.snapshots[self.volume] == set() and self.image in self.world.images.config["images"]

    def undone(self) -> None:
        assert self.world.show(self.volume)["status"] == "available"
        assert not self.world.fake.snapshots.get(self.volume)
        assert self.image not in self.world.images.config["images"]


class Reversion(Snapshotting):
    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.snapshot = world.snapshot(self.volume)["id"]

    def start(self) -> str:
        assert self.world.act(self.volume, "revert", {"snapshot_id": self.snapshot}).status_code == 202
        return self.world.rung[-1]

    def done(self) -> None:
        super().done()
        assert self.world.show(self.volume)["status"] == "available"

    def undone(self) -> None:
        assert self.world.show(self.volume)["status"] == "error"
        assert self.world.client.get(f"/v3/snapshots/{self.snapshot}").json["snapshot"]["status"] == "available"


class Reimaging:
    def __init__(self, world: World) -> None:
        self.world, self.runner = world, world.runner
        self.volume = world.volume()["id"]

    def start(self) -> str:
        assert self.world.act(self.volume, "os-reimage", {"image_id": IMAGE}, version="3.68").status_code == 202
        return self.world.rung[-1]

    def done(self) -> None:
        assert self.world.show(self.volume)["status"] == "available"
        assert self.world.fake.origins == {self.volume: f"image {IMAGE}"}

    def undone(self) -> None:
        assert self.world.show(self.volume)["status"] == "error"
        self.start()
        self.world.drain()
        self.done()


class BackingUp:
    def __init__(self, world: World) -> None:
        self.world, self.runner = world, world.runner
        self.volume = world.volume()["id"]
        self.before: list[str] = []

    def start(self) -> str:
        self.backup = self.world.back_up(self.volume, drained=False)["id"]
        return self.world.rung[-1]

    def done(self) -> None:
        shown = self.world.backup(self.backup)
        assert (shown["status"], shown["object_count"]) == ("available", 2)
        assert len(self.world.objects()) == 2
        self.rested()

    def undone(self) -> None:
        answer = self.world.client.get(f"/v3/backups/{self.backup}")
        assert answer.status_code == 404 or answer.json["backup"]["status"] == "error"
        assert self.world.objects() == []
        self.rested()

    def rested(self) -> None:
        assert self.world.show(self.volume)["status"] == "available"
        assert not self.world.fake.snapshots.get(self.volume)


class Restoring(BackingUp):
    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.backup = world.back_up(self.volume)["id"]
        self.target = world.volume(imageRef=IMAGE)["id"]

    def start(self) -> str:
        answer = self.world.client.post(
            f"/v3/backups/{self.backup}/restore", json={"restore": {"volume_id": self.target}}
        )
        assert answer.status_code == 202, answer.text
        return self.world.rung[-1]

    def done(self) -> None:
        super().done()
        shown = self.world.show(self.target)
        assert (shown["status"], shown["bootable"]) == ("available", "false")
        assert self.world.fake.origins[self.target] == "blank"

    def undone(self) -> None:
        assert self.world.backup(self.backup)["status"] == "available"
        assert self.world.show(self.target)["status"] == "error_restoring"
        self.start()
        self.world.drain()
        self.done()


class FromBackup(Creation):
    def __init__(self, world: World) -> None:
        super().__init__(world)
        source = world.volume()["id"]
        self.backup, self.before = world.back_up(source)["id"], {source}

    def start(self) -> str:
        answer = self.world.client.post(f"/v3/backups/{self.backup}/restore", json={"restore": {}})
        assert answer.status_code == 202, answer.text
        self.volume = answer.json["restore"]["volume_id"]
        return self.world.rung[-1]

    def nothing_else(self) -> None:
        super().nothing_else()
        assert self.world.backup(self.backup)["status"] == "available"


class Unbacking(BackingUp):
    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.backup = world.back_up(self.volume)["id"]

    def start(self) -> str:
        assert self.world.client.delete(f"/v3/backups/{self.backup}").status_code == 202
        return self.world.rung[-1]

    def done(self) -> None:
        assert self.world.client.get(f"/v3/backups/{self.backup}").status_code == 404
        assert self.world.objects() == []

    def undone(self) -> None:
        assert self.world.backup(self.backup)["status"] == "error_deleting"


class Importing(BackingUp):
    def __init__(self, world: World) -> None:
        super().__init__(world)
        made, admin = world.back_up(self.volume)["id"], world.book.admin
        self.record = world.client.get(f"/v3/backups/{made}/export_record", as_=admin).json["backup-record"]
        with world.sessions.begin() as session:  # as if it were another cloud
            session.query(Backup).delete()

    def start(self) -> str:
        answer = self.world.client.post(
            "/v3/backups/import_record", json={"backup-record": self.record}, as_=self.world.book.admin
        )
        assert answer.status_code == 201, answer.text
        self.backup = answer.json["backup"]["id"]
        return self.world.rung[-1]

    def undone(self) -> None:
        answer = self.world.client.get(f"/v3/backups/{self.backup}")
        assert answer.status_code == 404 or answer.json["backup"]["status"] == "error"
        assert len(self.world.objects()) == 2


class GroupWork:
    """Of a group with two volumes. The jobs of its members run at once when they are rung, so that the group's own job
    is the one that is killed."""

    def __init__(self, world: World) -> None:
        self.world, self.runner = world, world.runner
        self.runner.tools = replace(world.tools, ring=self.runner.run)
        kind = world.volume_type()
        self.group = world.group(kind)["id"]
        self.volumes = {world.volume(volume_type=kind, group_id=self.group)["id"] for _ in range(2)}

    def members_first(self, since: int) -> str:
        *members, own = self.world.rung[since:]
        for job in members:
            self.runner.run(job)
        return own

    def listed(self, noun: str) -> list[dict]:
        return self.world.client.get(f"/v3/{noun}/detail", version="3.70").json[noun]

    def told(self, event: str) -> None:
        told = self.world.client.get("/v3/messages", version="3.70").json["messages"]
        assert event in [message["event_id"] for message in told]


class SnapshottingGroup(GroupWork):
    def start(self) -> str:
        since = len(self.world.rung)
        self.shot = self.world.snapshot_group(self.group, drained=False)["id"]
        return self.members_first(since)

    def done(self) -> None:
        assert self.world.show_group_snapshot(self.shot)["status"] == "available"
        assert {s["volume_id"] for s in self.listed("snapshots")} == self.volumes
        assert {s["status"] for s in self.listed("snapshots")} == {"available"}

    def undone(self) -> None:
        shots = self.listed("group_snapshots")
        assert not shots or [shot["status"] for shot in shots] == ["error"]
        if shots:
            self.told("VOLUME_VOLUME_GROUP_SNAPSHOT_021_001")
        assert self.listed("snapshots") == [] and not any(self.world.fake.snapshots.values())


class UnsnapshottingGroup(SnapshottingGroup):
    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.shot = world.snapshot_group(self.group)["id"]

    def start(self) -> str:
        since = len(self.world.rung)
        assert self.world.client.delete(f"/v3/group_snapshots/{self.shot}", version="3.70").status_code == 202
        return self.members_first(since)

    def done(self) -> None:
        assert self.listed("group_snapshots") == [] and self.listed("snapshots") == []
        assert not any(self.world.fake.snapshots.values())

    def undone(self) -> None:
        assert self.world.show_group_snapshot(self.shot)["status"] == "error_deleting"
        self.start()
        self.world.drain()
        self.done()


class CopyingGroup(GroupWork):
    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.source = {"source_group_id": self.group}

    def start(self) -> str:
        since = len(self.world.rung)
        answer = self.world.copy_group(**self.source)
        assert answer.status_code == 202, answer.text
        self.copy = answer.json["group"]["id"]
        return self.members_first(since)

    def done(self) -> None:
        shown = self.world.show_group(self.copy)
        assert shown["status"] == "available" and len(shown["volumes"]) == 2
        assert {self.world.show(volume)["status"] for volume in shown["volumes"]} == {"available"}
        assert set(self.world.fake.disks) == {*self.volumes, *shown["volumes"]}

    def undone(self) -> None:
        groups = {group["id"]: group["status"] for group in self.listed("groups")}
        assert groups.pop(self.group) == "available" and list(groups.values()) in ([], ["error"])
        if groups:
            self.told("VOLUME_VOLUME_GROUP_019_001")
        assert {volume["id"] for volume in self.listed("volumes")} == set(self.world.fake.disks) == self.volumes


class CopyingGroupSnapshot(CopyingGroup):
    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.source = {"group_snapshot_id": world.snapshot_group(self.group)["id"]}


class DeletingGroup(GroupWork):
    def start(self) -> str:
        since = len(self.world.rung)
        assert self.world.delete_group(self.group).status_code == 202
        return self.members_first(since)

    def done(self) -> None:
        assert self.listed("groups") == [] and self.listed("volumes") == [] and not self.world.fake.disks

    def undone(self) -> None:
        assert self.world.show_group(self.group)["status"] == "error_deleting"
        self.start()
        self.world.drain()
        self.done()


class Serving:
    def __init__(self, world: World) -> None:
        self.world, self.runner = world, world.runner
        self.volume = world.volume()["id"]

    def start(self) -> str:
        self.world.attach(self.volume, host="elsewhere")
        return self.world.rung[-1]

    def done(self) -> None:
        assert {export.volume_id for export in self.world.fake.exports.values()} == {self.volume}


SCENARIOS = {
    "volume.create": Creation,
    "volume.create_from_image": FromImage,
    "volume.create_from_snapshot": FromSnapshot,
    "volume.create_from_volume": FromVolume,
    "volume.delete": Deletion,
    "volume.extend": Extension,
    "snapshot.create": Snapshotting,
    "snapshot.delete": Unsnapshotting,
    "volume.upload": Upload,
    "volume.revert": Reversion,
    "volume.reimage": Reimaging,
    "exports.apply": Serving,
    "backup.create": BackingUp,
    "volume.restore": Restoring,
    "volume.create_from_backup": FromBackup,
    "backup.delete": Unbacking,
    "backup.import": Importing,
    "group_snapshot.create": SnapshottingGroup,
    "group_snapshot.delete": UnsnapshottingGroup,
    "group.copy": CopyingGroup,
    "group.delete": DeletingGroup,
}
ALSO = {"group.copy of a group snapshot": CopyingGroupSnapshot}
STORED = ("backup.", "volume.restore", "volume.create_from_backup")  # these need an object store


def test_no_flow_is_forgotten():
    assert set(SCENARIOS) == set(BY_NAME)


@pytest.mark.parametrize("scenario", [*SCENARIOS, *ALSO])
def test_killed_at_every_step(scenario, worlds, store_worlds):
    name, make_scenario = scenario.partition(" ")[0], (SCENARIOS | ALSO)[scenario]

    @contextmanager
    def make() -> Iterator:
        with (store_worlds if name.startswith(STORED) else worlds)() as world:
            yield make_scenario(world)

    unstoppable = name in (
        "volume.delete",
        "snapshot.delete",
        "exports.apply",
        "backup.delete",
        "group.delete",
        "group_snapshot.delete",
    )
    kill_at_every_step(BY_NAME[name], make, cancellable=not unstoppable, undoable=name != "exports.apply")


def test_a_failure_is_told(world):
    world.fake.disks.clear()
    volume = world.volume(drained=False)
    world.backends["host1"].create = None  # type: ignore[assignment,method-assign]
    world.drain()
    assert world.show(volume["id"])["status"] == "error"
    with world.sessions.read() as session:
        assert session.query(Message).one().resource_id == volume["id"]
