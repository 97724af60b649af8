"""Floating IPs: creation, association, refusals."""

from dataclasses import dataclass
from typing import Any

import pytest

from pileus_network.testing import NetworkFixture


@dataclass
class Site:
    public: str
    net: str
    subnet: str
    router: str
    port: dict[str, Any]


@pytest.fixture
def site(network: NetworkFixture, ask: Any) -> Site:
    public, net = network.public()["id"], network.made("network", {})["id"]
    subnet = network.made("subnet", {"network_id": net, "ip_version": 4, "cidr": "10.0.0.0/24"})["id"]
    router = network.made("router", {"external_gateway_info": {"network_id": public}})["id"]
    ask("PUT", f"routers/{router}/add_router_interface", {"subnet_id": subnet})
    return Site(public, net, subnet, router, network.made("port", {"network_id": net}))


def make(ask: Any, site: Site, as_: Any = None, **requested: Any) -> tuple[int, Any]:
    status, body = ask("POST", "floatingips", {"floatingip": {"floating_network_id": site.public} | requested}, as_=as_)
    return status, body["floatingip"] if status == 201 else body


def test_free_then_associated_then_free(network: NetworkFixture, ask: Any, site: Site) -> None:
    made = make(ask, site)[1]
    assert (made["status"], made["port_id"], made["router_id"], made["port_details"]) == ("DOWN", None, None, None)
    url = f"floatingips/{made['id']}"
    body = ask("PUT", url, {"floatingip": {"port_id": site.port["id"]}})[1]["floatingip"]
    assert (body["port_id"], body["router_id"]) == (site.port["id"], site.router)
    assert (
        body["fixed_ip_address"] == site.port["fixed_ips"][0]["ip_address"]
        and body["port_details"]["network_id"] == site.net
    )
    network.drain()
    assert ask("GET", url)[1]["floatingip"]["status"] == "ACTIVE"
    body = ask("PUT", url, {"floatingip": {"description": "d"}})[1]["floatingip"]
    assert body["port_id"] == site.port["id"] and body["description"] == "d"
    body = ask("PUT", url, {"floatingip": {"port_id": None}})[1]["floatingip"]
    assert (body["status"], body["port_id"], body["fixed_ip_address"], body["router_id"]) == ("DOWN", None, None, None)
    assert ask("DELETE", url)[0] == 204 and ask("GET", url) == (404, "FloatingIPNotFound")
    assert ask("GET", "ports?device_owner=network:floatingip", as_=network.book.admin)[1] == {"ports": []}


def test_a_floating_ip_is_down_while_its_router_has_no_host(network: NetworkFixture, ask: Any, site: Site) -> None:
    admin, url = network.book.admin, f"floatingips/{make(ask, site, port_id=site.port['id'])[1]['id']}"
    network.drain()
    assert ask("GET", url)[1]["floatingip"]["status"] == "ACTIVE"
    agent = ask("GET", f"routers/{site.router}/l3-agents", as_=admin)[1]["agents"][0]["id"]
    assert ask("DELETE", f"agents/{agent}/l3-routers/{site.router}", as_=admin)[0] == 204
    assert ask("GET", url)[1]["floatingip"]["status"] == "DOWN"
    network.drain()
    assert ask("GET", url)[1]["floatingip"]["status"] == "DOWN"
    assert ask("POST", f"agents/{agent}/l3-routers", {"router_id": site.router}, as_=admin)[0] == 201
    network.drain()
    assert ask("GET", url)[1]["floatingip"]["status"] == "ACTIVE"


def test_a_port_without_a_project_holds_the_address(network: NetworkFixture, ask: Any, site: Site) -> None:
    made = make(ask, site)[1]
    ports = ask("GET", "ports?device_owner=network:floatingip", as_=network.book.admin)[1]["ports"]
    assert [(p["device_id"], p["project_id"], p["fixed_ips"][0]["ip_address"]) for p in ports] == [
        (made["id"], "", made["floating_ip_address"])
    ]
    assert ask("DELETE", f"ports/{ports[0]['id']}", as_=network.book.admin) == (409, "ServicePortInUse")


def test_what_is_refused(network: NetworkFixture, ask: Any, site: Site) -> None:
    book, nowhere = network.book, "00000000-0000-0000-0000-00000000000a"
    assert make(ask, site, floating_network_id=site.net) == (400, "BadRequest")
    assert make(ask, site, floating_network_id=nowhere) == (404, "NetworkNotFound")
    assert ask("POST", "floatingips", {"floatingip": {}}) == (400, "HTTPBadRequest")
    assert make(ask, site, port_id=nowhere) == (404, "PortNotFound")
    assert make(ask, site, port_id=site.port["id"], fixed_ip_address="10.0.0.250") == (400, "BadRequest")
    assert make(ask, site, fixed_ip_address="10.0.0.250") == (400, "BadRequest")
    assert make(ask, site, floating_ip_address="172.24.4.9") == (403, "PolicyNotAuthorized")
    assert make(ask, site, as_=book.admin, floating_ip_address="172.24.4.9")[1]["floating_ip_address"] == "172.24.4.9"
    assert make(ask, site, as_=book.admin, floating_ip_address="172.24.4.9") == (409, "IpAddressInUse")
    assert make(ask, site, as_=book.admin, floating_ip_address="1.2.3.4") == (400, "InvalidIpForNetwork")
    assert make(ask, site, port_id=site.port["id"])[0] == 201
    assert make(ask, site, port_id=site.port["id"]) == (409, "FloatingIPPortAlreadyAssociated")
    lonely = network.made("network", {})["id"]
    network.made("subnet", {"network_id": lonely, "ip_version": 4, "cidr": "10.5.0.0/24"})
    port = network.made("port", {"network_id": lonely})["id"]
    assert make(ask, site, port_id=port) == (404, "ExternalGatewayForFloatingIPNotFound")
    theirs = network.made("network", {}, book.other)["id"]
    assert make(ask, site, port_id=network.made("port", {"network_id": theirs}, book.other)["id"]) == (
        404,
        "PortNotFound",
    )
    left = ask("GET", "ports?device_owner=network:floatingip", as_=book.admin)[1]["ports"]
    assert len(left) == 2, "what was refused left no port behind"


def test_several_addresses_need_a_choice(network: NetworkFixture, ask: Any, site: Site) -> None:
    requested = {"network_id": site.net, "fixed_ips": [{"ip_address": "10.0.0.60"}, {"ip_address": "10.0.0.61"}]}
    port = network.made("port", requested)["id"]
    assert make(ask, site, port_id=port) == (400, "BadRequest")
    one = make(ask, site, port_id=port, fixed_ip_address="10.0.0.60")[1]
    assert make(ask, site, port_id=port, fixed_ip_address="10.0.0.61")[0] == 201
    moved = ask("PUT", f"floatingips/{one['id']}", {"floatingip": {"port_id": site.port["id"]}})[1]["floatingip"]
    assert moved["fixed_ip_address"] == site.port["fixed_ips"][0]["ip_address"]


def test_an_association_protects_router_gateway_and_interface(ask: Any, site: Site) -> None:
    made = make(ask, site, port_id=site.port["id"])[1]
    url = f"routers/{site.router}"
    assert ask("PUT", url, {"router": {"external_gateway_info": {}}}) == (409, "RouterExternalGatewayInUseByFloatingIp")
    assert ask("PUT", f"{url}/remove_router_interface", {"subnet_id": site.subnet}) == (
        409,
        "RouterInterfaceInUseByFloatingIP",
    )
    assert ask("DELETE", f"ports/{site.port['id']}")[0] == 204
    assert ask("GET", f"floatingips/{made['id']}")[1]["floatingip"]["port_id"] is None
    assert ask("PUT", f"{url}/remove_router_interface", {"subnet_id": site.subnet})[0] == 200


def test_losing_the_address_loses_the_association(ask: Any, site: Site) -> None:
    made = make(ask, site, port_id=site.port["id"])[1]
    assert ask("PUT", f"ports/{site.port['id']}", {"port": {"fixed_ips": [{"subnet_id": site.subnet}]}})[0] == 200
    assert ask("GET", f"floatingips/{made['id']}")[1]["floatingip"]["port_id"] is None


def test_isolation(network: NetworkFixture, ask: Any, site: Site) -> None:
    made, other = make(ask, site)[1], network.book.other
    for method, body in (("GET", None), ("PUT", {"floatingip": {"description": "x"}}), ("DELETE", None)):
        assert ask(method, f"floatingips/{made['id']}", body, as_=other) == (404, "FloatingIPNotFound")
    assert ask("GET", "floatingips", as_=other)[1] == {"floatingips": []}
    assert (
        ask("GET", f"floatingips?floating_ip_address={made['floating_ip_address']}")[1]["floatingips"][0]["id"]
        == made["id"]
    )


def test_an_external_network_takes_its_idle_floating_ips_along(network: NetworkFixture, ask: Any) -> None:
    public, admin = network.public()["id"], network.book.admin
    network.made("floatingip", {"floating_network_id": public})
    assert ask("DELETE", f"networks/{public}", as_=admin)[0] == 204
    assert ask("GET", "floatingips")[1] == {"floatingips": []} and ask("GET", "ports", as_=admin)[1] == {"ports": []}


def test_an_empty_update_disassociates(network: NetworkFixture, ask: Any) -> None:
    public, net = network.public()["id"], network.made("network", {})["id"]
    subnet = network.made("subnet", {"network_id": net, "ip_version": 4, "cidr": "10.0.0.0/24"})["id"]
    router = network.made("router", {"external_gateway_info": {"network_id": public}})["id"]
    ask("PUT", f"routers/{router}/add_router_interface", {"subnet_id": subnet})
    port = network.made("port", {"network_id": net})["id"]
    floating = network.made("floatingip", {"floating_network_id": public, "port_id": port})["id"]
    kept = ask("PUT", f"floatingips/{floating}", {"floatingip": {"description": "d"}})
    assert kept[1]["floatingip"]["port_id"] == port
    alone = {"floatingip": {"fixed_ip_address": "10.0.0.7"}}
    assert ask("PUT", f"floatingips/{floating}", alone) == (400, "BadRequest")
    assert ask("PUT", f"floatingips/{floating}", {"floatingip": {}})[1]["floatingip"]["port_id"] is None
