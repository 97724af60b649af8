"""Flows of groups and group snapshots: killed, failed, repeated and cancelled at each of their steps."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest

from pileus_kit.testing import kill_at_every_step
from pileus_volume.flows import FLOWS

World = Any

BY_NAME = {flow.name: flow for flow in FLOWS}


class GroupScenario:
    """A group with two volumes. The jobs of its members run as soon as they are rung, so the group's own job is the one
    that is killed."""

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

    def check_message(self, event: str) -> None:
        messages = self.world.client.get("/v3/messages", version="3.70").json["messages"]
        assert event in [message["event_id"] for message in messages]


class SnapshotGroup(GroupScenario):
    def start(self) -> str:
        since = len(self.world.rung)
        self.group_snapshot = self.world.snapshot_group(self.group, drained=False)["id"]
        return self.members_first(since)

    def done(self) -> None:
        assert self.world.show_group_snapshot(self.group_snapshot)["status"] == "available"
        assert {s["volume_id"] for s in self.listed("snapshots")} == self.volumes
        assert {s["status"] for s in self.listed("snapshots")} == {"available"}

    def undone(self) -> None:
        found = self.listed("group_snapshots")
        assert not found or [each["status"] for each in found] == ["error"]
        if found:
            self.check_message("VOLUME_VOLUME_GROUP_SNAPSHOT_021_001")
        assert self.listed("snapshots") == [] and not any(self.world.fake.snapshots.values())


class DeleteGroupSnapshot(SnapshotGroup):
    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.group_snapshot = world.snapshot_group(self.group)["id"]

    def start(self) -> str:
        since = len(self.world.rung)
        assert self.world.client.delete(f"/v3/group_snapshots/{self.group_snapshot}", version="3.70").status_code == 202
        return self.members_first(since)

    def done(self) -> None:
        assert self.listed("group_snapshots") == [] and self.listed("snapshots") == []
        assert not any(self.world.fake.snapshots.values())

    def undone(self) -> None:
        assert self.world.show_group_snapshot(self.group_snapshot)["status"] == "error_deleting"
        self.start()
        self.world.drain()
        self.done()


class CopyGroup(GroupScenario):
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
            self.check_message("VOLUME_VOLUME_GROUP_019_001")
        assert {volume["id"] for volume in self.listed("volumes")} == set(self.world.fake.disks) == self.volumes


class CopyGroupSnapshot(CopyGroup):
    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.source = {"group_snapshot_id": world.snapshot_group(self.group)["id"]}


class DeleteGroup(GroupScenario):
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


SCENARIOS = {
    "group_snapshot.create": SnapshotGroup,
    "group_snapshot.delete": DeleteGroupSnapshot,
    "group.copy": CopyGroup,
    "group.copy of a group snapshot": CopyGroupSnapshot,
    "group.delete": DeleteGroup,
}
UNSTOPPABLE = ("group.delete", "group_snapshot.delete")  # their jobs can't be cancelled


def test_every_flow_has_a_scenario():
    assert {name.partition(" ")[0] for name in SCENARIOS} == {name for name in BY_NAME if name.startswith("group")}


@pytest.mark.no_cover  # it runs the same lines again and again
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_killed_at_every_step(scenario, worlds):
    name, make_scenario = scenario.partition(" ")[0], SCENARIOS[scenario]

    @contextmanager
    def make() -> Iterator:
        with worlds() as world:
            yield make_scenario(world)

    kill_at_every_step(BY_NAME[name], make, cancellable=name not in UNSTOPPABLE)
