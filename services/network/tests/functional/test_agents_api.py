"""Agents, and which DHCP ports and routers their hosts have."""

from typing import Any

from sqlalchemy import update

from pileus_kit.db import now
from pileus_network.core import scheduler
from pileus_network.db.models import Host
from pileus_network.testing import NetworkFixture


def test_agents_and_the_networks_and_routers_they_serve(network: NetworkFixture, ask: Any) -> None:
    admin = network.book.admin
    assert ask("GET", "agents") == (200, {"agents": []})
    agents = {a["agent_type"]: a for a in ask("GET", "agents", as_=admin)[1]["agents"]}
    assert set(agents) == {"Linux bridge agent", "DHCP agent", "L3 agent"} and all(a["alive"] for a in agents.values())
    dhcp, l3 = agents["DHCP agent"]["id"], agents["L3 agent"]["id"]
    assert ask("GET", f"agents/{dhcp}", as_=admin)[1]["agent"]["host"] == "host1"
    assert [a["id"] for a in ask("GET", "agents?agent_type=L3+agent&host=host1", as_=admin)[1]["agents"]] == [l3]
    assert [a["id"] for a in ask("GET", "agents?agent_type=DHCP+Agent", as_=admin)[1]["agents"]] == [dhcp]
    net = network.made("network", {})["id"]
    network.made("subnet", {"network_id": net, "ip_version": 4, "cidr": "10.0.0.0/24"})
    assert [n["id"] for n in ask("GET", f"agents/{dhcp}/dhcp-networks", as_=admin)[1]["networks"]] == [net]
    assert [a["id"] for a in ask("GET", f"networks/{net}/dhcp-agents", as_=admin)[1]["agents"]] == [dhcp]
    assert ask("DELETE", f"agents/{dhcp}/dhcp-networks/{net}", as_=admin)[0] == 204
    assert ask("GET", f"networks/{net}/dhcp-agents", as_=admin)[1]["agents"] == []
    assert ask("POST", f"agents/{dhcp}/dhcp-networks", {"network_id": net}, as_=admin)[0] == 201
    assert [a["id"] for a in ask("GET", f"networks/{net}/dhcp-agents", as_=admin)[1]["agents"]] == [dhcp]
    router = network.made("router", {"external_gateway_info": {"network_id": network.public()["id"]}})["id"]
    assert [r["id"] for r in ask("GET", f"agents/{l3}/l3-routers", as_=admin)[1]["routers"]] == [router]
    assert ask("DELETE", f"agents/{l3}/l3-routers/{router}", as_=admin)[0] == 204
    assert ask("GET", f"routers/{router}/l3-agents", as_=admin)[1]["agents"] == []
    assert ask("POST", f"agents/{l3}/l3-routers", {"router_id": router}, as_=admin)[0] == 201
    assert ask("GET", f"agents/{net}", as_=admin) == (404, "AgentNotFound")


def test_a_disabled_host_gets_no_new_dhcp_or_routers(network: NetworkFixture, ask: Any) -> None:
    admin = network.book.admin
    agent = ask("GET", "agents", as_=admin)[1]["agents"][0]["id"]
    assert (
        ask("PUT", f"agents/{agent}", {"agent": {"admin_state_up": False}}, as_=admin)[1]["agent"]["admin_state_up"]
        is False
    )
    router = network.made("router", {"external_gateway_info": {"network_id": network.public()["id"]}})["id"]
    assert ask("GET", f"routers/{router}/l3-agents", as_=admin)[1]["agents"] == []
    assert ask("DELETE", f"agents/{agent}", as_=admin) == (409, "AgentInUse")


def test_a_dead_host_gets_nothing_new_and_its_deletion_reschedules(network: NetworkFixture, ask: Any) -> None:
    admin, public = network.book.admin, network.public()["id"]
    net = network.made("network", {})["id"]
    network.made("subnet", {"network_id": net, "ip_version": 4, "cidr": "10.0.0.0/24"})
    first = network.made("router", {"external_gateway_info": {"network_id": public}})["id"]
    with network.sessions.begin() as session:
        session.execute(update(Host).values(seen_at=now() - scheduler.AGENT_DOWN_TIME))
        scheduler.record_heartbeat(session)
    agent = next(a for a in ask("GET", "agents", as_=admin)[1]["agents"] if a["agent_type"] == "L3 agent")
    assert agent["alive"] is False
    network.hello("host2", "192.0.2.2")
    second = network.made("router", {"external_gateway_info": {"network_id": public}})["id"]
    hosts = {
        router: ask("GET", f"routers/{router}/l3-agents", as_=admin)[1]["agents"][0]["host"]
        for router in (first, second)
    }
    assert hosts == {first: "host1", second: "host2"}, "what lives on a dead host still forwards packets"
    assert ask("DELETE", f"agents/{agent['id']}", as_=admin)[0] == 204
    assert ask("GET", f"routers/{first}/l3-agents", as_=admin)[1]["agents"][0]["host"] == "host2"
    ports = ask("GET", "ports?device_owner=network:dhcp&device_owner=network:router_gateway", as_=admin)[1]["ports"]
    assert {port["binding:host_id"] for port in ports} == {"host2"}


def test_a_host_gets_nothing_that_it_is_not_connected_to(network: NetworkFixture, ask: Any) -> None:
    admin, public = network.book.admin, network.public()["id"]
    router = network.made("router", {"external_gateway_info": {"network_id": public}})["id"]
    flat = {"provider:network_type": "vlan", "provider:physical_network": "public", "provider:segmentation_id": 7}
    net = network.made("network", flat, admin)["id"]
    network.made("subnet", {"network_id": net, "ip_version": 4, "cidr": "10.0.0.0/24"}, admin)
    network.hello("host2", "192.0.2.2", physical_networks=())
    agents = {a["agent_type"]: a["id"] for a in ask("GET", "agents?host=host2", as_=admin)[1]["agents"]}
    path = f"agents/{agents['L3 agent']}/l3-routers"
    assert ask("POST", path, {"router_id": router}, as_=admin) == (409, "RouterSchedulingFailed")
    path = f"agents/{agents['DHCP agent']}/dhcp-networks"
    assert ask("POST", path, {"network_id": net}, as_=admin) == (409, "NetworkSchedulingFailed")
    assert [a["host"] for a in ask("GET", f"routers/{router}/l3-agents", as_=admin)[1]["agents"]] == ["host1"]
