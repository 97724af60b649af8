"""Machines whose clocks differ: hosts are alive by the clock of the worker that records their heartbeats."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from pileus_kit.db import now
from pileus_network.core import scheduler
from pileus_network.db.models import Host, WorkerHeartbeat
from pileus_network.rpc import Report
from pileus_network.testing import NetworkFixture


def shift(network: NetworkFixture, heard: timedelta, beat: timedelta) -> None:
    """As if the worker had heard of all hosts, and noted the time, so long ago by our clock."""
    with network.sessions.begin() as session:
        session.execute(update(Host).values(seen_at=now() - heard))
        session.merge(WorkerHeartbeat(name=scheduler.WORKER, at=now() - beat))


@pytest.mark.parametrize("minutes", [-12, -5, 0, 5, 12])
def test_a_network_is_served_though_the_workers_clock_differs(network: NetworkFixture, ask: Any, minutes: int) -> None:
    shift(network, timedelta(minutes=minutes, seconds=20), timedelta(minutes=minutes))
    assert all(agent["alive"] for agent in ask("GET", "agents", as_=network.book.admin)[1]["agents"])
    net = network.made("network", {})["id"]
    network.made("subnet", {"network_id": net, "ip_version": 4, "cidr": "10.0.0.0/24"})
    served = ask("GET", f"ports?network_id={net}&device_owner=network:dhcp", as_=network.book.admin)[1]["ports"]
    assert [port["binding:host_id"] for port in served] == ["host1"]


@pytest.mark.parametrize("minutes", [-12, -5, 0, 5, 12])
def test_a_silent_host_is_dead_by_any_clock(network: NetworkFixture, ask: Any, minutes: int) -> None:
    shift(network, timedelta(minutes=minutes) + scheduler.AGENT_DOWN_TIME, timedelta(minutes=minutes))
    alive = {agent["alive"] for agent in ask("GET", "agents", as_=network.book.admin)[1]["agents"]}
    # A word from ahead of our time is only as good as the worker's clock says; near our time ours counts as well.
    assert alive == {False} or abs(minutes * 60 + 75) < 75


def test_a_stopped_worker_s_clock_is_ignored(network: NetworkFixture, ask: Any) -> None:
    shift(network, timedelta(hours=1), timedelta(hours=1))
    assert not any(agent["alive"] for agent in ask("GET", "agents", as_=network.book.admin)[1]["agents"])


def test_a_late_copy_of_an_old_report_changes_nothing(network: NetworkFixture, ask: Any) -> None:
    net = network.made("network", {})["id"]
    requested = {"network_id": net, "project_id": "p1", "binding:host_id": "host1", "device_owner": "compute:nova"}
    first = network.made("port", requested, network.book.service)["id"]
    old = network.control.get_host_state("host1", -1)
    network.drain()
    second = network.made("port", requested, network.book.service)["id"]
    network.drain()
    assert old is not None
    network.control.report_state("host1", old.generation, Report(ports=(first,)))
    network.control.report_state("host1", old.generation - 1, Report(ports=("gone",)))
    assert {ask("GET", f"ports/{one}")[1]["port"]["status"] for one in (first, second)} == {"ACTIVE"}
