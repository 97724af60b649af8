"""Flows of volumes and snapshots: killed, failed, repeated and cancelled at each of their steps."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pileus_kit.testing import kill_at_every_step
from pileus_volume.db.models import Message
from pileus_volume.flows import FLOWS

World = Any
IMAGE = "11111111-1111-4111-8111-111111111111"
BY_NAME = {flow.name: flow for flow in FLOWS}


class CreateVolume:
    """A new volume: available with a disk, or in error without one, or deleted if that was asked."""

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
        self.check_nothing_else()

    def undone(self) -> None:
        assert set(self.world.fake.disks) == self.before
        answer = self.world.client.get(f"/v3/volumes/{self.volume}")
        assert answer.status_code == 404 or answer.json["volume"]["status"] == "error"
        self.check_nothing_else()

    def check_nothing_else(self) -> None:
        assert not any(self.world.fake.snapshots.values())


class CreateFromImage(CreateVolume):
    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.asked = {"imageRef": IMAGE}


class CreateFromSnapshot(CreateVolume):
    def __init__(self, world: World) -> None:
        super().__init__(world)
        source = world.volume()["id"]
        self.asked = {"snapshot_id": world.snapshot(source)["id"]}
        self.before = {source}

    def check_nothing_else(self) -> None:
        pass


class CreateFromVolume(CreateVolume):
    def __init__(self, world: World) -> None:
        super().__init__(world)
        source = world.volume()["id"]
        self.asked = {"source_volid": source}
        self.before = {source}


class DeleteVolume:
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


class ExtendVolume:
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


class TakeSnapshot:
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


class DeleteSnapshot(TakeSnapshot):
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


class UploadVolume:
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


class RevertVolume(TakeSnapshot):
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


class ReimageVolume:
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


class ApplyExports:
    def __init__(self, world: World) -> None:
        self.world, self.runner = world, world.runner
        self.volume = world.volume()["id"]

    def start(self) -> str:
        self.world.attach(self.volume, host="elsewhere")
        return self.world.rung[-1]

    def done(self) -> None:
        assert {export.volume_id for export in self.world.fake.exports.values()} == {self.volume}


SCENARIOS = {
    "volume.create": CreateVolume,
    "volume.create_from_image": CreateFromImage,
    "volume.create_from_snapshot": CreateFromSnapshot,
    "volume.create_from_volume": CreateFromVolume,
    "volume.delete": DeleteVolume,
    "volume.extend": ExtendVolume,
    "snapshot.create": TakeSnapshot,
    "snapshot.delete": DeleteSnapshot,
    "volume.upload": UploadVolume,
    "volume.revert": RevertVolume,
    "volume.reimage": ReimageVolume,
    "exports.apply": ApplyExports,
}
UNSTOPPABLE = ("volume.delete", "snapshot.delete", "exports.apply")  # their jobs can't be cancelled


ELSEWHERE = (
    "backup.",
    "volume.restore",
    "volume.create_from_backup",
    "group",
    "volume.migrate",
    "volume.manage",
    "snapshot.manage",
    "volume.delete_source",
)  # test_backup_flows, test_group_flows, test_volume_migration, test_managed_volumes, test_managed_snapshots


def test_every_flow_has_a_scenario():
    assert set(SCENARIOS) == {name for name in BY_NAME if not name.startswith(ELSEWHERE)}


@pytest.mark.no_cover  # it runs the same lines again and again
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_killed_at_every_step(scenario, worlds):
    name, make_scenario = scenario.partition(" ")[0], SCENARIOS[scenario]

    @contextmanager
    def make() -> Iterator:
        with worlds() as world:
            yield make_scenario(world)

    kill_at_every_step(BY_NAME[name], make, cancellable=name not in UNSTOPPABLE, undoable=name != "exports.apply")


def test_a_failure_leaves_a_message(world):
    world.fake.disks.clear()
    volume = world.volume(drained=False)
    world.backends["host1"].create = None  # type: ignore[assignment,method-assign]
    world.drain()
    assert world.show(volume["id"])["status"] == "error"
    with world.sessions.read() as session:
        assert session.query(Message).one().resource_id == volume["id"]
