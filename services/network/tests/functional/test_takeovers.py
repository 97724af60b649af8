"""A host that falls silent loses its DHCP ports and routers to others, which were heard all the time."""

from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import update

from pileus_kit.db import count_statements, now
from pileus_network.core import scheduler, takeovers
from pileus_network.db.models import Host
from pileus_network.rpc import Report
from pileus_network.testing import NetworkFixture

LONG, SHORT = scheduler.TAKEOVER_TIME + timedelta(seconds=2), timedelta(seconds=3)


@pytest.fixture
def router(network: NetworkFixture, ask: Any) -> str:
    """A router between an external network and one with DHCP, all on host1; then host2 appears."""
    network.hello("host1", "192.0.2.1")
    net = network.made("network", {})["id"]
    subnet = network.made("subnet", {"network_id": net, "ip_version": 4, "cidr": "10.0.0.0/24"})["id"]
    public = network.public()["id"]
    made = network.made("router", {"external_gateway_info": {"network_id": public}})["id"]
    assert ask("PUT", f"routers/{made}/add_router_interface", {"subnet_id": subnet})[0] == 200
    port = network.made("port", {"network_id": net})["id"]
    network.made("floatingip", {"floating_network_id": public, "port_id": port})
    network.drain()
    assert whereabouts(network, ask, made) == {"host1"}
    network.hello("host2", "192.0.2.2")
    return str(made)


def whereabouts(network: NetworkFixture, ask: Any, router: str) -> set[str]:
    """The hosts of the router, its ports and the DHCP ports."""
    admin = network.book.admin
    ports = ask("GET", "ports", as_=admin)[1]["ports"]
    served = {
        port["binding:host_id"]
        for port in ports
        if port["device_owner"].startswith("network:") and "float" not in port["device_owner"]
    }
    return served | {agent["host"] for agent in ask("GET", f"routers/{router}/l3-agents", as_=admin)[1]["agents"]}


def heard(network: NetworkFixture, host: str, ago: timedelta, since: timedelta = timedelta(hours=1)) -> None:
    """The host's last heartbeat was so long ago, and there was no gap before it for so long."""
    with network.sessions.begin() as session:
        session.execute(update(Host).where(Host.name == host).values(seen_at=now() - ago, heard_since=now() - since))


def test_others_take_over_from_a_host_that_fell_silent(network: NetworkFixture, ask: Any, router: str) -> None:
    heard(network, "host1", LONG)
    heard(network, "host2", SHORT)
    network.control.replace_silent_hosts()
    assert whereabouts(network, ask, router) == {"host2"}
    floating = ask("GET", "floatingips")[1]["floatingips"][0]
    assert floating["status"] == "DOWN", "until the new host says that it leads somewhere"
    assert set(network.notifications.hosts) == {"host1", "host2"}
    network.drain()
    assert ask("GET", "floatingips")[1]["floatingips"][0]["status"] == "ACTIVE"
    state = network.control.get_host_state("host1", -1)
    assert state is not None and not state.routers, "when it is back, it learns that it has nothing to do any more"
    network.hello("host1", "192.0.2.1")
    network.control.replace_silent_hosts()
    assert whereabouts(network, ask, router) == {"host2"}, "nothing moves back by itself"


def test_a_late_heartbeat_moves_nothing(network: NetworkFixture, ask: Any, router: str) -> None:
    heard(network, "host1", SHORT)
    heard(network, "host2", SHORT)
    network.control.replace_silent_hosts()
    assert whereabouts(network, ask, router) == {"host1"}


def test_when_all_were_silent_the_first_that_is_back_takes_nothing(
    network: NetworkFixture, ask: Any, router: str
) -> None:
    """The bus was away, not the hosts."""
    heard(network, "host1", LONG)
    heard(network, "host2", LONG)
    network.control.replace_silent_hosts()
    network.hello("host2", "192.0.2.2")
    network.control.replace_silent_hosts()
    assert whereabouts(network, ask, router) == {"host1"}
    network.hello("host1", "192.0.2.1")
    heard(network, "host2", SHORT, since=LONG)
    network.control.replace_silent_hosts()
    assert whereabouts(network, ask, router) == {"host1"}


def test_a_report_is_no_proof_that_the_bus_was_there_all_the_time(
    network: NetworkFixture, ask: Any, router: str
) -> None:
    """The first that says something after a silence of all may send a report before its heartbeat."""
    heard(network, "host1", LONG)
    heard(network, "host2", LONG)
    network.control.report_state("host2", 100, Report())
    network.control.replace_silent_hosts()
    assert whereabouts(network, ask, router) == {"host1"}


def test_the_only_host_keeps_everything(network: NetworkFixture, ask: Any, router: str) -> None:
    with network.sessions.begin() as session:
        session.delete(session.get_one(Host, "host2"))
    heard(network, "host1", LONG)
    network.control.replace_silent_hosts()
    assert whereabouts(network, ask, router) == {"host1"}


def test_what_no_other_host_is_connected_to_stays(network: NetworkFixture, ask: Any, router: str) -> None:
    network.hello("host2", "192.0.2.2", physical_networks=())
    heard(network, "host1", LONG)
    heard(network, "host2", SHORT)
    network.control.replace_silent_hosts()
    admin = network.book.admin
    assert [a["host"] for a in ask("GET", f"routers/{router}/l3-agents", as_=admin)[1]["agents"]] == ["host1"]
    dhcp = ask("GET", "ports?device_owner=network:dhcp", as_=admin)[1]["ports"]
    assert {port["binding:host_id"] for port in dhcp} == {"host2"}, "VXLAN reaches every host"
    with network.sessions.read() as session:
        assert not takeovers.are_due(session), "and nobody looks again and again"


def test_a_disabled_host_takes_nothing_over(network: NetworkFixture, ask: Any, router: str) -> None:
    with network.sessions.begin() as session:
        session.execute(update(Host).where(Host.name == "host2").values(admin_state_up=False))
    heard(network, "host1", LONG)
    heard(network, "host2", SHORT)
    network.control.replace_silent_hosts()
    assert whereabouts(network, ask, router) == {"host1"}


def test_looking_costs_one_statement(network: NetworkFixture, router: str) -> None:
    with count_statements(network.sessions) as seen:
        network.control.replace_silent_hosts()
    assert len(seen) == 1


def test_many_move_to_the_least_loaded(network: NetworkFixture, ask: Any) -> None:
    for _ in range(12):
        net = network.made("network", {})["id"]
        network.made("subnet", {"network_id": net, "ip_version": 4, "cidr": "10.0.0.0/24"})
    network.hello("host2", "192.0.2.2")
    network.hello("host3", "192.0.2.3")
    heard(network, "host1", LONG)
    heard(network, "host2", SHORT)
    heard(network, "host3", SHORT)
    network.control.replace_silent_hosts()
    ports = ask("GET", "ports?device_owner=network:dhcp", as_=network.book.admin)[1]["ports"]
    hosts = [port["binding:host_id"] for port in ports]
    assert (hosts.count("host2"), hosts.count("host3")) == (6, 6)
