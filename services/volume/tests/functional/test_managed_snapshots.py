"""Snapshots that a volume's disk has already become snapshots of the service, and snapshots are forgotten."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pileus_kit.testing import kill_at_every_step
from pileus_volume.flows import FLOWS
from pileus_volume.rpc import file_name

HOST = "host1@fake%23fake"
UNKNOWN = "33333333-3333-4333-8333-333333333333"
MANAGE = {flow.name: flow for flow in FLOWS}["snapshot.manage"]
PATHS = (("os-snapshot-manage", "3.0"), ("manageable_snapshots", "3.8"))


class Disk:
    """A volume whose disk has a snapshot called `old` that the service doesn't know."""

    def __init__(self, world: Any) -> None:
        self.world, self.runner, self.admin = world, world.runner, world.book.admin
        self.volume = world.volume(size=2)["id"]
        world.fake.snapshots[self.volume] = {"old"}

    def manage(self, path: str = "manageable_snapshots", version: str = "3.60", as_: Any = None, **asked: Any) -> Any:
        body = {"snapshot": {"volume_id": self.volume, "ref": {"source-name": "old"}} | asked}
        return self.world.client.post(f"/v3/p1/{path}", json=body, version=version, as_=as_ or self.admin)

    def managed(self) -> str:
        snapshot = self.manage().json["snapshot"]["id"]
        self.world.drain()
        assert self.show(snapshot)["status"] == "available"
        return str(snapshot)

    def show(self, snapshot: str) -> Any:
        return self.world.client.get(f"/v3/snapshots/{snapshot}").json["snapshot"]

    def unmanage(self, snapshot: str, as_: Any = None) -> Any:
        path = f"/v3/snapshots/{snapshot}/action"
        return self.world.client.post(path, json={"os-unmanage": {}}, as_=as_ or self.admin)

    def list(self, query: str = "", path: str = "manageable_snapshots", version: str = "3.60") -> Any:
        answer = self.world.client.get(f"/v3/{path}?host={HOST}{query}", version=version, as_=self.admin)
        assert answer.status_code == 200, answer.text
        return answer.json["manageable-snapshots"]


@pytest.fixture
def disk(world: Any) -> Disk:
    return Disk(world)


@pytest.mark.parametrize(("path", "version"), PATHS)
def test_a_snapshot_is_managed(disk, path, version):
    answer = disk.manage(path, version, name="n", description="d", metadata={"a": "b"})
    assert answer.status_code == 202, answer.text
    made = answer.json["snapshot"]
    assert (made["status"], made["size"], made["volume_id"]) == ("creating", 2, disk.volume)
    assert not [name for name in made if name.startswith("os-extended")]
    disk.world.drain()
    shown = disk.show(made["id"])
    assert (shown["status"], shown["name"], shown["description"]) == ("available", "n", "d")
    assert shown["metadata"] == {"a": "b"} and shown["os-extended-snapshot-attributes:progress"] == "100%"
    refused = disk.manage(path, version)
    assert refused.status_code == 400 and "already managed" in refused.text
    used = disk.world.client.get("/v3/limits").json["limits"]["absolute"]
    assert (used["totalSnapshotsUsed"], used["totalGigabytesUsed"]) == (1, 4)


def test_everything_is_done_with_the_name_in_the_disk(disk, store_worlds):
    snapshot, world = disk.managed(), disk.world
    copy = world.volume(snapshot_id=snapshot, size=2)
    assert copy["status"] == "available" and world.fake.origins[copy["id"]] == "snapshot old"
    assert world.act(disk.volume, "revert", {"snapshot_id": snapshot}).status_code == 202
    world.drain()
    assert world.fake.origins[disk.volume] == "snapshot old" and world.show(disk.volume)["status"] == "available"
    assert world.client.delete(f"/v3/snapshots/{snapshot}").status_code == 202
    world.drain()
    assert world.fake.snapshots[disk.volume] == set()
    with store_worlds() as stored:
        other = Disk(stored)
        assert stored.back_up(other.volume, snapshot_id=other.managed())["status"] == "available"
        assert stored.fake.snapshots[other.volume] == {"old"}


def test_a_snapshot_is_forgotten_and_found_again(disk):
    snapshot = disk.world.snapshot(disk.volume)["id"]
    assert disk.unmanage(snapshot, disk.world.book.member).status_code == 403
    assert disk.unmanage(snapshot).status_code == 202
    assert disk.world.client.get(f"/v3/snapshots/{snapshot}").status_code == 404
    assert disk.world.fake.snapshots[disk.volume] == {"old", snapshot}
    again = disk.manage(ref={"source-name": snapshot}).json["snapshot"]["id"]
    disk.world.drain()
    assert disk.show(again)["status"] == "available"
    assert disk.unmanage(disk.managed()).status_code == 202
    assert disk.unmanage(UNKNOWN).status_code == 404


def test_snapshots_that_cannot_be_forgotten(disk):
    made = disk.world.client.post("/v3/snapshots", json={"snapshot": {"volume_id": disk.volume}}).json["snapshot"]["id"]
    assert disk.unmanage(made).status_code == 400
    disk.world.drain()
    disk.world.volume(snapshot_id=made, size=2, drained=False)
    refused = disk.unmanage(made)
    assert refused.status_code == 400 and "being copied" in refused.text


def test_the_snapshots_are_listed(disk):
    known = disk.world.snapshot(disk.volume)["id"]
    stray = disk.world.volume()["id"]
    disk.world.snapshot(stray)
    source = {"source_reference": {"source-name": file_name(disk.volume)}, "size": 2}
    old = source | {"reference": {"source-name": "old"}, "safe_to_manage": True}
    taken = source | {"reference": {"source-name": known}, "safe_to_manage": False}
    for path, version in PATHS:
        assert [one for one in disk.list(path=path, version=version) if one["size"] == 2] == [old, taken]
    detail = disk.list("&sort=reference:asc", path="manageable_snapshots/detail")
    found = {one["reference"]["source-name"]: one for one in detail}
    assert found["old"] == old | {"reason_not_safe": None, "cinder_id": None, "extra_info": None}
    assert (found[known]["reason_not_safe"], found[known]["cinder_id"]) == ("already managed", known)
    disk.world.fake.snapshots["gone"] = {"x"}
    disk.world.fake.disks["gone"] = 1
    (gone,) = [one for one in disk.list(path="manageable_snapshots/detail") if one["reference"]["source-name"] == "x"]
    assert (gone["safe_to_manage"], gone["reason_not_safe"]) == (False, "its disk is not managed")


def test_what_may_be_asked(disk):
    assert disk.manage(as_=disk.world.book.member).status_code == 403
    assert disk.manage(version="3.7").status_code == 404
    assert disk.manage(volume_id=UNKNOWN).status_code == 404
    for asked in ({"volume_id": "x"}, {"ref": {}}, {"ref": "old"}, {"size": 1}, {"metadata": {"a": 1}}):
        assert disk.manage(**asked).status_code == 400, asked
    member = disk.world.book.member
    listed = disk.world.client.get(f"/v3/manageable_snapshots?host={HOST}", version="3.8", as_=member)
    assert listed.status_code == 403


def test_one_that_is_not_there(disk):
    snapshot = disk.manage(ref={"source-name": "none"}).json["snapshot"]["id"]
    disk.world.drain()
    assert disk.show(snapshot)["status"] == "error"
    (message,) = disk.world.client.get("/v3/messages", version="3.60").json["messages"]
    assert "no such snapshot" in message["user_message"]
    assert disk.world.client.delete(f"/v3/snapshots/{snapshot}").status_code == 202
    disk.world.drain()
    assert disk.world.fake.snapshots[disk.volume] == {"old"}


def test_only_one_of_two_requests_gets_it(disk):
    snapshots = [disk.manage().json["snapshot"]["id"] for _ in range(2)]
    disk.world.drain()
    assert sorted(disk.show(snapshot)["status"] for snapshot in snapshots) == ["available", "error"]
    lost = next(snapshot for snapshot in snapshots if disk.show(snapshot)["status"] == "error")
    assert disk.world.client.delete(f"/v3/snapshots/{lost}").status_code == 202
    disk.world.drain()
    assert disk.world.fake.snapshots[disk.volume] == {"old"}


def test_temporary_snapshots_are_left_alone(disk):
    disk.world.volume(source_volid=disk.volume, size=2, drained=False)
    refused = disk.manage()
    assert refused.status_code == 400 and "being copied" in refused.text
    disk.world.drain()
    assert disk.world.act(disk.volume, "os-volume_upload_image", {"image_name": "i"}).status_code == 202
    assert disk.manage().status_code == 400
    (old,) = disk.list(path="manageable_snapshots/detail")
    assert old["reason_not_safe"] == "its volume is uploading"


def test_the_quota_holds(disk):
    limits = {"quota_set": {"snapshots": 0}}
    assert disk.world.client.put("/v3/os-quota-sets/p1", json=limits, as_=disk.admin).status_code == 200
    assert disk.manage().status_code == 413


class ManageSnapshot(Disk):
    def start(self) -> str:
        self.snapshot = self.manage().json["snapshot"]["id"]
        return str(self.world.rung[-1])

    def done(self) -> None:
        assert self.show(self.snapshot)["status"] == "available"
        assert self.world.fake.snapshots[self.volume] == {"old"}

    def undone(self) -> None:
        answer = self.world.client.get(f"/v3/snapshots/{self.snapshot}")
        assert answer.status_code == 404 or answer.json["snapshot"]["status"] == "error"
        assert self.world.fake.snapshots[self.volume] == {"old"}


@pytest.mark.no_cover  # it runs the same lines again and again
def test_killed_at_every_step(worlds):
    @contextmanager
    def make() -> Iterator[Any]:
        with worlds() as world:
            yield ManageSnapshot(world)

    kill_at_every_step(MANAGE, make)
