"""What an agent reports, and what the control plane makes of it: news of a few guests, and disks without a guest."""

from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from pileus_compute.agent import heartbeat
from pileus_compute.agent.endpoint import HostEndpoint
from pileus_compute.agent.heartbeat import AgentHeartbeat
from pileus_compute.core import host_reports
from pileus_compute.db.models import Host
from pileus_compute.drivers.fake_host import FakeGuest
from pileus_compute.rpc import ControlPlane, GuestState, Inventory, Power, Wanted
from pileus_compute.testing import ComputeFixture
from pileus_compute.worker import AgentAPI
from pileus_kit.db import count_statements, now

IMAGE_ID = "11111111-1111-4111-8111-111111111111"


class RecordingControlPlane(ControlPlane):
    """The control plane, and what it was told."""

    def __init__(self, compute: ComputeFixture) -> None:
        self.compute, self.told, self.broken = compute, list[set[str]](), False

    def hello(self, host: str, inventory: Inventory, guests: list[GuestState]) -> None:
        if self.broken:
            raise RuntimeError("a bug at the other end")
        self.told.append({guest.id for guest in guests})
        with self.compute.sessions.begin() as session:
            orphans = host_reports.record_hello(session, host, inventory, guests)
        for orphan in orphans:
            self.compute.host.driver.destroy(orphan)

    def wanted(self, host: str) -> list[Wanted]:
        with self.compute.sessions.read() as session:
            return host_reports.desired_guests(session, host)


@pytest.fixture
def control(compute: ComputeFixture) -> RecordingControlPlane:
    return RecordingControlPlane(compute)


@pytest.fixture
def beats(compute: ComputeFixture, control: RecordingControlPlane, tmp_path: Path) -> AgentHeartbeat:
    return AgentHeartbeat(HostEndpoint(compute.host.driver, tmp_path / "scratch"), control, "host1")


def test_disks_that_a_late_message_made_of_a_deleted_server_are_removed(
    compute: ComputeFixture,
    control: RecordingControlPlane,
    beats: AgentHeartbeat,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gone, alive = compute.server(imageRef=IMAGE_ID)["id"], compute.server(imageRef=IMAGE_ID)["id"]
    compute.client.delete(f"/v2.1/servers/{gone}")
    compute.drain()
    here = compute.host.driver.guests_by_id
    here[gone], here["not ours"] = FakeGuest(gone, root="late"), FakeGuest("not ours", root="?")
    beats.report()
    assert gone in here, "a build may have its disks before its guest"
    monkeypatch.setattr(heartbeat, "ORPHANED_S", -1.0)
    beats.report()
    assert set(here) == {alive, "not ours"}, "only what is known to be gone goes"


def test_a_change_is_reported_alone_and_shows(
    compute: ComputeFixture,
    control: RecordingControlPlane,
    beats: AgentHeartbeat,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(host_reports, "SETTLED_S", -60)
    ids = [compute.server(imageRef=IMAGE_ID)["id"] for _ in range(3)]
    beats.report()
    compute.host.driver.watch(beats.note_change)
    compute.host.driver.crash(ids[1], Power.STOPPED)
    beats._begun = True
    beats.report_changes()
    assert control.told[-1] == {ids[1]}
    assert [compute.show(server_id)["status"] for server_id in ids] == ["ACTIVE", "SHUTOFF", "ACTIVE"]


def test_a_bug_at_the_other_end_does_not_silence_the_host(
    control: RecordingControlPlane, beats: AgentHeartbeat
) -> None:
    control.broken = True
    with pytest.raises(RuntimeError):
        beats.report()
    control.broken = False
    beats.report()


def test_only_a_report_that_says_something_new_is_written_by_itself(
    compute: ComputeFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(host_reports, "SETTLED_S", -60)
    server, driver = compute.server(imageRef=IMAGE_ID)["id"], compute.host.driver

    def writes(guests: list[GuestState], **news: object) -> int:
        """Let a worker take a report; returns how many statements it writes with."""
        with count_statements(compute.sessions) as statements:
            AgentAPI(compute.tools).hello("host1", replace(driver.inventory(), **news), guests)
        return len([one for one in statements if not one.startswith("SELECT")])

    running, stopped = GuestState(server, Power.RUNNING), GuestState(server, Power.STOPPED)
    assert writes([running]) == 0 and writes([]) == 0, "the mark of both follows, with those of other hosts"
    assert writes([running], disk_free_gib=1) and compute.show(server)["status"] == "ACTIVE"
    assert writes([stopped]) and compute.show(server)["status"] == "SHUTOFF"
    with compute.sessions.begin() as session:
        session.get_one(Host, "host1").seen_at = now() - timedelta(hours=1)
    assert writes([stopped]), "a host that comes back is up at once"


def test_disks_of_a_server_that_is_gone_are_still_removed(compute: ComputeFixture) -> None:
    gone = compute.server(imageRef=IMAGE_ID)["id"]
    compute.client.delete(f"/v2.1/servers/{gone}")
    compute.drain()
    here = compute.host.driver.guests_by_id
    here[gone] = FakeGuest(gone, root="late")
    AgentAPI(compute.tools).hello("host1", compute.host.driver.inventory(), [GuestState(gone, Power.STOPPED)])
    assert gone not in here
