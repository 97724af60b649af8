"""What a user does first: a network, a subnet, a router to the outside, a port, a floating IP."""

from pileus_network.testing import NetworkFixture


def test_from_a_network_to_a_floating_ip(network: NetworkFixture) -> None:
    book, client = network.book, network.client
    public = network.public()
    net = network.made("network", {"name": "n"})
    assert net["status"] == "ACTIVE" and net["mtu"] == 1450 and "provider:network_type" not in net
    subnet = network.made("subnet", {"network_id": net["id"], "ip_version": 4, "cidr": "10.0.0.0/24"})
    assert subnet["gateway_ip"] == "10.0.0.1" and subnet["allocation_pools"] == [
        {"start": "10.0.0.2", "end": "10.0.0.254"}
    ]
    router = network.made("router", {"name": "r", "external_gateway_info": {"network_id": public["id"]}})
    assert router["external_gateway_info"]["network_id"] == public["id"]
    added = client.put(
        f"/v2.0/routers/{router['id']}/add_router_interface", json={"subnet_id": subnet["id"]}, as_=book.member
    )
    assert added.status_code == 200, added.text
    answer = client.post(
        "/v2.0/ports",
        json={
            "port": {
                "network_id": net["id"],
                "project_id": "p1",
                "binding:host_id": "host1",
                "device_id": "vm",
                "device_owner": "compute:nova",
            }
        },
        as_=book.service,
    )
    assert answer.status_code == 201, answer.text
    port = answer.get_json()["port"]
    assert port["status"] == "DOWN" and port["binding:vif_type"] == "bridge" and len(port["security_groups"]) == 1
    floating = network.made("floatingip", {"floating_network_id": public["id"], "port_id": port["id"]})
    assert floating["status"] == "DOWN" and floating["router_id"] == router["id"]
    network.drain()
    seen = client.get(f"/v2.0/ports/{port['id']}", as_=book.member).get_json()["port"]
    assert seen["status"] == "ACTIVE" and "binding:host_id" not in seen
    assert (
        client.get(f"/v2.0/floatingips/{floating['id']}", as_=book.member).get_json()["floatingip"]["status"]
        == "ACTIVE"
    )
    owners = {p["device_owner"] for p in client.get("/v2.0/ports", as_=book.admin).get_json()["ports"]}
    assert owners == {
        "compute:nova",
        "network:dhcp",
        "network:router_interface",
        "network:router_gateway",
        "network:floatingip",
    }


def test_everything_can_be_deleted(network: NetworkFixture) -> None:
    book, client = network.book, network.client
    public = network.public()
    net = network.made("network", {"name": "n"})
    subnet = network.made("subnet", {"network_id": net["id"], "ip_version": 4, "cidr": "10.0.0.0/24"})
    router = network.made("router", {"external_gateway_info": {"network_id": public["id"]}})
    url = f"/v2.0/routers/{router['id']}"
    client.put(f"{url}/add_router_interface", json={"subnet_id": subnet["id"]}, as_=book.member)
    port = network.made("port", {"network_id": net["id"]})
    floating = network.made("floatingip", {"floating_network_id": public["id"], "port_id": port["id"]})
    busy = client.delete(f"/v2.0/networks/{net['id']}", as_=book.member)
    assert (busy.status_code, busy.get_json()["NeutronError"]["type"]) == (409, "NetworkInUse")
    assert (
        client.put(f"{url}/remove_router_interface", json={"subnet_id": subnet["id"]}, as_=book.member).status_code
        == 409
    )
    assert client.delete(url, as_=book.member).get_json()["NeutronError"]["type"] == "RouterInUse"
    assert client.delete(f"/v2.0/ports/{port['id']}", as_=book.member).status_code == 204
    assert (
        client.get(f"/v2.0/floatingips/{floating['id']}", as_=book.member).get_json()["floatingip"]["port_id"] is None
    )
    assert client.delete(f"/v2.0/floatingips/{floating['id']}", as_=book.member).status_code == 204
    assert (
        client.put(f"{url}/remove_router_interface", json={"subnet_id": subnet["id"]}, as_=book.member).status_code
        == 200
    )
    assert client.delete(url, as_=book.member).status_code == 204
    assert client.delete(f"/v2.0/subnets/{subnet['id']}", as_=book.member).status_code == 204
    assert client.delete(f"/v2.0/networks/{net['id']}", as_=book.member).status_code == 204
    assert client.get("/v2.0/ports", as_=book.admin).get_json()["ports"] == []
