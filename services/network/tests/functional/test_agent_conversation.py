"""The real agent with the fake driver, over the bus: a port becomes ACTIVE, and lost notifications are repaired."""

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

from pileus_kit.rpc import Bus
from pileus_network.agent.service import Agent
from pileus_network.clients.agent_notifier import AgentNotifier, HostGeneration, newest_of_each_host
from pileus_network.config import Config
from pileus_network.drivers.base import Settings
from pileus_network.drivers.fake import Fake
from pileus_network.rpc import HostState, Report, ReportChange, SyncTiming
from pileus_network.testing import NetworkFixture
from pileus_network.worker import DatabaseControlPlane

PATIENCE_S = 60  # of a test that waits for an event; it normally takes milliseconds


class Reported(DatabaseControlPlane):
    """Wakes the test after each report."""

    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.heard = threading.Condition()

    def report_state(self, host: str, generation: int, report: Report, took: SyncTiming | None = None) -> None:
        super().report_state(host, generation, report, took)
        with self.heard:
            self.heard.notify_all()

    def report_changes(self, host: str, generation: int, change: ReportChange, took: SyncTiming | None = None) -> None:
        super().report_changes(host, generation, change, took)
        with self.heard:
            self.heard.notify_all()

    def until(self, true: Any) -> None:
        with self.heard:
            assert self.heard.wait_for(true, PATIENCE_S)


def test_over_the_bus(tmp_path: Path) -> None:
    with NetworkFixture(tmp_path, hosts=(), bus="fake://", host="host1", bridge_mappings=("public:br",)) as network:
        config: Config = network.tools.config
        bus = Bus("fake://")
        control_plane = Reported(replace(network.tools, agent_notifier=AgentNotifier("fake://")))
        server = bus.serve(control_plane, "host1")
        driver = Fake(Settings())
        agent = Agent(config, bus, driver)
        agent.start()
        try:
            follow(network, control_plane, driver)
        finally:
            agent.stop()
            server.stop()
            bus.close()


def follow(network: NetworkFixture, control_plane: Reported, driver: Fake) -> None:
    client, book = network.client, network.book
    control_plane.until(lambda: driver.state is not None)
    net = network.made("network", {})["id"]
    network.made("subnet", {"network_id": net, "ip_version": 4, "cidr": "10.0.0.0/24"})
    requested = {"network_id": net, "project_id": "p1", "binding:host_id": "host1", "device_owner": "compute:nova"}
    port = network.made("port", requested, book.service)["id"]
    assert network.notifications.hosts, "the notifications of this API process go nowhere: they are lost"
    control_plane.notify_behind()

    def status() -> str:
        return str(client.get(f"/v2.0/ports/{port}", as_=book.member).get_json()["port"]["status"])

    control_plane.until(lambda: status() == "ACTIVE")
    assert isinstance(driver.state, HostState) and port in {p.id for p in driver.state.ports}
    jobs = client.get("/operations/jobs?flow=host.sync", as_=book.member).get_json()["jobs"]
    events = client.get("/operations/events", as_=book.member).get_json()["events"]
    assert jobs and "get_changes" in {span["name"] for event in events for span in event["spans"]}
    client.delete(f"/v2.0/ports/{port}", as_=book.member)
    control_plane.notify_behind()
    control_plane.until(lambda: port not in {p.id for p in driver.state.ports} if driver.state else False)


def test_of_waiting_notifications_a_host_gets_the_newest() -> None:
    waiting = [("a", 1), ("a", 3), ("b", 1), ("a", 2)]
    sent = newest_of_each_host([HostGeneration(host, generation) for host, generation in waiting])
    assert [(one.host, one.generation) for one in sent] == [("a", 3), ("b", 1)]
