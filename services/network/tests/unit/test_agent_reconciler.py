"""The agent's one thread: nothing is forgotten, whatever fails."""

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
    """Wants `state`, keeps what it hears; `down` makes the next calls of those names fail."""

    def __init__(self):
        self.state = HostState("h1", 1, ports=(port("a"), port("b")))
        self.applied_calls: list[tuple[int, Report]] = []
        self.hellos: list[HostFacts] = []
        self.down: list[str] = []
        self.heard = threading.Event()

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

    def report_changes(self, host, generation, progress, took=None):
        ports = set(self.applied_calls[-1][1].ports) - set(progress.unwired) | set(progress.wired)
        self.report_state(host, generation, Report(tuple(sorted(ports)), progress.failures), took)

    def report_state(self, host, generation, report, took=None):
        self._maybe_fail("report_state")
        self.applied_calls.append((generation, report))
        self.heard.set()

    def heartbeat(self, host, facts):
        self._maybe_fail("heartbeat")
        self.hellos.append(facts)
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


def test_a_turn_fetches_applies_and_reports_once(reconciler, worker, driver):
    reconciler.reconcile()
    assert worker.applied_calls == [(1, Report(("a", "b")))] and driver.applied == 1 and reconciler.generation == 1
    reconciler.reconcile()
    reconciler.wake()
    reconciler.reconcile()
    assert len(worker.applied_calls) == 1 and driver.applied == 1, "the same generation is nothing new"


def test_a_thorough_turn_applies_again_and_reports_only_what_changed(reconciler, worker, driver):
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


def test_what_failed_is_tried_again_with_every_heartbeat(reconciler, worker, driver):
    driver.broken["a"] = "not yet"
    reconciler.reconcile()
    driver.broken.clear()
    reconciler.wake()
    reconciler.reconcile()
    assert worker.applied_calls[-1][1] == Report(("a", "b"))


@pytest.mark.parametrize("call", ["get_host_state", "report_state"])
def test_a_turn_that_failed_is_done_by_the_next(reconciler, worker, driver, call):
    worker.down = [call]
    with pytest.raises(HostDown):
        reconciler.reconcile()
    reconciler.reconcile()
    assert worker.applied_calls == [(1, Report(("a", "b")))] and driver.applied == 1


def test_what_is_known_is_repaired_without_a_worker(reconciler, worker, driver):
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


def test_over_the_bus_a_poke_is_enough(worker, driver):
    bus = Bus("fake://")
    server = bus.serve(worker, "worker")
    agent = Agent(Config(host="h-poke", bus="fake://"), bus, driver)
    agent.start()
    try:
        assert worker.heard.wait(10) and driver.prepared
        worker.heard.clear()
        worker.state = HostState("h-poke", 2, ports=(port("c"),))
        bus.client(HostAgent, "h-poke").notify(2)
        assert worker.heard.wait(10)
        assert worker.applied_calls[-1] == (2, Report(("c",)))
        assert bus.client(HostAgent, "h-poke").report() == Report(("c",))
        worker.heard.clear()
        driver.broken["c"] = "gone"
        driver.on_loss("c")
        assert worker.heard.wait(10) and worker.applied_calls[-1][1].ports == ()
        assert worker.hellos[0].generation == -1
    finally:
        agent.stop()
        server.stop()


class PartWise(Worker):
    """Tells parts, and remembers what was asked for."""

    def __init__(self):
        super().__init__()
        self.parts: list[HostChange] = []
        self.progress: list[ReportChange] = []
        self.wholes = 0

    def get_host_state(self, host, known):
        self.wholes += 1
        return super().get_host_state(host, known)

    def get_changes(self, host, known):
        return self.parts.pop(0) if self.parts else super().get_changes(host, known)

    def report_changes(self, host, generation, progress, took=None):
        self._maybe_fail("report_changes")
        self.progress.append(progress)


@pytest.fixture
def told(driver):
    worker = PartWise()
    reconciler = Reconciler("h1", driver, worker, lambda generation: HostFacts("1", "fake", "", (), generation))
    reconciler.reconcile()
    return worker, reconciler


def part(worker, *ports, gone=(), base=None):
    """The worker's state after a change, and the change that leads there."""
    kept = [one for one in worker.state.ports if one.id not in {*gone, *(port.id for port in ports)}]
    before, after = worker.state.generation, worker.state.generation + 1
    worker.state = HostState("h1", after, ports=tuple(sorted([*kept, *ports], key=lambda one: one.id)))
    worker.parts.append(
        HostChange(
            before if base is None else base, after, ports=ports, removed=tuple(Removal("port", id) for id in gone)
        )
    )


def test_parts_lead_to_the_whole_and_only_differences_are_reported(told, driver):
    worker, reconciler = told
    for change in (((port("c"),), ()), ((port("d"),), ("a",)), ((), ("c",))):
        part(worker, *change[0], gone=change[1])
        reconciler.wake()
        reconciler.reconcile()
        assert driver.state == worker.state
    assert worker.wholes == 1 and len(worker.applied_calls) == 1
    assert worker.progress == [ReportChange(("c",)), ReportChange(("d",), ("a",)), ReportChange((), ("c",))]


def test_a_port_that_was_told_anew_is_reported_anew(told, driver):
    """The control plane took it for down since it changed it."""
    worker, reconciler = told
    part(worker, replace(port("a"), hostname="x"))
    reconciler.wake()
    reconciler.reconcile()
    driver.broken["b"] = "it fell off"
    part(worker, replace(port("b"), hostname="x"))
    reconciler.wake()
    reconciler.reconcile()
    failure = Failure("port", "b", "it fell off")
    assert worker.progress == [ReportChange(("a",)), ReportChange((), ("b",), (failure,))]


def test_a_report_that_got_lost_is_part_of_the_next(told):
    worker, reconciler = told
    worker.down = ["report_changes"]
    part(worker, port("c"))
    reconciler.wake()
    with pytest.raises(HostDown):
        reconciler.reconcile()
    part(worker, port("d"))
    reconciler.wake()
    reconciler.reconcile()
    assert worker.progress == [ReportChange(("c", "d"))]


def test_a_change_from_elsewhere_is_answered_by_asking_for_everything(told, driver):
    worker, reconciler = told
    part(worker, port("c"), base=-5)
    reconciler.wake()
    reconciler.reconcile()
    assert driver.state == worker.state and worker.wholes == 2 and len(worker.applied_calls) == 2


def test_drift_is_found_by_the_audit(told, driver, monkeypatch):
    worker, reconciler = told
    worker.state = replace(worker.state, ports=(port("a"), port("z")))  # and no generation was counted
    reconciler.wake()
    reconciler.reconcile()
    assert driver.state != worker.state, "nobody said anything"
    monkeypatch.setattr("pileus_network.agent.reconciler.AUDIT_S", 0.0)
    reconciler.wake()
    reconciler.reconcile()
    assert driver.state == worker.state and worker.applied_calls[-1][1] == Report(("a", "z"))
