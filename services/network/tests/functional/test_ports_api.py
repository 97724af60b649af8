"""Ports: addresses, MACs, security, binding, rights."""

from typing import Any

import pytest

from pileus_network.testing import NetworkFixture


@pytest.fixture
def net(network: NetworkFixture) -> str:
    made = network.made("network", {})
    network.made("subnet", {"network_id": made["id"], "ip_version": 4, "cidr": "10.0.0.0/24", "name": "four"})
    return str(made["id"])


def make(ask: Any, net: str, as_: Any = None, **requested: Any) -> tuple[int, Any]:
    status, body = ask("POST", "ports", {"port": {"network_id": net} | requested}, as_=as_)
    return status, body["port"] if status == 201 else body


def test_a_new_port(network: NetworkFixture, ask: Any, net: str) -> None:
    status, made = make(ask, net, name="p")
    assert status == 201
    assert (
        made["mac_address"].startswith("fa:16:3e:")
        and made["status"] == "DOWN"
        and made["binding:vnic_type"] == "normal"
    )
    assert len(made["fixed_ips"]) == 1 and made["fixed_ips"][0]["ip_address"].startswith("10.0.0.")
    groups = ask("GET", "security-groups")[1]["security_groups"]
    assert made["security_groups"] == [groups[0]["id"]] and groups[0]["name"] == "default"
    seen = ask("GET", f"ports/{made['id']}", as_=network.book.admin)[1]["port"]
    assert (seen["binding:host_id"], seen["binding:vif_type"], seen["binding:vif_details"]) == ("", "unbound", {})


def test_addresses_as_asked(network: NetworkFixture, ask: Any, net: str) -> None:
    assert make(ask, net, fixed_ips=[{"ip_address": "10.0.0.9"}])[1]["fixed_ips"][0]["ip_address"] == "10.0.0.9"
    assert make(ask, net, fixed_ips=[{"ip_address": "10.0.0.9"}]) == (409, "IpAddressInUse")
    assert make(ask, net, fixed_ips=[{"ip_address": "10.0.1.9"}]) == (400, "InvalidIpForNetwork")
    subnet = ask("GET", "subnets")[1]["subnets"][0]["id"]
    assert make(ask, net, fixed_ips=[{"subnet_id": subnet, "ip_address": "10.0.1.9"}]) == (400, "InvalidIpForSubnet")
    assert make(ask, net, fixed_ips=[{"subnet_id": subnet, "ip_address": "10.0.0.255"}]) == (400, "InvalidIpForSubnet")
    assert make(ask, net, fixed_ips=[{"subnet_id": net}]) == (400, "InvalidInput")
    assert make(ask, net, fixed_ips=[{}]) == (400, "HTTPBadRequest")
    assert make(ask, net, fixed_ips=[{"ip_address": "nonsense"}]) == (400, "HTTPBadRequest")
    assert make(ask, net, fixed_ips=[{"ip_address": "10.0.0.10"}, {"ip_address": "10.0.0.10"}])[0] == 400
    assert make(ask, net, fixed_ips=[{"subnet_id": subnet, "ip_address": f"10.0.0.{n}"} for n in range(20, 26)]) == (
        400,
        "InvalidInput",
    )
    two = make(ask, net, fixed_ips=[{"subnet_id": subnet}, {"ip_address": "10.0.0.11"}])[1]
    assert len(two["fixed_ips"]) == 2 and two["fixed_ips"][1]["ip_address"] == "10.0.0.11"
    assert make(ask, net, fixed_ips=[])[1]["fixed_ips"] == []


def test_a_full_subnet_is_409(network: NetworkFixture, ask: Any) -> None:
    net = network.made("network", {})["id"]
    network.made("subnet", {"network_id": net, "ip_version": 4, "cidr": "10.9.0.0/29", "enable_dhcp": False})
    found = {make(ask, net)[1]["fixed_ips"][0]["ip_address"] for _ in range(5)}
    assert found == {f"10.9.0.{n}" for n in range(2, 7)}
    assert make(ask, net) == (409, "IpAddressGenerationFailure")


def test_a_nearly_full_large_subnet_still_gives_its_last_address(network: NetworkFixture, ask: Any) -> None:
    net = network.made("network", {})["id"]
    ask("PUT", "quotas/p1", {"quota": {"port": -1}}, as_=network.book.admin)
    network.made("subnet", {"network_id": net, "ip_version": 4, "cidr": "10.9.0.0/24", "enable_dhcp": False})
    assert ask("POST", "ports", {"ports": [{"network_id": net}] * 252})[0] == 201
    assert make(ask, net)[0] == 201
    assert make(ask, net) == (409, "IpAddressGenerationFailure")


def test_a_network_without_subnets_gives_a_port_without_addresses(network: NetworkFixture, ask: Any) -> None:
    assert make(ask, network.made("network", {})["id"])[1]["fixed_ips"] == []


def test_macs(network: NetworkFixture, ask: Any, net: str) -> None:
    assert make(ask, net, mac_address="FA:16:3E:00:00:01")[1]["mac_address"] == "fa:16:3e:00:00:01"
    assert make(ask, net, mac_address="fa:16:3e:00:00:01") == (409, "MacAddressInUse")
    assert make(ask, net, mac_address="ff:ff:ff:ff:ff:ff") == (400, "HTTPBadRequest")
    assert make(ask, network.made("network", {})["id"], mac_address="fa:16:3e:00:00:01")[0] == 201


def test_bulk(network: NetworkFixture, ask: Any, net: str) -> None:
    status, body = ask("POST", "ports", {"ports": [{"network_id": net, "name": str(n)} for n in range(20)]})
    assert status == 201 and len({p["fixed_ips"][0]["ip_address"] for p in body["ports"]}) == 20
    assert (
        ask(
            "POST",
            "ports",
            {"ports": [{"network_id": net}, {"network_id": net, "fixed_ips": [{"ip_address": "1.1.1.1"}]}]},
        )[0]
        == 400
    )
    assert len(ask("GET", "ports?device_owner=")[1]["ports"]) == 20


def test_binding_is_for_administrators_and_services(network: NetworkFixture, ask: Any, net: str) -> None:
    book = network.book
    assert make(ask, net, **{"binding:host_id": "host1"}) == (403, "PolicyNotAuthorized")
    assert make(ask, net, **{"binding:profile": {"a": 1}}) == (403, "PolicyNotAuthorized")
    mine = make(ask, net)[1]
    bind = {"port": {"binding:host_id": "host1", "device_id": "vm", "device_owner": "compute:nova"}}
    assert ask("PUT", f"ports/{mine['id']}", bind)[0] == 403
    status, body = ask("PUT", f"ports/{mine['id']}", bind, as_=book.service)
    assert (
        status == 200
        and body["port"]["binding:vif_type"] == "bridge"
        and body["port"]["binding:vif_details"]["port_filter"]
    )
    network.drain()
    assert ask("GET", f"ports/{mine['id']}")[1]["port"]["status"] == "ACTIVE"
    lost = {"port": {"binding:host_id": "nowhere"}}
    assert ask("PUT", f"ports/{mine['id']}", lost, as_=book.service)[1]["port"]["binding:vif_type"] == "binding_failed"
    network.hello("nowhere")
    assert ask("GET", f"ports/{mine['id']}", as_=book.admin)[1]["port"]["binding:vif_type"] == "bridge"
    off = {"port": {"binding:host_id": "", "device_id": "", "device_owner": ""}}
    body = ask("PUT", f"ports/{mine['id']}", off, as_=book.service)[1]
    assert body["port"]["binding:vif_type"] == "unbound" and body["port"]["status"] == "DOWN"


def test_security(network: NetworkFixture, ask: Any, net: str) -> None:
    group = network.made("security_group", {"name": "g"})["id"]
    made = make(ask, net, security_groups=[group])[1]
    assert made["security_groups"] == [group]
    assert make(ask, net, security_groups=[net]) == (404, "SecurityGroupNotFound")
    theirs = network.made("security_group", {"name": "g"}, network.book.other)["id"]
    assert make(ask, net, security_groups=[theirs]) == (404, "SecurityGroupNotFound")
    assert make(ask, net, port_security_enabled=False, security_groups=[group])[0] == 400
    bare = make(ask, net, port_security_enabled=False)[1]
    assert bare["security_groups"] == [] and bare["port_security_enabled"] is False
    url = f"ports/{made['id']}"
    assert ask("PUT", url, {"port": {"port_security_enabled": False}}) == (409, "PortSecurityPortHasSecurityGroup")
    assert ask("PUT", url, {"port": {"port_security_enabled": False, "security_groups": []}})[0] == 200
    pair = {"ip_address": "10.0.0.200"}
    assert ask("PUT", url, {"port": {"allowed_address_pairs": [pair]}}) == (409, "AddressPairAndPortSecurityRequired")
    body = ask("PUT", url, {"port": {"port_security_enabled": True, "allowed_address_pairs": [pair]}})[1]
    assert body["port"]["allowed_address_pairs"] == [pair | {"mac_address": made["mac_address"]}]
    assert ask("PUT", url, {"port": {"allowed_address_pairs": [{"ip_address": "x"}]}})[0] == 400
    assert make(ask, net, allowed_address_pairs=[pair, pair])[0] == 400


def test_dhcp_options(network: NetworkFixture, ask: Any, net: str) -> None:
    requested = [
        {"opt_name": "bootfile-name", "opt_value": "pxe"},
        {"opt_name": "tftp-server", "opt_value": "1.1.1.1", "ip_version": 4},
    ]
    made = make(ask, net, extra_dhcp_opts=requested)[1]
    assert made["extra_dhcp_opts"] == [{"ip_version": 4, **option} for option in requested]
    assert make(ask, net, extra_dhcp_opts=[{"opt_name": "a", "opt_value": "b\ndhcp-script=/bin/sh"}]) == (
        400,
        "HTTPBadRequest",
    )
    assert make(ask, net, extra_dhcp_opts=[{"opt_value": "b"}])[0] == 400


def test_fixed_ips_are_replaced(network: NetworkFixture, ask: Any, net: str) -> None:
    made = make(ask, net)[1]
    url = f"ports/{made['id']}"
    body = ask("PUT", url, {"port": {"fixed_ips": [*made["fixed_ips"], {"ip_address": "10.0.0.99"}]}})[1]
    assert [ip["ip_address"] for ip in body["port"]["fixed_ips"]] == [made["fixed_ips"][0]["ip_address"], "10.0.0.99"]
    body = ask("PUT", url, {"port": {"fixed_ips": [{"ip_address": "10.0.0.99"}], "name": "moved"}})[1]
    assert [ip["ip_address"] for ip in body["port"]["fixed_ips"]] == ["10.0.0.99"] and body["port"]["name"] == "moved"
    again = make(ask, net, fixed_ips=[{"ip_address": made["fixed_ips"][0]["ip_address"]}])
    assert again[0] == 201, "the address that was given back is free"
    assert ask("PUT", url, {"port": {"mac_address": "fa:16:3e:00:00:09"}}) == (403, "PolicyNotAuthorized")
    assert ask("PUT", url, {"port": {"mac_address": "fa:16:3e:00:00:09"}}, as_=network.book.admin)[0] == 200


def test_filters(network: NetworkFixture, ask: Any, net: str) -> None:
    one = make(ask, net, name="one", fixed_ips=[{"ip_address": "10.0.0.77"}])[1]
    two = make(ask, net, name="two", fixed_ips=[{"ip_address": "10.0.0.178"}], device_id="vm")[1]
    subnet = one["fixed_ips"][0]["subnet_id"]

    def names(query: str) -> list[str]:
        return sorted(p["name"] for p in ask("GET", f"ports?{query}")[1]["ports"] if p["name"])

    assert names("fixed_ips=ip_address%3D10.0.0.77") == ["one"]
    assert names(f"fixed_ips=subnet_id%3D{subnet}&fixed_ips=ip_address%3D10.0.0.178") == ["two"]
    assert names("fixed_ips=ip_address_substr%3D.0.17") == ["two"]
    assert names("device_id=vm") == ["two"] and names(f"mac_address={one['mac_address']}") == ["one"]
    assert names(f"security_groups={two['security_groups'][0]}") == ["one", "two"]
    assert names(f"network_id={net}&name=one&name=two") == ["one", "two"]
    assert ask("GET", "ports?fixed_ips=colour%3Dred")[0] == 400


def test_network_owners_see_and_remove_ports_of_others(network: NetworkFixture, ask: Any) -> None:
    book = network.book
    shared = network.made("network", {"shared": True, "project_id": "p1"}, book.admin)["id"]
    theirs = network.made("port", {"network_id": shared}, book.other)
    assert ask("GET", f"ports/{theirs['id']}")[0] == 200
    assert ask("PUT", f"ports/{theirs['id']}", {"port": {"name": "x"}}) == (403, "PolicyNotAuthorized")
    assert ask("DELETE", f"ports/{theirs['id']}")[0] == 204
    mine = network.made("port", {"network_id": shared})
    assert ask("GET", f"ports/{mine['id']}", as_=book.other) == (404, "PortNotFound")
    assert (
        ask("POST", "ports", {"port": {"network_id": shared, "device_owner": "network:dhcp"}}, as_=book.other)[0] == 403
    )


def test_a_service_sees_with_its_user_s_token_what_the_user_sees(network: NetworkFixture, ask: Any, net: str) -> None:
    """A service token beside the user's own must not open other people's things."""
    mine = make(ask, net)[1]
    headers = {"X-Service-Token": network.book.service.token}
    assert ask("GET", f"ports/{mine['id']}", as_=network.book.other, headers=headers) == (404, "PortNotFound")


def test_ports_of_routers_are_not_deleted_directly(network: NetworkFixture, ask: Any, net: str) -> None:
    router = network.made("router", {})
    subnet = ask("GET", "subnets")[1]["subnets"][0]["id"]
    port = ask("PUT", f"routers/{router['id']}/add_router_interface", {"subnet_id": subnet})[1]["port_id"]
    assert ask("DELETE", f"ports/{port}") == (409, "ServicePortInUse")
    assert ask("PUT", f"ports/{port}", {"port": {"device_owner": "compute:nova"}}) == (
        409,
        "UnsupportedPortDeviceOwner",
    )


def test_dns_names(network: NetworkFixture, ask: Any, net: str) -> None:
    requested = {"network_id": net, "project_id": "p1", "binding:host_id": "host1", "device_owner": "compute:nova"}
    port = network.made("port", requested | {"dns_name": "Deb-B"}, network.book.service)
    assert port["dns_name"] == "deb-b"
    state = network.control.get_host_state("host1", -1)
    assert state and {one.hostname for one in state.ports if one.id == port["id"]} == {"deb-b"}
    assert [one["id"] for one in ask("GET", "ports?dns_name=deb-b")[1]["ports"]] == [port["id"]]
    assert ask("PUT", f"ports/{port['id']}", {"port": {"dns_name": ""}})[1]["port"]["dns_name"] == ""
    for wrong in ("a b", "-a", "a.b", "a" * 64, "é", 5):
        assert make(ask, net, dns_name=wrong) == (400, "HTTPBadRequest")


@pytest.mark.parametrize("mac", ["11:22:33:44:55:66", "FA-16-3E-00-00-01", "fa163e000002", "fa16.3e00.0003"])
def test_macs_in_all_spellings(resources: Any, ask: Any, network: NetworkFixture, mac: str) -> None:
    made = network.made("port", {"network_id": resources["network"]["id"], "mac_address": mac})
    assert made["mac_address"].replace(":", "") == mac.lower().replace(":", "").replace("-", "").replace(".", "")
    pair = {"allowed_address_pairs": [{"ip_address": "10.0.0.9", "mac_address": mac}]}
    assert ask("PUT", f"ports/{made['id']}", {"port": pair})[0] == 200


@pytest.mark.parametrize("mac", ["00:00:00:00:00:00", "ff:ff:ff:ff:ff:ff", "11:22:33:44:55", "zz:22:33:44:55:66", 5])
def test_bad_macs_are_refused(resources: Any, ask: Any, mac: Any) -> None:
    requested = {"network_id": resources["network"]["id"], "mac_address": mac}
    assert ask("POST", "ports", {"port": requested}) == (400, "HTTPBadRequest")


def test_stateful_and_stateless_groups_are_not_mixed(resources: Any, ask: Any, network: NetworkFixture) -> None:
    stateless = network.made("security_group", {"name": "s", "stateful": "false"})["id"]
    stateful = network.made("security_group", {"name": "t"})["id"]
    requested = {"network_id": resources["network"]["id"]}
    both = requested | {"security_groups": [stateful, stateless]}
    assert ask("POST", "ports", {"port": both}) == (409, "SecurityGroupConflict")
    port = network.made("port", requested | {"security_groups": [stateless]})["id"]
    assert ask("PUT", f"ports/{port}", {"port": {"security_groups": [stateful, stateless]}}) == (
        409,
        "SecurityGroupConflict",
    )
    assert ask("PUT", f"ports/{port}", {"port": {"security_groups": [stateful]}})[0] == 200
    twice = {"security_groups": [stateful, stateful]}
    assert ask("PUT", f"ports/{port}", {"port": twice}) == (400, "HTTPBadRequest")
    assert ask("POST", "ports", {"port": requested | twice}) == (400, "HTTPBadRequest")


@pytest.mark.parametrize("name", ["tag:x,3", "a b", "option6:x", "a=b", "", "é", "x" * 41, "3,4"])
def test_bad_names_of_dhcp_options_are_refused(resources: Any, ask: Any, name: str) -> None:
    requested = {"network_id": resources["network"]["id"], "extra_dhcp_opts": [{"opt_name": name, "opt_value": "v"}]}
    assert ask("POST", "ports", {"port": requested}) == (400, "HTTPBadRequest")


@pytest.mark.parametrize("character", ["\n", "\r", "\x0b", "\x0c", "\x1b", "\x7f", "\x85", "\u2028", "\u2029"])
def test_control_characters_in_dhcp_options_are_refused(
    resources: Any, ask: Any, network: NetworkFixture, character: str
) -> None:
    option = {"opt_name": "server-ip-address", "opt_value": f"10.0.0.1{character}x"}
    requested = {"network_id": resources["network"]["id"], "extra_dhcp_opts": [option]}
    assert ask("POST", "ports", {"port": requested}) == (400, "HTTPBadRequest")
    port = network.made("port", {"network_id": resources["network"]["id"]})["id"]
    assert ask("PUT", f"ports/{port}", {"port": {"extra_dhcp_opts": [option]}}) == (400, "HTTPBadRequest")


def test_slaac_addresses_belong_to_every_port(network: NetworkFixture, ask: Any) -> None:
    net = network.made("network", {})["id"]
    v4 = network.made("subnet", {"network_id": net, "ip_version": 4, "cidr": "10.0.0.0/24"})["id"]
    modes = ("slaac", "dhcpv6-stateless", "dhcpv6-stateful")
    subnets = {
        mode: network.made(
            "subnet",
            {
                "network_id": net,
                "ip_version": 6,
                "cidr": f"fd00:{number}::/64",
                "ipv6_ra_mode": mode,
                "ipv6_address_mode": mode,
            },
        )["id"]
        for number, mode in enumerate(modes, 1)
    }
    own = {subnets["slaac"], subnets["dhcpv6-stateless"]}

    def of(port: dict[str, Any]) -> set[str]:
        return {one["subnet_id"] for one in port["fixed_ips"]}

    asked: list[Any] = [[{"subnet_id": v4}], [{"ip_address": "10.0.0.77"}], [{"subnet_id": subnets["slaac"]}], []]
    for fixed_ips in asked:
        made = network.made("port", {"network_id": net, "fixed_ips": fixed_ips})
        assert own <= of(made) and len(made["fixed_ips"]) == len(of(made))
    port = network.made("port", {"network_id": net})
    assert of(port) == own | {v4, subnets["dhcpv6-stateful"]}
    change = {"port": {"fixed_ips": [{"subnet_id": v4, "ip_address": "10.0.0.50"}]}}
    assert of(ask("PUT", f"ports/{port['id']}", change)[1]["port"]) == own | {v4}
