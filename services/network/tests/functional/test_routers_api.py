"""Routers: gateways, interfaces, routes."""

from typing import Any

import pytest

from pileus_network.testing import NetworkFixture

Net = tuple[str, str]


@pytest.fixture
def net(network: NetworkFixture) -> Net:
    made = network.made("network", {})
    return made["id"], network.made("subnet", {"network_id": made["id"], "ip_version": 4, "cidr": "10.0.0.0/24"})["id"]


def test_create_show_list_update_delete(network: NetworkFixture, ask: Any) -> None:
    made = network.made("router", {"name": "r", "admin_state_up": False})
    assert made["external_gateway_info"] is None and made["routes"] == [] and made["status"] == "ACTIVE"
    assert "distributed" not in made and "ha" not in made
    assert (
        ask("PUT", f"routers/{made['id']}", {"router": {"name": "s", "admin_state_up": True}})[1]["router"]["name"]
        == "s"
    )
    assert [r["id"] for r in ask("GET", "routers?name=s")[1]["routers"]] == [made["id"]]
    assert ask("GET", f"routers/{made['id']}", as_=network.book.other) == (404, "RouterNotFound")
    assert ask("PUT", f"routers/{made['id']}", {"router": {"name": "s"}}, as_=network.book.other) == (
        404,
        "RouterNotFound",
    )
    assert ask("DELETE", f"routers/{made['id']}")[0] == 204
    assert ask("GET", f"routers/{made['id']}") == (404, "RouterNotFound")


def test_gateway(network: NetworkFixture, ask: Any, net: Net) -> None:
    public, book = network.public(), network.book
    url = f"routers/{network.made('router', {})['id']}"

    def set_gateway(info: Any, as_: Any = None) -> tuple[int, Any]:
        status, body = ask("PUT", url, {"router": {"external_gateway_info": info}}, as_=as_)
        return status, body["router"]["external_gateway_info"] if status == 200 else body

    assert set_gateway({"network_id": net[0]}) == (400, "BadRequest")
    assert set_gateway({"network_id": "00000000-0000-0000-0000-00000000000a"}) == (404, "NetworkNotFound")
    assert set_gateway({"colour": "red"}) == (400, "HTTPBadRequest")
    assert set_gateway({"enable_snat": True}) == (400, "HTTPBadRequest")
    assert set_gateway({"network_id": public["id"], "enable_snat": False}) == (403, "PolicyNotAuthorized")
    status, info = set_gateway({"network_id": public["id"]})
    assert status == 200 and info["enable_snat"] is True
    assert info["external_fixed_ips"][0]["ip_address"].startswith("172.24.4.")
    exact = [{"ip_address": "172.24.4.77"}]
    assert set_gateway({"network_id": public["id"], "external_fixed_ips": exact})[0] == 403
    info = set_gateway({"network_id": public["id"], "external_fixed_ips": exact, "enable_snat": False}, book.admin)[1]
    assert info["external_fixed_ips"][0]["ip_address"] == "172.24.4.77" and info["enable_snat"] is False
    gateways = ask("GET", "ports?device_owner=network:router_gateway", as_=book.admin)[1]["ports"]
    assert len(gateways) == 1 and gateways[0]["project_id"] == "" and gateways[0]["binding:host_id"] == "host1"
    assert ask("GET", f"ports/{gateways[0]['id']}", as_=book.other)[0] == 404
    assert set_gateway({}) == (200, None)
    assert ask("GET", "ports?device_owner=network:router_gateway", as_=book.admin)[1]["ports"] == []
    set_gateway({"network_id": public["id"]})
    assert ask("DELETE", url)[0] == 204, "a gateway alone doesn't hold a router"


def test_interfaces_by_subnet_and_by_port(network: NetworkFixture, ask: Any, net: Net) -> None:
    router = network.made("router", {})["id"]
    status, body = ask("PUT", f"routers/{router}/add_router_interface", {"subnet_id": net[1]})
    assert status == 200 and (body["id"], body["subnet_id"], body["subnet_ids"]) == (router, net[1], [net[1]])
    port = ask("GET", f"ports/{body['port_id']}")[1]["port"]
    assert port["fixed_ips"] == [{"subnet_id": net[1], "ip_address": "10.0.0.1"}]
    assert (port["device_id"], port["device_owner"], port["security_groups"]) == (
        router,
        "network:router_interface",
        [],
    )
    assert ask("PUT", f"routers/{router}/add_router_interface", {"subnet_id": net[1]}) == (400, "BadRequest")
    assert ask("DELETE", f"routers/{router}") == (409, "RouterInUse")
    assert ask("DELETE", f"subnets/{net[1]}") == (409, "SubnetInUse")
    assert ask("PUT", f"routers/{router}/remove_router_interface", {"subnet_id": net[1]})[0] == 200
    assert ask("PUT", f"routers/{router}/remove_router_interface", {"subnet_id": net[1]}) == (
        404,
        "RouterInterfaceNotFoundForSubnet",
    )
    mine = network.made("port", {"network_id": net[0]})["id"]
    assert ask("PUT", f"routers/{router}/add_router_interface", {"port_id": mine})[1]["port_id"] == mine
    other = network.made("router", {})["id"]
    assert ask("PUT", f"routers/{other}/add_router_interface", {"port_id": mine}) == (409, "PortInUse")
    assert ask("PUT", f"routers/{other}/remove_router_interface", {"port_id": mine}) == (404, "RouterInterfaceNotFound")
    assert ask("PUT", f"routers/{router}/remove_router_interface", {"port_id": mine})[0] == 200
    assert ask("GET", f"ports/{mine}") == (404, "PortNotFound")


@pytest.mark.parametrize("body", [{}, {"subnet_id": "x"}, {"colour": "red"}, {"subnet_id": None}])
def test_bad_interfaces(network: NetworkFixture, ask: Any, body: Any) -> None:
    router = network.made("router", {})["id"]
    for action in ("add_router_interface", "remove_router_interface"):
        assert ask("PUT", f"routers/{router}/{action}", body)[0] == 400


def test_interfaces_that_are_refused(network: NetworkFixture, ask: Any, net: Net) -> None:
    router, book = network.made("router", {})["id"], network.book
    url = f"routers/{router}/add_router_interface"
    assert ask("PUT", url, {"subnet_id": "00000000-0000-0000-0000-00000000000a"}) == (404, "SubnetNotFound")
    both = {"subnet_id": net[1], "port_id": network.made("port", {"network_id": net[0]})["id"]}
    assert ask("PUT", url, both) == (400, "BadRequest")
    assert ask("PUT", url, {"subnet_id": net[1]}, as_=book.other) == (404, "RouterNotFound")
    theirs = network.made("network", {"shared": True, "project_id": "p2"}, book.admin)["id"]
    subnet = network.made(
        "subnet", {"network_id": theirs, "ip_version": 4, "cidr": "10.7.0.0/24", "project_id": "p2"}, book.admin
    )["id"]
    assert ask("PUT", url, {"subnet_id": subnet}) == (400, "BadRequest")
    twin = network.made("network", {})["id"]
    overlapping = network.made("subnet", {"network_id": twin, "ip_version": 4, "cidr": "10.0.0.0/16"})["id"]
    assert ask("PUT", url, {"subnet_id": net[1]})[0] == 200
    assert ask("PUT", url, {"subnet_id": overlapping}) == (400, "BadRequest")
    bare = network.made("subnet", {"network_id": twin, "ip_version": 4, "cidr": "10.8.0.0/24", "gateway_ip": None})[
        "id"
    ]
    assert ask("PUT", url, {"subnet_id": bare}) == (400, "BadRequest")
    second = network.made("router", {})["id"]
    assert ask("PUT", f"routers/{second}/add_router_interface", {"subnet_id": net[1]}) == (409, "IpAddressInUse")


def test_routes(network: NetworkFixture, ask: Any, net: Net) -> None:
    router = network.made("router", {})["id"]
    url = f"routers/{router}"
    ask("PUT", f"{url}/add_router_interface", {"subnet_id": net[1]})
    one = {"destination": "192.168.0.0/24", "nexthop": "10.0.0.50"}
    two = {"destination": "192.168.1.0/24", "nexthop": "10.0.0.51"}
    assert ask("PUT", url, {"router": {"routes": [one]}})[1]["router"]["routes"] == [one]
    for bad in ({**one, "nexthop": "10.1.0.1"}, {**one, "nexthop": "10.0.0.1"}):
        assert ask("PUT", url, {"router": {"routes": [bad]}}) == (400, "InvalidRoutes")
    assert ask("PUT", url, {"router": {"routes": [{"destination": "x", "nexthop": "y"}]}}) == (400, "HTTPBadRequest")
    body = ask("PUT", f"{url}/add_extraroutes", {"router": {"routes": [one, two]}})[1]
    assert body["router"]["routes"] == [one, two]
    assert ask("PUT", f"{url}/remove_router_interface", {"subnet_id": net[1]}) == (409, "RouterInterfaceInUseByRoute")
    assert ask("PUT", f"{url}/remove_extraroutes", {"router": {"routes": [one]}})[1]["router"]["routes"] == [two]
    assert ask("PUT", url, {"router": {"routes": []}})[1]["router"]["routes"] == []
    assert ask("PUT", f"{url}/remove_router_interface", {"subnet_id": net[1]})[0] == 200


def test_routers_spread_and_move(network: NetworkFixture, ask: Any, net: Net) -> None:
    book = network.book
    public = network.public()
    network.hello("host2", "192.0.2.2")
    hosts = set()
    for _ in range(4):
        router = network.made("router", {"external_gateway_info": {"network_id": public["id"]}})["id"]
        hosts.add(ask("GET", f"routers/{router}/l3-agents", as_=book.admin)[1]["agents"][0]["host"])
    assert hosts == {"host1", "host2"}


def test_a_router_without_a_host_gets_one_when_an_agent_comes(tmp_path: Any) -> None:
    with NetworkFixture(tmp_path, hosts=()) as network:
        book, client = network.book, network.client
        public = network.public()
        net = network.made("network", {})["id"]
        subnet = network.made("subnet", {"network_id": net, "ip_version": 4, "cidr": "10.0.0.0/24"})["id"]
        router = network.made("router", {"external_gateway_info": {"network_id": public["id"]}})["id"]
        client.put(f"/v2.0/routers/{router}/add_router_interface", json={"subnet_id": subnet}, as_=book.member)
        ports = client.get("/v2.0/ports", as_=book.admin).get_json()["ports"]
        assert {p["binding:host_id"] for p in ports} == {""}
        network.hello("late", "192.0.2.9")
        ports = client.get("/v2.0/ports", as_=book.admin).get_json()["ports"]
        assert {p["binding:host_id"] for p in ports} == {"late"}
        network.wire("late")
        assert {p["status"] for p in client.get("/v2.0/ports", as_=book.admin).get_json()["ports"]} == {"ACTIVE"}


def test_a_gateway_on_a_network_without_subnets(network: NetworkFixture, ask: Any) -> None:
    requested = {"router:external": True, "provider:network_type": "flat", "provider:physical_network": "public"}
    bare = network.made("network", requested, network.book.admin)["id"]
    router = network.made("router", {"external_gateway_info": {"network_id": bare}})
    assert router["external_gateway_info"]["external_fixed_ips"] == []
