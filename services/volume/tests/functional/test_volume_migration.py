"""Volumes move between the backends of a machine: os-migrate_volume, and os-retype where the new type is elsewhere."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pileus_kit.testing import kill_at_every_step
from pileus_volume.errors import DiskBusy
from pileus_volume.flows import FLOWS

BY_NAME = {flow.name: flow for flow in FLOWS}
HOST, MIGSTAT = "os-vol-host-attr:host", "os-vol-mig-status-attr:migstat"
FIRST, FAST = "host1@fake#fake", "host1@fast#fast"
SERVER = "33333333-3333-4333-8333-333333333333"


@pytest.fixture
def cloud(worlds: Any) -> Iterator[Any]:
    """A machine with two backends, and another machine."""
    with two_backends(worlds) as world:
        yield world


@contextmanager
def two_backends(worlds: Any) -> Iterator[Any]:
    with worlds(hosts=()) as world:
        world.add_host("host1", further=("fast",))
        world.add_host("host2")
        for name, backend in (("fake", "fake"), ("fast", "fast")):
            world.volume_type(name, extra_specs={"volume_backend_name": backend, "pool_name": name})
        world.volume_type("first", extra_specs={"pool_name": "fake"})
        world.admin = world.book.admin
        body = {"host": "host2", "binary": "cinder-volume"}
        assert world.client.put("/v3/os-services/disable", json=body, as_=world.admin).status_code == 200
        yield world


def migrate(cloud: Any, volume: str, host: str | None = FAST, version: str = "3.15", **asked: Any) -> Any:
    return cloud.act(volume, "os-migrate_volume", {"host": host, **asked}, version=version, as_=cloud.admin)


def where(cloud: Any, volume: str) -> list[str]:
    """The storage hosts that have a disk of the volume."""
    return [name for name, backend in cloud.backends.items() if volume in backend.disks]


def statuses(cloud: Any, volume: str) -> tuple[Any, ...]:
    shown = cloud.show(volume)
    assert shown["migration_status"] == shown[MIGSTAT]
    return shown["status"], shown["migration_status"], shown[HOST]


def messages(cloud: Any) -> list[str]:
    found = cloud.client.get("/v3/messages", version="3.60").json["messages"]
    return [message["user_message"] for message in found]


@pytest.fixture
def volume(cloud: Any) -> str:
    """A volume on the first backend, whose type any backend has."""
    cloud.client.put("/v3/os-services/disable", json={"host": "host1@fast", "binary": "cinder-volume"}, as_=cloud.admin)
    made = cloud.volume(name="v", metadata={"a": "b"})
    cloud.client.put("/v3/os-services/enable", json={"host": "host1@fast", "binary": "cinder-volume"}, as_=cloud.admin)
    assert made[HOST] == FIRST
    return str(made["id"])


def test_it_keeps_all_but_its_host(cloud, volume):
    before = cloud.show(volume)
    used = cloud.client.get("/v3/limits").json["limits"]["absolute"]
    cloud.backends["host1"].origins[volume] = "its content"
    assert migrate(cloud, volume).status_code == 202
    assert statuses(cloud, volume) == ("available", "starting", FIRST)
    cloud.drain()
    assert statuses(cloud, volume) == ("available", "success", FAST)
    assert where(cloud, volume) == ["host1@fast"]
    assert cloud.backends["host1@fast"].origins[volume] == "its content"
    after = cloud.show(volume)
    changed = {key for key in before if before[key] != after[key]}
    assert changed == {HOST, MIGSTAT, "migration_status", "updated_at"}
    assert cloud.client.get("/v3/limits").json["limits"]["absolute"] == used
    assert migrate(cloud, volume, "host1").status_code == 202  # and back, by the machine's name
    cloud.drain()
    assert statuses(cloud, volume) == ("available", "success", FIRST) and where(cloud, volume) == ["host1"]


def test_a_locked_volume_is_in_maintenance(cloud, volume):
    assert migrate(cloud, volume, "host1@fast", lock_volume=True, force_host_copy=True).status_code == 202
    assert statuses(cloud, volume) == ("maintenance", "starting", FIRST)
    cloud.drain()
    assert statuses(cloud, volume) == ("available", "success", FAST)


def test_nothing_writes_to_a_volume_that_moves(cloud, volume):
    cloud.volume_type("other")
    assert migrate(cloud, volume).status_code == 202
    attachment = {"attachment": {"volume_uuid": volume, "instance_uuid": SERVER}}
    connector = {"connector": {"host": "host1"}}
    for answer in (
        cloud.client.post("/v3/attachments", json=attachment, version="3.60"),
        cloud.client.post("/v3/snapshots", json={"snapshot": {"volume_id": volume}}),
        cloud.client.post("/v3/volumes", json={"volume": {"source_volid": volume, "size": 1}}),
        cloud.client.post("/v3/volume-transfers", json={"transfer": {"volume_id": volume}}, version="3.60"),
        cloud.client.delete(f"/v3/volumes/{volume}"),
        cloud.act(volume, "os-extend", {"new_size": 2}),
        cloud.act(volume, "os-reserve"),
        cloud.act(volume, "os-attach", {"instance_uuid": SERVER, "mountpoint": "/dev/vdb"}),
        cloud.act(volume, "os-initialize_connection", connector),
        cloud.act(volume, "os-retype", {"new_type": "other"}),
        migrate(cloud, volume),
    ):
        assert answer.status_code == 400, answer.text
        assert "migrat" in answer.text, answer.text
    cloud.drain()
    assert statuses(cloud, volume) == ("available", "success", FAST)


@pytest.mark.parametrize(
    ("asked", "version", "status", "why"),
    [
        ({"host": "none"}, "3.15", 400, "No available service named 'none'"),
        ({"host": ""}, "3.15", 400, "No available service"),
        ({"host": "host2"}, "3.15", 400, "No available service"),  # it is disabled
        ({"host": "host1@none#none"}, "3.60", 400, "No available service"),
        ({"host": FIRST}, "3.15", 400, "different than the current one"),
        ({"host": "host1"}, "3.15", 400, "different than the current one"),
        ({}, "3.15", 400, "host"),
        ({"host": None}, "3.15", 400, "None"),
        ({"host": FAST, "cluster": "c"}, "3.15", 400, "cluster"),
        ({"host": FAST, "cluster": "c"}, "3.16", 400, "Either host or cluster"),
        ({}, "3.16", 400, "Either host or cluster"),
        ({"cluster": "c"}, "3.16", 400, "No available service named 'c'"),
        ({"host": FAST, "lock_volume": "maybe"}, "3.16", 400, "lock_volume"),
        ({"host": "h" * 256}, "3.16", 400, "long"),
        ({"host": FAST, "cluster": None}, "3.16", 202, ""),
    ],
)
def test_what_may_be_asked(cloud, volume, asked, version, status, why):
    answer = cloud.act(volume, "os-migrate_volume", asked, version=version, as_=cloud.admin)
    assert answer.status_code == status and why in answer.text, answer.text


def test_administrators_only(cloud, volume):
    assert cloud.act(volume, "os-migrate_volume", {"host": FAST}).status_code == 403
    assert cloud.act(volume, "os-migrate_volume_completion", {"new_volume": volume}).status_code == 403
    assert migrate(cloud, SERVER).status_code == 404


def test_volumes_that_cannot_move(cloud, volume):
    cloud.attach(volume, host="host1")
    refused = migrate(cloud, volume)
    assert refused.status_code == 400 and "detach it first" in refused.text
    other = cloud.volume(volume_type="first")["id"]
    cloud.snapshot(other)
    refused = migrate(cloud, other)
    assert refused.status_code == 400 and "it has snapshots" in refused.text
    source = cloud.volume(volume_type="first")["id"]
    cloud.volume(source_volid=source, drained=False)
    refused = migrate(cloud, source)
    assert refused.status_code == 400 and "it is being copied" in refused.text
    cloud.client.put("/v3/os-services/enable", json={"host": "host2", "binary": "cinder-volume"}, as_=cloud.admin)
    refused = migrate(cloud, cloud.volume(volume_type="fast")["id"], "host2")
    assert refused.status_code == 400 and "backends of host1 only" in refused.text


def test_a_type_that_the_target_has_not_leaves_it_where_it_is(cloud):
    volume = cloud.volume(volume_type="first")["id"]
    assert migrate(cloud, volume).status_code == 202
    cloud.drain()
    assert statuses(cloud, volume) == ("available", "error", FIRST) and where(cloud, volume) == ["host1"]
    (message,) = messages(cloud)
    assert "pool_name" in message
    assert migrate(cloud, volume, lock_volume=True).status_code == 202  # an error doesn't keep it from being tried
    cloud.drain()
    assert statuses(cloud, volume) == ("available", "error", FIRST)


def test_a_copy_that_differs_is_thrown_away(cloud, volume):
    cloud.backends["host1@fast"].has_content_of = lambda volume_id, source: False
    assert migrate(cloud, volume, lock_volume=True).status_code == 202
    cloud.drain()
    assert statuses(cloud, volume) == ("available", "error", FIRST) and where(cloud, volume) == ["host1"]
    assert "content" in messages(cloud)[0]


def test_a_volume_that_was_attached_by_force_meanwhile_stays(cloud, volume):
    assert migrate(cloud, volume).status_code == 202
    reset = {"migration_status": "none", "status": "available"}
    assert cloud.act(volume, "os-reset_status", reset, as_=cloud.admin).status_code == 202
    assert cloud.show(volume)["migration_status"] is None
    cloud.attach(volume, host="host1")
    cloud.drain()
    assert statuses(cloud, volume) == ("in-use", "error", FIRST) and where(cloud, volume) == ["host1"]
    assert "attached meanwhile" in messages(cloud)[0]


def test_a_volume_that_is_deleted_by_force_while_it_moves_leaves_nothing(cloud, volume):
    assert migrate(cloud, volume).status_code == 202
    assert cloud.act(volume, "os-force_delete", {}, as_=cloud.admin).status_code == 202
    cloud.drain()
    assert cloud.client.get(f"/v3/volumes/{volume}").status_code == 404 and where(cloud, volume) == []


def test_it_does_not_move_back_to_what_is_being_deleted(cloud, volume):
    def refuse(volume_id: str) -> None:
        raise DiskBusy(volume=volume_id, why="somebody reads it")

    first = cloud.backends["host1"]
    first.delete, delete = refuse, first.delete
    assert migrate(cloud, volume).status_code == 202
    with pytest.raises(TimeoutError, match="still live"):
        cloud.drain()
    assert statuses(cloud, volume) == ("available", "success", FAST)
    refused = migrate(cloud, volume, "host1")
    assert refused.status_code == 400 and "still being deleted" in refused.text
    first.delete = delete
    cloud.drain()
    assert where(cloud, volume) == ["host1@fast"]
    assert migrate(cloud, volume, "host1").status_code == 202


def test_completion(cloud, volume):
    other = cloud.volume(volume_type="first")["id"]

    def complete(**asked: Any) -> Any:
        body = {"new_volume": other, **asked}
        return cloud.act(volume, "os-migrate_volume_completion", body, as_=cloud.admin)

    answer = complete(error=False)
    assert (answer.status_code, answer.json) == (200, {"save_volume_id": other})
    assert complete(new_volume=SERVER).status_code == 404
    assert complete(new_volume="x").status_code == 400
    migrate(cloud, volume)
    assert complete().status_code == 400
    cloud.drain()
    cloud.attach(volume)
    assert complete().status_code == 400


def test_a_retype_on_demand_moves(cloud):
    volume = cloud.volume(volume_type="fake")["id"]
    asked = {"new_type": "fast", "migration_policy": "on-demand"}
    assert cloud.act(volume, "os-retype", asked).status_code == 202
    shown = cloud.show(volume)
    assert (shown["status"], shown["volume_type"]) == ("retyping", "fake")
    cloud.drain()
    shown = cloud.show(volume)
    assert (shown["status"], shown["volume_type"], shown["migration_status"]) == ("available", "fast", "success")
    assert shown[HOST] == FAST and where(cloud, volume) == ["host1@fast"] and messages(cloud) == []


@pytest.mark.parametrize("policy", [{}, {"migration_policy": "never"}, {"migration_policy": None}])
def test_a_retype_that_may_not_move_keeps_the_type(cloud, policy):
    volume = cloud.volume(volume_type="fake")["id"]
    assert cloud.act(volume, "os-retype", {"new_type": "fast", **policy}).status_code == 202
    cloud.drain()
    shown = cloud.show(volume)
    assert (shown["status"], shown["volume_type"], shown["migration_status"]) == ("available", "fake", None)
    assert messages(cloud) == ["retype volume: Retype requires migration but is not allowed."]


def test_a_retype_that_cannot_move_keeps_the_type(cloud):
    asked = {"new_type": "fast", "migration_policy": "on-demand"}
    volume = cloud.volume(volume_type="fake")["id"]
    cloud.snapshot(volume)
    assert cloud.act(volume, "os-retype", asked).status_code == 202
    assert "it has snapshots" in messages(cloud)[0]
    attached = cloud.volume(volume_type="fake")["id"]
    cloud.attach(attached, host="host1")
    assert cloud.act(attached, "os-retype", asked).status_code == 400
    body = {"host": "host1@fast", "binary": "cinder-volume"}
    cloud.client.put("/v3/os-services/disable", json=body, as_=cloud.admin)
    free = cloud.volume(volume_type="fake")["id"]
    assert cloud.act(free, "os-retype", asked).status_code == 202
    cloud.drain()
    assert "host1@fast: it is disabled" in messages(cloud)[0]
    assert {cloud.show(found)["volume_type"] for found in (volume, attached, free)} == {"fake"}
    assert {cloud.show(found)["status"] for found in (volume, free)} == {"available"}


def test_a_retype_minds_the_quota_of_the_type(cloud):
    volume = cloud.volume(volume_type="fake")["id"]
    cloud.client.put("/v3/os-quota-sets/p1", json={"quota_set": {"volumes_fast": 0}}, as_=cloud.admin)
    asked = {"new_type": "fast", "migration_policy": "on-demand"}
    assert cloud.act(volume, "os-retype", asked).status_code == 413
    cloud.client.put("/v3/os-quota-sets/p1", json={"quota_set": {"volumes_fast": 1}}, as_=cloud.admin)
    assert cloud.act(volume, "os-retype", asked).status_code == 202
    cloud.client.put("/v3/os-quota-sets/p1", json={"quota_set": {"volumes_fast": 0}}, as_=cloud.admin)
    cloud.drain()
    shown = cloud.show(volume)
    assert (shown["status"], shown["volume_type"], shown[HOST]) == ("available", "fake", FIRST)
    assert where(cloud, volume) == ["host1"]


class Migration:
    """A volume that moves: on exactly one backend afterwards, with its content."""

    def __init__(self, cloud: Any) -> None:
        self.cloud, self.runner = cloud, cloud.runner
        self.volume = cloud.volume(volume_type="first")["id"]
        cloud.backends["host1"].origins[self.volume] = "its content"

    def start(self) -> str:
        asked = {"new_type": "fast", "migration_policy": "on-demand"}
        assert self.cloud.act(self.volume, "os-retype", asked).status_code == 202
        return str(self.cloud.rung[-1])

    def done(self) -> None:
        assert where(self.cloud, self.volume) == ["host1@fast"]
        assert self.cloud.backends["host1@fast"].origins[self.volume] == "its content"
        assert statuses(self.cloud, self.volume) == ("available", "success", FAST)

    def undone(self) -> None:
        assert where(self.cloud, self.volume) == ["host1"]
        assert statuses(self.cloud, self.volume)[::2] == ("available", FIRST)
        assert self.cloud.show(self.volume)["volume_type"] == "first"


class LockedMigration(Migration):
    """The same by an administrator's request, with the volume locked."""

    def __init__(self, cloud: Any) -> None:
        super().__init__(cloud)
        specs = f"/v3/types/{self._type()}/extra_specs"
        assert cloud.client.delete(f"{specs}/pool_name", as_=cloud.admin).status_code == 202

    def _type(self) -> str:
        rows = self.cloud.client.get("/v3/types", as_=self.cloud.admin).json["volume_types"]
        return next(str(row["id"]) for row in rows if row["name"] == "first")

    def start(self) -> str:
        assert migrate(self.cloud, self.volume, lock_volume=True).status_code == 202
        return str(self.cloud.rung[-1])


@pytest.mark.no_cover  # it runs the same lines again and again
@pytest.mark.parametrize("scenario", [Migration, LockedMigration])
def test_killed_at_every_step(worlds, scenario):
    @contextmanager
    def make() -> Iterator[Any]:
        with two_backends(worlds) as world:
            yield scenario(world)

    kill_at_every_step(BY_NAME["volume.migrate"], make)


class Clearing(Migration):
    """The job that deletes what a move left."""

    def start(self) -> str:
        super().start()
        for _ in range(20):
            self.runner.run(self.cloud.rung[-1])
        with self.runner.sessions.read() as session:
            row = session.query(self.runner.job).filter_by(flow="volume.delete_source").one()
            return str(row.id)


@pytest.mark.no_cover
def test_the_clearing_is_killed_at_every_step(worlds):
    @contextmanager
    def make() -> Iterator[Any]:
        with two_backends(worlds) as world:
            yield Clearing(world)

    kill_at_every_step(BY_NAME["volume.delete_source"], make, cancellable=False, undoable=False)
