"""Seen on the wire, from inside guests: closed ports are closed, tenants never meet, nobody speaks for another."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clients import Cloud, Guest, ping, wait_until

CIDR = "10.88.0.0/24"


class Tenant:
    """A project with a user, a network of the same addresses as everybody's, a router and one server."""

    def __init__(self, admin: Any, name: str, password: str, place: Path) -> None:
        self.admin, self.name, self.key = admin, name, place / f"{name}-key"
        self.project = admin.identity.create_project(name=name)
        self.user = admin.identity.create_user(name=name, password=password, default_project_id=self.project.id)
        role = admin.identity.find_role("member")
        admin.identity.assign_project_role_to_user(self.project, self.user, role)
        self.cloud = admin.connect_as(username=name, password=password, project_name=name)
        self.build()

    def build(self) -> None:
        net, compute = self.cloud.network, self.cloud.compute
        self.network = net.create_network(name=f"{self.name}-net")
        self.subnet = net.create_subnet(network_id=self.network.id, cidr=CIDR, ip_version=4, name=f"{self.name}-subnet")
        public = net.find_network("public")
        self.router = net.create_router(name=f"{self.name}-router", external_gateway_info={"network_id": public.id})
        net.add_interface_to_router(self.router, subnet_id=self.subnet.id)
        self.group = net.create_security_group(name=f"{self.name}-group")
        self.open("tcp", 22)
        keypair = compute.create_keypair(name=self.name)
        self.key.write_text(keypair.private_key)
        self.key.chmod(0o600)
        port = net.create_port(
            network_id=self.network.id, fixed_ips=[{"ip_address": "10.88.0.10"}], security_group_ids=[self.group.id]
        )
        self.port = port
        self.server = compute.create_server(
            name=self.name,
            image_id=self.cloud.image.find_image("pileus-test").id,
            flavor_id=compute.find_flavor("m1.nano").id,
            networks=[{"port": port.id}],
            key_name=self.name,
        )
        compute.wait_for_server(self.server, wait=240)
        self.address = net.create_ip(floating_network_id=public.id, port_id=port.id)
        self.guest = Guest(self.address.floating_ip_address, self.key)

    def open(self, protocol: str, port: int | None = None) -> Any:
        return self.cloud.network.create_security_group_rule(
            security_group_id=self.group.id,
            direction="ingress",
            ethertype="IPv4",
            protocol=protocol,
            port_range_min=port,
            port_range_max=port,
        )

    def remove(self) -> None:
        net, compute = self.cloud.network, self.cloud.compute
        compute.delete_server(self.server)
        compute.wait_for_delete(self.server, wait=120)
        net.delete_ip(self.address)
        net.delete_port(self.port)
        net.remove_interface_from_router(self.router, subnet_id=self.subnet.id)
        net.delete_router(self.router)
        net.delete_network(self.network)
        net.delete_security_group(self.group)
        compute.delete_keypair(self.name)
        self.admin.identity.delete_user(self.user)
        for group in self.admin.network.security_groups(project_id=self.project.id):
            self.admin.network.delete_security_group(group)
        self.admin.identity.delete_project(self.project)


@pytest.fixture(scope="module")
def tenants(admin: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Tenant, Tenant]]:
    place, connection = tmp_path_factory.mktemp("tenants"), admin.sdk()
    made = []
    try:
        for name in ("red", "blue"):
            made.append(Tenant(connection, name, f"{name}-secret-1", place))
        for tenant in made:
            tenant.guest.wait()
        yield made[0], made[1]
    finally:
        for tenant in made:
            tenant.remove()


def listens(guest: Guest, port: int) -> None:
    """Something in the guest answers on the port."""
    guest(f"(while true; do echo open-{port} | nc -l -p {port} >/dev/null 2>&1 || sleep 1; done) >/dev/null 2>&1 &")


def answers(address: str, port: int) -> bool:
    import socket

    try:
        with socket.create_connection((address, port), timeout=3):
            return True
    except OSError:
        return False


def test_a_closed_port_is_closed_until_it_is_opened(tenants: tuple[Tenant, Tenant]) -> None:
    red = tenants[0]
    listens(red.guest, 8080)
    red.guest("true")  # 22 is open
    assert not answers(red.guest.address, 8080)
    assert not ping(red.guest.address)
    rule = red.open("tcp", 8080)
    wait_until("the opened port answers", lambda: answers(red.guest.address, 8080), 60)
    red.cloud.network.delete_security_group_rule(rule)
    wait_until("it is closed again", lambda: not answers(red.guest.address, 8080), 60)
    rule = red.open("icmp")
    wait_until("ping answers", lambda: ping(red.guest.address), 60)
    red.cloud.network.delete_security_group_rule(rule)


def test_same_addresses_never_meet(tenants: tuple[Tenant, Tenant]) -> None:
    """Both servers are 10.88.0.10; each reaches itself and nobody else's."""
    red, blue = tenants
    assert red.guest("hostname") == "red"
    assert blue.guest("hostname") == "blue"
    assert "10.88.0.10/" in red.guest("ip addr")
    assert "10.88.0.10/" in blue.guest("ip addr")
    mac = blue.cloud.network.get_port(blue.port.id).mac_address
    red.guest.attempt("ping -c 2 -W 1 10.88.0.255 >/dev/null 2>&1; arping -c 2 -w 3 10.88.0.1 >/dev/null 2>&1; true")
    assert mac not in red.guest.attempt("cat /proc/net/arp").stdout


def test_a_guest_cannot_take_another_address(tenants: tuple[Tenant, Tenant]) -> None:
    red = tenants[0]
    gateway_works = "ping -c 3 -W 5 10.88.0.1 >/dev/null 2>&1 && echo yes || echo no"
    assert red.guest(gateway_works) == "yes"
    spoofed = (
        "ip addr add 10.88.0.66/24 dev eth0; ping -c 2 -W 2 -I 10.88.0.66 10.88.0.1 >/dev/null 2>&1 && echo yes "
        "|| echo no; ip addr del 10.88.0.66/24 dev eth0"
    )
    assert red.guest(spoofed, 30) == "no"


def test_other_people_s_things_do_not_exist(tenants: tuple[Tenant, Tenant]) -> None:
    import openstack

    red, blue = tenants
    for fetch, thing in (
        (blue.cloud.compute.get_server, red.server),
        (blue.cloud.network.get_network, red.network),
        (blue.cloud.network.get_port, red.port),
        (blue.cloud.network.get_router, red.router),
    ):
        with pytest.raises(openstack.exceptions.NotFoundException):
            fetch(thing.id)
