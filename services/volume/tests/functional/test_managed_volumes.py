"""Disks that a backend has already become volumes, and volumes are forgotten while their disks stay."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pileus_kit.testing import kill_at_every_step
from pileus_volume.flows import FLOWS
from pileus_volume.rpc import GIB, file_name

HOST = "host1@fake#fake"
UNKNOWN = "33333333-3333-4333-8333-333333333333"
MANAGE = {flow.name: flow for flow in FLOWS}["volume.manage"]
PATHS = (("os-volume-manage", "3.0"), ("manageable_volumes", "3.8"))


def manage(world: Any, path: str = "manageable_volumes", version: str = "3.60", as_: Any = None, **asked: Any) -> Any:
    body = {"volume": {"host": HOST, "ref": {"source-name": "stranger"}} | asked}
    return world.client.post(f"/v3/p1/{path}", json=body, version=version, as_=as_ or world.book.admin)


def listed(
    world: Any, query: str = "", below: str = "", path: str = "manageable_volumes", version: str = "3.60"
) -> Any:
    return world.client.get(
        f"/v3/{path}{below}?host={HOST.replace('#', '%23')}{query}", version=version, as_=world.admin
    )


@pytest.fixture
def storage(world: Any) -> Any:
    """A backend with a disk that no volume has."""
    world.admin = world.book.admin
    world.fake.strangers["stranger"] = 3 * GIB - 5
    return world


def used(world: Any) -> int:
    return int(world.client.get("/v3/limits").json["limits"]["absolute"]["totalGigabytesUsed"])


@pytest.mark.parametrize(("path", "version"), PATHS)
def test_a_disk_becomes_a_volume(storage, path, version):
    asked = {"name": " n ", "description": "d", "metadata": {"a": "b"}, "bootable": True, "availability_zone": "z"}
    answer = manage(storage, path, version, **asked)
    assert answer.status_code == 202, answer.text
    made = answer.json["volume"]
    assert (made["status"], made["size"]) == ("creating", 0)
    storage.drain()
    shown = storage.show(made["id"])
    assert (shown["status"], shown["size"], shown["name"]) == ("available", 3, "n")
    assert (shown["description"], shown["bootable"], shown["availability_zone"]) == ("d", "true", "z")
    assert shown["metadata"] == {"a": "b"} and shown["os-vol-host-attr:host"] == HOST
    assert storage.fake.strangers == {} and set(storage.fake.disks) == {made["id"]}
    assert used(storage) == 3
    assert manage(storage, path, version).status_code == 202  # it is gone, which shows later
    storage.drain()
    rows = storage.client.get("/v3/volumes/detail", as_=storage.book.member).json["volumes"]
    assert sorted(row["status"] for row in rows) == ["available", "error_managing"]
    (message,) = storage.client.get("/v3/messages", version="3.60").json["messages"]
    assert "there is no such disk" in message["user_message"]
    failed = next(row["id"] for row in rows if row["status"] == "error_managing")
    assert storage.client.delete(f"/v3/volumes/{failed}").status_code == 202
    storage.drain()
    assert storage.client.get(f"/v3/volumes/{failed}").status_code == 404
    assert set(storage.fake.disks) == {made["id"]}


def test_a_volume_is_forgotten_and_found_again(storage):
    volume = storage.volume()["id"]
    assert storage.act(volume, "os-unmanage", {}).status_code == 403
    assert storage.act(volume, "os-unmanage", {}, as_=storage.admin).status_code == 202
    assert storage.client.get(f"/v3/volumes/{volume}").status_code == 404 and volume in storage.fake.disks
    assert used(storage) == 0
    answer = manage(storage, ref={"source-name": f"volume-{volume}"})
    storage.drain()
    shown = storage.show(answer.json["volume"]["id"])
    assert (shown["status"], shown["size"]) == ("available", 1) and shown["id"] != volume
    assert set(storage.fake.disks) == {shown["id"]}


def test_volumes_that_cannot_be_forgotten(storage):
    attached, copied, creating = storage.volume()["id"], storage.volume()["id"], storage.volume(drained=False)["id"]
    refused = storage.act(creating, "os-unmanage", {}, as_=storage.admin)
    assert refused.status_code == 400 and "creating" in refused.text
    storage.drain()
    storage.attach(attached)
    storage.snapshot(copied)
    for volume, why in ((attached, "must be available"), (copied, "dependent snapshots")):
        refused = storage.act(volume, "os-unmanage", {}, as_=storage.admin)
        assert refused.status_code == 400 and why in refused.text
    assert storage.act(UNKNOWN, "os-unmanage", {}, as_=storage.admin).status_code == 404
    assert storage.act(attached, "os-unmanage", {"a": 1}, as_=storage.admin).status_code == 400


def test_the_disks_are_listed(storage):
    volume = storage.volume()["id"]
    summary = {"reference": {"source-name": "stranger"}, "size": 3, "safe_to_manage": True}
    known = {"reference": {"source-name": file_name(volume)}, "size": 1, "safe_to_manage": False}
    for path, version in PATHS:
        assert listed(storage, path=path, version=version).json == {"manageable-volumes": [known, summary]}
        detail = listed(storage, below="/detail", path=path, version=version).json["manageable-volumes"]
        assert detail == [
            known | {"reason_not_safe": "already managed", "cinder_id": volume, "extra_info": None},
            summary | {"reason_not_safe": None, "cinder_id": None, "extra_info": None},
        ]


def test_pages_and_sorting(storage):
    storage.fake.strangers |= {"a": GIB, "b": 2 * GIB, "c": 2 * GIB}

    def names(query: str) -> list[str]:
        return [disk["reference"]["source-name"] for disk in listed(storage, query).json["manageable-volumes"]]

    assert names("") == ["stranger", "c", "b", "a"]
    assert names("&sort=reference:asc") == ["a", "b", "c", "stranger"]
    assert names("&sort=size:desc,reference:asc") == ["stranger", "b", "c", "a"]
    assert names("&limit=2") == ["stranger", "c"] and names("&limit=2&offset=1") == ["c", "b"]
    assert names("&marker=" + json.dumps({"source-name": "c"})) == ["b", "a"]
    for query in ("&sort=name", "&marker=c", '&marker={"source-name":"none"}', "&limit=x", "&marker=" + "[" * 1000):
        assert listed(storage, query).status_code == 400, query


def test_who_may_and_what_may_be_asked(storage):
    member = storage.book.member
    assert manage(storage, as_=member).status_code == 403
    assert storage.client.get(f"/v3/manageable_volumes?host={HOST}", version="3.8", as_=member).status_code == 403
    assert manage(storage, version="3.7").status_code == 404
    for asked, why in (
        ({"host": "none"}, "not found"),
        ({"host": None}, "Either host or cluster"),
        ({"host": None, "cluster": "c"}, "No available service"),
        ({"host": HOST, "cluster": "c"}, "Either host or cluster"),
        ({"ref": {}}, "source-name"),
        ({"ref": "stranger"}, "source-name"),
        ({"ref": {"source-name": 1}}, "source-name"),
        ({"ref": {"source-id": "x"}}, "source-name"),
        ({"size": 3}, "size"),
        ({"bootable": "maybe"}, "bootable"),
        ({"metadata": {"a": 1}}, "metadata"),
    ):
        refused = manage(storage, **asked)
        assert refused.status_code == 400 and why in refused.text, refused.text
    assert manage(storage, volume_type="none").status_code == 404
    other = storage.volume_type("other", extra_specs={"volume_backend_name": "elsewhere"})
    refused = manage(storage, volume_type=other)
    assert refused.status_code == 400 and "doesn't fit" in refused.text
    admin = storage.admin
    assert storage.client.get("/v3/manageable_volumes", version="3.8", as_=admin).status_code == 400
    assert storage.client.get("/v3/manageable_volumes?host=none", version="3.8", as_=admin).status_code == 404
    body = {"host": "host1", "binary": "cinder-volume"}
    storage.client.put("/v3/os-services/disable", json=body, as_=admin)
    assert manage(storage).status_code == listed(storage).status_code == 400


def test_a_disk_of_another_volume_is_refused(storage):
    victim = storage.volume()["id"]
    refused = manage(storage, ref={"source-name": f"volume-{victim}"})
    assert refused.status_code == 400 and "already managed" in refused.text
    assert set(storage.fake.disks) == {victim}


def test_quotas_hold(storage):
    def limit(**limits: int) -> None:
        answer = storage.client.put("/v3/os-quota-sets/p1", json={"quota_set": limits}, as_=storage.admin)
        assert answer.status_code == 200, answer.text

    limit(volumes=0)
    assert manage(storage).status_code == 413
    limit(volumes=1, gigabytes=2)
    volume = manage(storage).json["volume"]["id"]
    storage.drain()
    assert storage.show(volume)["status"] == "error_managing"
    assert storage.fake.strangers == {"stranger": 3 * GIB - 5} and storage.fake.disks == {}


def test_a_volume_that_is_deleted_while_it_is_made_leaves_the_disk(storage):
    volume = manage(storage).json["volume"]["id"]
    assert storage.client.delete(f"/v3/volumes/{volume}").status_code == 202
    storage.drain()
    assert storage.client.get(f"/v3/volumes/{volume}").status_code == 404
    assert "stranger" in storage.fake.strangers and storage.fake.disks == {}


class ManageVolume:
    def __init__(self, world: Any) -> None:
        self.world, self.runner = world, world.runner
        world.fake.strangers["stranger"] = GIB

    def start(self) -> str:
        self.volume = manage(self.world).json["volume"]["id"]
        return str(self.world.rung[-1])

    def done(self) -> None:
        shown = self.world.show(self.volume)
        assert (shown["status"], shown["size"]) == ("available", 1) and used(self.world) == 1
        assert set(self.world.fake.disks) == {self.volume} and self.world.fake.strangers == {}

    def undone(self) -> None:
        answer = self.world.client.get(f"/v3/volumes/{self.volume}")
        assert answer.status_code == 404 or answer.json["volume"]["status"] == "error_managing"
        assert self.world.fake.disks == {} and self.world.fake.strangers == {"stranger": GIB} and used(self.world) == 0


@pytest.mark.no_cover  # it runs the same lines again and again
def test_killed_at_every_step(worlds):
    @contextmanager
    def make() -> Iterator[Any]:
        with worlds() as world:
            yield ManageVolume(world)

    kill_at_every_step(MANAGE, make)
