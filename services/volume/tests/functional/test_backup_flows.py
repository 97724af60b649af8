"""Flows of backups: killed, failed, repeated and cancelled at each of their steps."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from pileus_kit.testing import kill_at_every_step
from pileus_volume.db.models import Backup
from pileus_volume.flows import FLOWS

World = Any
IMAGE = "11111111-1111-4111-8111-111111111111"
BY_NAME = {flow.name: flow for flow in FLOWS}


class BackUpVolume:
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
        self.check_released()

    def undone(self) -> None:
        answer = self.world.client.get(f"/v3/backups/{self.backup}")
        assert answer.status_code == 404 or answer.json["backup"]["status"] == "error"
        assert self.world.objects() == []
        self.check_released()

    def check_released(self) -> None:
        assert self.world.show(self.volume)["status"] == "available"
        assert not self.world.fake.snapshots.get(self.volume)


class RestoreVolume(BackUpVolume):
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


class CreateFromBackup:
    """A new volume: available with the backup's content, or in error without a disk, or deleted if that was asked."""

    def __init__(self, world: World) -> None:
        self.world, self.runner = world, world.runner
        source = world.volume()["id"]
        self.backup, self.before = world.back_up(source)["id"], {source}

    def start(self) -> str:
        answer = self.world.client.post(f"/v3/backups/{self.backup}/restore", json={"restore": {}})
        assert answer.status_code == 202, answer.text
        self.volume = answer.json["restore"]["volume_id"]
        return self.world.rung[-1]

    def done(self) -> None:
        assert self.world.show(self.volume)["status"] == "available"
        assert set(self.world.fake.disks) == self.before | {self.volume}
        self.check_released()

    def undone(self) -> None:
        assert set(self.world.fake.disks) == self.before
        answer = self.world.client.get(f"/v3/volumes/{self.volume}")
        assert answer.status_code == 404 or answer.json["volume"]["status"] == "error"
        self.check_released()

    def check_released(self) -> None:
        assert not any(self.world.fake.snapshots.values())
        assert self.world.backup(self.backup)["status"] == "available"


class DeleteBackup(BackUpVolume):
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


class ImportBackup(BackUpVolume):
    def __init__(self, world: World) -> None:
        super().__init__(world)
        made, admin = world.back_up(self.volume)["id"], world.book.admin
        self.record = world.client.get(f"/v3/backups/{made}/export_record", as_=admin).json["backup-record"]
        with world.sessions.begin() as session:  # the import is into another cloud
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


SCENARIOS = {
    "backup.create": BackUpVolume,
    "volume.restore": RestoreVolume,
    "volume.create_from_backup": CreateFromBackup,
    "backup.delete": DeleteBackup,
    "backup.import": ImportBackup,
}
UNSTOPPABLE = "backup.delete"  # their jobs can't be cancelled


def test_every_flow_has_a_scenario():
    others = {"volume.restore", "volume.create_from_backup"}
    assert set(SCENARIOS) == others | {name for name in BY_NAME if name.startswith("backup.")}


@pytest.mark.no_cover  # it runs the same lines again and again
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_killed_at_every_step(scenario, store_worlds):
    name, make_scenario = scenario.partition(" ")[0], SCENARIOS[scenario]

    @contextmanager
    def make() -> Iterator:
        with store_worlds() as world:
            yield make_scenario(world)

    kill_at_every_step(BY_NAME[name], make, cancellable=name not in UNSTOPPABLE)
