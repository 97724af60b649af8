"""The desired state of hosts, and which hosts a change affects."""

from typing import Any

import pytest
from sqlalchemy import select

from pileus_network import rpc
from pileus_network.db.models import SyncRequest
from pileus_network.rpc import HostState
from pileus_network.testing import NetworkFixture


def state(network: NetworkFixture, host: str = "host1") -> HostState:
    found = network.control.get_host_state(host, -1)
    assert found is not None
    return found


def bound(network: NetworkFixture, net: str, host: str = "host1", **requested: Any) -> dict[str, Any]:
    return network.made(
        "port",
        {
            "network_id": net,
            "project_id": "p1",
            "binding:host_id": host,
            "device_id": "vm",
            "device_owner": "compute:nova",
        }
        | requested,
        network.book.service,
    )


@pytest.fixture
def net(network: NetworkFixture) -> str:
    made = str(network.made("network", {})["id"])
    network.made(
        "subnet",
        {
            "network_id": made,
            "ip_version": 4,
            "cidr": "10.0.0.0/24",
            "dns_nameservers": ["9.9.9.9"],
            "host_routes": [{"destination": "192.168.0.0/16", "nexthop": "10.0.0.9"}],
        },
    )
    return made


def test_a_host_without_ports_has_an_empty_state(network: NetworkFixture) -> None:
    assert state(network) == HostState("host1", state(network).generation)


def test_an_unchanged_generation_gets_no_state(network: NetworkFixture, net: str) -> None:
    now = state(network)
    assert network.control.get_host_state("host1", now.generation) is None
    bound(network, net)
    assert network.control.get_host_state("host1", now.generation) is not None


def test_a_port_with_its_network_groups_and_dhcp(network: NetworkFixture, net: str) -> None:
    port = bound(
        network,
        net,
        allowed_address_pairs=[{"ip_address": "10.0.0.99"}],
        extra_dhcp_opts=[{"opt_name": "mtu", "opt_value": "1400"}],
    )
    told = state(network)
    assert [n.id for n in told.networks] == [net]
    wire = told.networks[0]
    assert (wire.kind, wire.mtu, wire.physical_network, wire.peers) == ("vxlan", 1450, None, ()) and wire.segment
    subnet = wire.subnets[0]
    assert (subnet.cidr, subnet.gateway, subnet.dhcp, subnet.dns) == ("10.0.0.0/24", "10.0.0.1", True, ("9.9.9.9",))
    assert subnet.routes == (rpc.Route("192.168.0.0/16", "10.0.0.9"),)
    ports = {p.device_owner: p for p in told.ports}
    assert set(ports) == {"compute:nova", "network:dhcp"} and all(p.local for p in told.ports)
    mine = ports["compute:nova"]
    assert (mine.id, mine.mac, mine.device_id, mine.project_id) == (port["id"], port["mac_address"], "vm", "p1")
    assert mine.address_pairs == (rpc.AddressPair("10.0.0.99", port["mac_address"]),)
    assert mine.dhcp_options == (rpc.DhcpOption("mtu", "1400", 4),)
    assert [group.id for group in told.security_groups] == port["security_groups"]
    assert {s.group_id: s.addresses for s in told.address_sets} == {
        port["security_groups"][0]: tuple(sorted([port["fixed_ips"][0]["ip_address"], "10.0.0.99"]))
    }


def test_rules_become_numbers(network: NetworkFixture, net: str) -> None:
    group = network.made("security_group", {"name": "g"})["id"]
    base = {"security_group_id": group, "direction": "ingress"}
    for requested in (
        {"protocol": "tcp", "port_range_min": 22, "port_range_max": 23, "remote_ip_prefix": "10.1.1.1/8"},
        {"protocol": "icmpv6", "ethertype": "IPv6", "port_range_min": 128},
        {"protocol": "icmp", "ethertype": "IPv6"},
        {"protocol": "icmp"},
        {"protocol": "47"},
    ):
        network.made("security_group_rule", base | requested)
    bound(network, net, security_groups=[group])
    rules = set(state(network).security_groups[0].rules)
    assert {
        rpc.Rule("ingress", 4, 6, 22, 23, "10.0.0.0/8"),
        rpc.Rule("ingress", 6, 58, 128),
        rpc.Rule("ingress", 6, 58),
        rpc.Rule("ingress", 4, 1),
        rpc.Rule("ingress", 4, 47),
        rpc.Rule("egress", 4),
        rpc.Rule("egress", 6),
    } == rules


def test_two_hosts_know_each_other(network: NetworkFixture, net: str) -> None:
    network.hello("host2", "192.0.2.2")
    first, second = bound(network, net), bound(network, net, "host2")
    one, two = state(network), state(network, "host2")
    assert [(peer.host, peer.address, peer.macs) for peer in one.networks[0].peers] == [
        ("host2", "192.0.2.2", (second["mac_address"],))
    ]
    dhcp = next(p for p in one.ports if p.device_owner == "network:dhcp")
    assert [(peer.host, set(peer.macs)) for peer in two.networks[0].peers] == [
        ("host1", {first["mac_address"], dhcp.mac})
    ]
    assert {p.id: p.local for p in one.ports}[second["id"]] is False, "DHCP answers the ports of other hosts too"
    assert [p.id for p in two.ports] == [second["id"]]
    assert len(one.address_sets[0].addresses) == 2 and one.address_sets == two.address_sets


def test_a_router_with_its_floating_ip(network: NetworkFixture, net: str) -> None:
    public, book = network.public(), network.book
    router = network.made("router", {"external_gateway_info": {"network_id": public["id"]}})
    subnet = network.client.get("/v2.0/subnets?cidr=10.0.0.0/24", as_=book.member).get_json()["subnets"][0]["id"]
    network.client.put(
        f"/v2.0/routers/{router['id']}/add_router_interface", json={"subnet_id": subnet}, as_=book.member
    )
    port = bound(network, net)
    floating = network.made("floatingip", {"floating_network_id": public["id"], "port_id": port["id"]})
    told = state(network)
    lives = told.routers[0]
    owners = {p.id: p.device_owner for p in told.ports if p.local}
    assert lives.id == router["id"] and lives.snat and owners[lives.gateway or ""] == "network:router_gateway"
    assert [owners[interface] for interface in lives.interfaces] == ["network:router_interface"]
    assert lives.floating_ips == (
        rpc.FloatingIp(floating["id"], floating["floating_ip_address"], port["fixed_ips"][0]["ip_address"]),
    )
    flat = next(n for n in told.networks if n.kind == "flat")
    assert (flat.physical_network, flat.mtu, flat.segment) == ("public", 1500, None)


def test_only_affected_hosts_are_notified(network: NetworkFixture, net: str, ask: Any) -> None:
    network.hello("host2", "192.0.2.2")
    network.hello("host3", "192.0.2.3")
    network.drain()

    def notified() -> set[str]:
        hosts = set(network.notifications.hosts)
        network.drain()
        return hosts

    lone = network.made("port", {"network_id": net})
    assert notified() == set(), "no guest can use an unbound port yet"
    bound(network, net, "host2")
    assert notified() == {"host1", "host2"}
    ask("PUT", f"ports/{lone['id']}", {"port": {"name": "x"}})
    assert "host3" not in notified()
    group = ask("GET", "security-groups")[1]["security_groups"][0]["id"]
    network.made("security_group_rule", {"security_group_id": group, "direction": "ingress", "protocol": "tcp"})
    assert notified() == {"host2"}, "only there a port is in the group on a host"
    ask("POST", "networks", {"network": {}})
    ask("POST", "security-groups", {"security_group": {"name": "g"}})
    ask("POST", "routers", {"router": {}})
    assert notified() == set()


def test_reports_change_port_statuses(network: NetworkFixture, net: str, ask: Any) -> None:
    port = bound(network, net)
    generation = state(network).generation
    cause = rpc.Failure("port", port["id"], "no tap")
    network.control.report_state("host1", generation, rpc.Report(failures=(cause,)))
    assert ask("GET", f"ports/{port['id']}")[1]["port"]["status"] == "DOWN"
    agent = ask("GET", "agents", as_=network.book.admin)[1]["agents"][0]
    assert agent["configurations"]["failures"] == [{"kind": "port", "id": port["id"], "cause": "no tap"}]
    network.control.report_state("host1", generation, rpc.Report(ports=(port["id"],)))
    assert ask("GET", f"ports/{port['id']}")[1]["port"]["status"] == "ACTIVE"
    network.control.report_state("host1", generation, rpc.Report())
    assert ask("GET", f"ports/{port['id']}")[1]["port"]["status"] == "DOWN"


def test_a_host_learns_of_an_unbound_port_with_its_next_heartbeat(network: NetworkFixture, net: str) -> None:
    """Its DHCP and metadata answer for the port, but nothing is sent and no sync is recorded."""
    bound(network, net)
    network.drain()
    before = state(network)
    port = network.made("port", {"network_id": net})
    assert network.notifications.hosts == {}
    with network.sessions.read() as session:
        assert session.scalars(select(SyncRequest)).all() == []
    assert network.hello("host1", "192.0.2.1") == before.generation + 1
    assert port["id"] not in {one.id for one in before.ports}
    assert port["id"] in {one.id for one in state(network).ports}
    network.control.notify_behind()
    assert network.notifications.hosts == {"host1": before.generation + 1}


def test_a_floating_ip_is_active_while_an_unbound_port_is_outstanding(
    network: NetworkFixture, net: str, ask: Any
) -> None:
    """Only changes of routers keep the floating IPs of a host waiting."""
    public = network.public()["id"]
    subnet = ask("GET", f"subnets?network_id={net}")[1]["subnets"][0]["id"]
    router = network.made("router", {"external_gateway_info": {"network_id": public}})["id"]
    assert ask("PUT", f"routers/{router}/add_router_interface", {"subnet_id": subnet})[0] == 200
    port = bound(network, net)
    network.drain()
    floating = network.made("floatingip", {"floating_network_id": public, "port_id": port["id"]})["id"]
    found = state(network)
    network.made("port", {"network_id": net})
    network.control.report_state("host1", found.generation - 1, rpc.Report(ports=(port["id"],)))
    assert ask("GET", f"floatingips/{floating}")[1]["floatingip"]["status"] == "DOWN"
    network.control.report_state("host1", found.generation, rpc.Report(ports=(port["id"],)))
    assert ask("GET", f"floatingips/{floating}")[1]["floatingip"]["status"] == "ACTIVE"


def test_hosts_that_are_behind_are_notified_again(network: NetworkFixture, net: str) -> None:
    bound(network, net)
    network.notifications.hosts.clear()  # the notification is lost
    network.control.notify_behind()
    assert network.notifications.hosts == {"host1": state(network).generation}
    network.drain()
    network.control.notify_behind()
    assert network.notifications.hosts == {}
