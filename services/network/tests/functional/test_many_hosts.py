"""Heartbeats, takeovers and placing cost the same with few hosts and with many."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from pileus_kit.db import count_statements, now
from pileus_network.core import takeovers
from pileus_network.db.models import Host
from pileus_network.testing import NetworkFixture

FEW, MANY = 10, 200


@pytest.fixture
def network(tmp_path: Path) -> Iterator[NetworkFixture]:
    found = NetworkFixture(tmp_path)
    yield found
    found.close()


def add_hosts(network: NetworkFixture, first: int, last: int) -> None:
    """Add hosts that reported just now."""
    with network.sessions.begin() as session:
        for number in range(first, last):
            physical = ["public"] if number % 2 else []
            session.add(Host(name=f"many{number:04}", physical_networks=physical, tunnel_address=f"192.0.2.{number}"))


@contextmanager
def hosts_loaded() -> Iterator[list[object]]:
    """Collect the hosts that become objects."""
    found: list[object] = []

    def note(target: object, *_: object) -> None:
        found.append(target)

    event.listen(Host, "load", note)
    try:
        yield found
    finally:
        event.remove(Host, "load", note)


def heartbeat(network: NetworkFixture) -> None:
    network.hello("host1", "192.0.2.1")


def place(network: NetworkFixture) -> None:
    """Make a network with DHCP, which a host is chosen for."""
    made = network.made("network", {"name": "n"})
    network.made("subnet", {"network_id": made["id"], "ip_version": 4, "cidr": "10.1.0.0/24"})


def look_for_silent(network: NetworkFixture) -> None:
    network.control.replace_silent_hosts()


@pytest.mark.parametrize("work", [heartbeat, place, look_for_silent])
def test_what_hosts_cost_does_not_grow_with_their_number(
    network: NetworkFixture, work: Callable[[NetworkFixture], None]
) -> None:
    def cost() -> tuple[int, int]:
        with count_statements(network.sessions) as statements, hosts_loaded() as hosts:
            work(network)
        return len(statements), len(hosts)

    add_hosts(network, 2, FEW)
    cost()
    few = cost()
    add_hosts(network, FEW, MANY)
    assert cost() == few


def test_a_host_that_is_off_for_long_and_has_nothing_costs_a_look(network: NetworkFixture) -> None:
    add_hosts(network, 2, MANY)
    with network.sessions.begin() as session:
        for host in session.query(Host):
            host.heard_since = now() - timedelta(hours=1)
        session.get_one(Host, "many0100").seen_at = now() - timedelta(hours=1)
    with network.sessions.read() as session, count_statements(network.sessions) as statements:
        assert not takeovers.are_due(session)
    assert len(statements) == 4 and not [one for one in statements if "count(" in one], "no host is counted"
