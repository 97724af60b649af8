"""Worker, agent and broker are killed with SIGKILL in the middle of ten server creations: nothing is stuck or lost."""

import json
import os
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from clients import Cloud, wait_until
from leftovers import Traces

SERVERS = 10
VICTIMS = ("compute-worker", "compute-agent", "rabbitmq")
MINUTE = 60.0  # seconds


@pytest.fixture
def roomy(cloud: Cloud, admin: Cloud) -> Any:
    """The demo user's connection, with quota for all of the servers."""
    connection = cloud.sdk()
    admin.sdk().set_compute_quotas(connection.current_project_id, instances=40, cores=80)
    yield connection
    for server in connection.compute.servers():
        if server.name.startswith(("crash-", "short-")):
            connection.compute.delete_server(server)


def supervised(state: Path) -> dict[str, Any]:
    return json.loads((state / "run" / "supervisor.json").read_text())["processes"]  # type: ignore[no-any-return]


def kill(state: Path, name: str) -> None:
    """SIGKILL for the process and all of its children; then wait until the supervisor has a new one."""
    pid = supervised(state)[name]["pid"]
    os.killpg(pid, signal.SIGKILL)
    wait_until(f"{name} is back", lambda: supervised(state)[name]["pid"] not in (0, pid), 60, every=0.1)


def test_ten_creations_survive_killing_worker_agent_and_broker(roomy: Any, state: Path) -> None:
    connection = roomy
    before = Traces(state)
    image = connection.image.find_image("pileus-test")
    flavor = connection.compute.find_flavor("m1.nano")
    network = connection.network.find_network("private")
    servers = [
        connection.compute.create_server(
            name=f"crash-{i}", image_id=image.id, flavor_id=flavor.id, networks=[{"uuid": network.id}]
        )
        for i in range(SERVERS)
    ]
    for victim in VICTIMS:
        time.sleep(0.5)  # somewhere in the middle
        kill(state, victim)
    found: dict[str, str] = {}

    def at_rest() -> bool:
        found.update({s.id: s.status for s in connection.compute.servers() if s.name.startswith("crash-")})
        return len(found) == SERVERS and all(status in ("ACTIVE", "ERROR") for status in found.values())

    wait_until("all at rest", at_rest, 3 * MINUTE)
    for server in servers:
        shown = connection.compute.get_server(server.id)
        if shown.status == "ERROR":
            assert shown.fault and shown.fault["message"], f"{server.id} failed without a reason"
    for server in servers:
        connection.compute.delete_server(server.id)
    for server in servers:
        connection.compute.wait_for_delete(server, interval=1, wait=120)
    before.assert_nothing_new(60)


def test_a_deleted_build_leaves_nothing(roomy: Any, state: Path) -> None:
    """DELETE while the server is being built."""
    connection = roomy
    before = Traces(state)
    image = connection.image.find_image("pileus-test")
    flavor = connection.compute.find_flavor("m1.nano")
    network = connection.network.find_network("private")
    for i in range(5):
        server = connection.compute.create_server(
            name=f"short-{i}", image_id=image.id, flavor_id=flavor.id, networks=[{"uuid": network.id}]
        )
        time.sleep(0.15 * i)  # earlier and later in the build
        connection.compute.delete_server(server.id)
        connection.compute.wait_for_delete(server, interval=0.5, wait=60)
    before.assert_nothing_new(60)
