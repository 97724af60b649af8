"""`/operations/hosts`: every host says what is on its machine; a silent one is named, and no host may ask another."""

import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pileus_compute.agent.endpoint import HostEndpoint
from pileus_compute.db.models import Host
from pileus_compute.drivers.fake import Fake
from pileus_compute.rpc import HostAgent
from pileus_compute.testing import ComputeFixture
from pileus_kit.db import count_statements, now
from pileus_kit.inspection import TIMEOUT_S, Inspection, inspect_machine
from pileus_kit.rpc import Bus, Refused
from pileus_kit.testing import Client

PATH = "/operations/hosts"


@pytest.fixture
def admin(compute: ComputeFixture) -> Client:
    return Client(compute.app, "compute", as_=compute.book.admin)


def inspected(admin: Client, query: str = "") -> dict[str, dict[str, Any]]:
    answer = admin.get(f"{PATH}{query}")
    assert answer.status_code == 200, answer.text
    return {row["host"]: row for row in answer.json["hosts"]}


def test_every_host_is_asked_and_the_silent_ones_are_named(compute: ComputeFixture, admin: Client) -> None:
    for name in ("host2", "host3"):
        compute.add_host(name)
    compute.add_host("host4").down = True
    with compute.sessions.begin() as session:
        session.get_one(Host, "host3").seen_at = now() - timedelta(hours=1)
    found = inspected(admin)
    assert list(found) == ["host1", "host2", "host3", "host4"]
    for name in ("host1", "host2"):
        assert found[name]["silence"] is None and abs(found[name]["clock_skew_s"]) < 5
        inspection = found[name]["inspection"]
        assert inspection["host"] == name and inspection["guests"] is None, "a fake hypervisor has no domains"
        assert inspection["machine"]["disk_bytes"] >= inspection["machine"]["disk_free_bytes"] > 0
    assert found["host3"]["silence"].startswith("has not been heard of since")
    assert "does not answer" in found["host4"]["silence"] and found["host4"]["inspection"] is None


def test_hosts_come_in_pages_at_the_same_cost(compute: ComputeFixture, admin: Client) -> None:
    with count_statements(compute.sessions) as few:
        inspected(admin)
    for number in range(2, 7):
        compute.add_host(f"host{number}")
    with count_statements(compute.sessions) as many:
        assert list(inspected(admin, "?limit=2&marker=host3")) == ["host4", "host5"]
    assert len(many) == len(few)
    assert list(inspected(admin, "?host=host5")) == ["host5"] and not inspected(admin, "?host=nowhere")
    assert admin.get(f"{PATH}?limit=x").status_code == 400
    assert admin.get(f"{PATH}?all=1").status_code == 400


class Hanging(HostEndpoint):
    """An agent that doesn't answer before the test is over."""

    def __init__(self, scratch: Path) -> None:
        super().__init__(Fake("hanging"), scratch)
        self.is_over = threading.Event()

    def inspect(self) -> Inspection:
        self.is_over.wait(60)
        return Inspection("hanging", inspect_machine(self.scratch))


@pytest.fixture
def bus() -> Iterator[Bus]:
    found = Bus("fake://compute@/")
    yield found
    found.close()


def test_hosts_that_hang_are_waited_for_together(
    compute: ComputeFixture, admin: Client, bus: Bus, tmp_path: Path
) -> None:
    agents = [Hanging(tmp_path) for _ in range(3)]
    servers = []
    for number, agent in enumerate(agents):
        name = f"hanging{number}"
        compute.add_host(name)
        servers.append(bus.serve(agent, name, threads=1))
        compute.tools._agents[name] = bus.client(HostAgent, name)
    began = time.monotonic()
    found = inspected(admin)
    took = time.monotonic() - began
    for agent in agents:
        agent.is_over.set()
    for server in servers:
        server.stop()
    assert [name for name, row in found.items() if row["silence"]] == ["hanging0", "hanging1", "hanging2"]
    assert found["host1"]["inspection"], "the others are seen all the same"
    assert took < len(agents) * TIMEOUT_S, "one after the other would take as long as that"


def test_a_host_may_not_inspect_another(compute: ComputeFixture, bus: Bus, tmp_path: Path) -> None:
    machine = inspect_machine(tmp_path)
    server = bus.serve(HostEndpoint(Fake("a"), tmp_path, inspection=lambda: Inspection("a", machine)), "a")
    thief = Bus("fake://compute%40b@/")
    try:
        assert bus.client(HostAgent, "a").inspect() == Inspection("a", machine)
        with pytest.raises(Refused, match=r"compute@b may not call compute\.agent\.inspect"):
            thief.client(HostAgent, "a").inspect()
    finally:
        thief.close()
        server.stop()
