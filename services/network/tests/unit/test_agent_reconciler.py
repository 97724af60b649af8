"""The reconciler: nothing is forgotten, whatever fails."""

import threading
from dataclasses import replace

import pytest

from pileus_kit.errors import HostDown
from pileus_kit.rpc import Bus
from pileus_network import state_changes
from pileus_network.agent.reconciler import Reconciler
from pileus_network.agent.service import Agent
from pileus_network.config import Config
from pileus_network.drivers.base import Settings
from pileus_network.drivers.fake import Fake
from pileus_network.rpc import (
    ControlPlane,
    Failure,
    HostAgent,
    HostChange,
    HostFacts,
    HostState,
    Port,
    Removal,
    Report,
    ReportChange,
)


class Worker(ControlPlane):
    """Desires `state` and keeps what the agent reports. The next calls that `down` names fail."""

    def __init__(self):
        self.state = HostState("h1", 1, ports=(port("a"), port("b")))
        self.applied_calls: list[tuple[int, Report]] = []
        self.heartbeats: list[HostFacts] = []
        self.down: list[str] = []
        self.reported = threading.Event()

    def _maybe_fail(self, name):
        if name in self.down:
            self.down.remove(name)
            raise HostDown(host="worker", why="it is a test")

    def get_host_state(self, host, known):
        self._maybe_fail("get_host_state")
        return self.state if known != self.state.generation else None

    def get_changes(self, host, known):
        state = self.get_host_state(host, known)
        return state and HostChange(known, state.generation, state)

    def audit_state(self, host, generation, digest):
        return self.state if state_changes.digest(self.state) != digest else None

    def report_changes(self, host, generation, change, took=None):
        ports = set(self.applied_calls[-1][1].ports) - set(change.unwired) | set(change.wired)
        self.report_state(host, generation, Report(tuple(sorted(ports)), change.failures), took)

    def report_state(self, host, generation, report, took=None):
        self._maybe_fail("report_state")
        self.applied_calls.append((generation, report))
        self.reported.set()

    def heartbeat(self, host, facts):
        self._maybe_fail("heartbeat")
        self.heartbeats.append(facts)
        return self.state.generation


def port(name):
    return Port(name, "n", "p", "fa:16:3e:00:00:01", "compute:nova", "server", True)


@pytest.fixture
def worker():
    return Worker()


@pytest.fixture
def driver():
    return Fake(Settings())


@pytest.fixture
def reconciler(worker, driver):
    return Reconciler("h1", driver, worker, lambda generation: HostFacts("1", "fake", "", (), generation))


def test_a_reconciliation_fetches_applies_and_reports_once(reconciler, worker, driver):
    reconciler.reconcile()
    assert worker.applied_calls == [(1, Report(("a", "b")))] and driver.applied == 1 and reconciler.generation == 1
    reconciler.reconcile()
    reconciler.wake()
    reconciler.reconcile()
    assert len(worker.applied_calls) == 1 and driver.applied == 1, "the same generation is nothing new"


def test_a_thorough_reconciliation_applies_again_and_reports_only_changes(reconciler, worker, driver):
    reconciler.reconcile()
    reconciler.wake(thorough=True)
    reconciler.reconcile()
    assert driver.applied == 2 and len(worker.applied_calls) == 1
    driver.broken["a"] = "it fell off"
    reconciler.wake(thorough=True)
    reconciler.reconcile()
    assert (
        worker.applied_calls[-1][1].ports == ("b",) and worker.applied_calls[-1][1].failures[0].cause == "it fell off"
    )


def test_a_failure_is_retried_with_every_heartbeat(reconciler, worker, driver):
    driver.broken["a"] = "not yet"
    reconciler.reconcile()
    driver.broken.clear()
    reconciler.wake()
    reconciler.reconcile()
    assert worker.applied_calls[-1][1] == Report(("a", "b"))


@pytest.mark.parametrize("call", ["get_host_state", "report_state"])
def test_a_reconciliation_that_failed_is_repeated(reconciler, worker, driver, call):
    worker.down = [call]
    with pytest.raises(HostDown):
        reconciler.reconcile()
    reconciler.reconcile()
    assert worker.applied_calls == [(1, Report(("a", "b")))] and driver.applied == 1


def test_a_known_state_is_repaired_without_a_worker(reconciler, worker, driver):
    reconciler.reconcile()
    reconciler.wake(thorough=True)
    worker.down = ["get_host_state", "report_state"]
    driver.broken["a"] = "it fell off"
    with pytest.raises(HostDown):
        reconciler.reconcile()
    assert driver.applied == 2 and reconciler.report.ports == ("b",)
    driver.broken.clear()
    with pytest.raises(HostDown):
        reconciler.reconcile()
    reconciler.reconcile()
    assert worker.applied_calls[-1] == (1, Report(("a", "b")))


def test_a_notification_over_the_bus_is_enough(worker, driver):
    bus = Bus("fake://")
    server = bus.serve(worker, "worker")
    agent = Agent(Config(host="h-bus", bus="fake://"), bus, driver)
    agent.start()
    try:
        assert worker.reported.wait(60) and driver.prepared
        worker.reported.clear()
        worker.state = HostState("h-bus", 2, ports=(port("c"),))
        bus.client(HostAgent, "h-bus").notify(2)
        assert worker.reported.wait(60)
        assert worker.applied_calls[-1] == (2, Report(("c",)))
        assert bus.client(HostAgent, "h-bus").report() == Report(("c",))
        worker.reported.clear()
        driver.broken["c"] = "gone"
        driver.on_loss("c")
        assert worker.reported.wait(60) and worker.applied_calls[-1][1].ports == ()
        assert worker.heartbeats[0].generation == -1
    finally:
        agent.stop()
        server.stop()


class WorkerWithChanges(Worker):
    """Answers with changes, and counts how often the whole state was asked for."""

    def __init__(self):
        super().__init__()
        self.changes: list[HostChange] = []
        self.reported_changes: list[ReportChange] = []
        self.wholes = 0

    def get_host_state(self, host, known):
        self.wholes += 1
        return super().get_host_state(host, known)

    def get_changes(self, host, known):
        return self.changes.pop(0) if self.changes else super().get_changes(host, known)

    def report_changes(self, host, generation, change, took=None):
        self._maybe_fail("report_changes")
        self.reported_changes.append(change)


@pytest.fixture
def following(driver):
    worker = WorkerWithChanges()
    reconciler = Reconciler("h1", driver, worker, lambda generation: HostFacts("1", "fake", "", (), generation))
    reconciler.reconcile()
    return worker, reconciler


def change_state(worker, *ports, gone=(), base=None):
    """The worker's state after a change, and the change that leads there."""
    kept = [one for one in worker.state.ports if one.id not in {*gone, *(port.id for port in ports)}]
    before, after = worker.state.generation, worker.state.generation + 1
    worker.state = HostState("h1", after, ports=tuple(sorted([*kept, *ports], key=lambda one: one.id)))
    worker.changes.append(
        HostChange(
            before if base is None else base, after, ports=ports, removed=tuple(Removal("port", id) for id in gone)
        )
    )


def test_changes_lead_to_the_state_and_only_differences_are_reported(following, driver):
    worker, reconciler = following
    for change in (((port("c"),), ()), ((port("d"),), ("a",)), ((), ("c",))):
        change_state(worker, *change[0], gone=change[1])
        reconciler.wake()
        reconciler.reconcile()
        assert driver.state == worker.state
    assert worker.wholes == 1 and len(worker.applied_calls) == 1
    assert worker.reported_changes == [ReportChange(("c",)), ReportChange(("d",), ("a",)), ReportChange((), ("c",))]


def test_a_changed_port_is_reported_again(following, driver):
    """The control plane took it for down since it changed it."""
    worker, reconciler = following
    change_state(worker, replace(port("a"), hostname="x"))
    reconciler.wake()
    reconciler.reconcile()
    driver.broken["b"] = "it fell off"
    change_state(worker, replace(port("b"), hostname="x"))
    reconciler.wake()
    reconciler.reconcile()
    failure = Failure("port", "b", "it fell off")
    assert worker.reported_changes == [ReportChange(("a",)), ReportChange((), ("b",), (failure,))]


def test_a_lost_report_is_part_of_the_next(following):
    worker, reconciler = following
    worker.down = ["report_changes"]
    change_state(worker, port("c"))
    reconciler.wake()
    with pytest.raises(HostDown):
        reconciler.reconcile()
    change_state(worker, port("d"))
    reconciler.wake()
    reconciler.reconcile()
    assert worker.reported_changes == [ReportChange(("c", "d"))]


def test_a_change_from_another_generation_makes_the_agent_get_the_whole_state(following, driver):
    worker, reconciler = following
    change_state(worker, port("c"), base=-5)
    reconciler.wake()
    reconciler.reconcile()
    assert driver.state == worker.state and worker.wholes == 2 and len(worker.applied_calls) == 2


def test_drift_is_found_by_the_audit(following, driver, monkeypatch):
    worker, reconciler = following
    worker.state = replace(worker.state, ports=(port("a"), port("z")))  # and no generation was counted
    reconciler.wake()
    reconciler.reconcile()
    assert driver.state != worker.state, "no generation was counted"
    monkeypatch.setattr("pileus_network.agent.reconciler.AUDIT_S", 0.0)
    reconciler.wake()
    reconciler.reconcile()
    assert driver.state == worker.state and worker.applied_calls[-1][1] == Report(("a", "z"))
