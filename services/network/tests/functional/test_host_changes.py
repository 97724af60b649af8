"""A host that gets only changes always has the state that it would get whole."""

import random
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from pileus_network import state_changes
from pileus_network.db.models import ChangeRecord
from pileus_network.rpc import HostChange, HostState, Report, ReportChange
from pileus_network.testing import NetworkFixture

HOSTS = ("host1", "host2")


class Copy:
    """The copy of its host's state that an agent keeps."""

    def __init__(self, network: NetworkFixture, host: str) -> None:
        self.network, self.host = network, host
        self.state: HostState | None = None
        self.parts = self.wholes = 0

    def follow(self) -> None:
        known = self.state.generation if self.state else -1
        change = self.network.control.get_changes(self.host, known)
        if change is None:
            return
        self.parts, self.wholes = self.parts + (change.whole is None), self.wholes + (change.whole is not None)
        self.state = change.whole or state_changes.apply_change(self.state, change)  # type: ignore[arg-type]

    def report(self) -> None:
        if self.state:
            ports = tuple(port.id for port in self.state.ports if port.local)
            self.network.control.report_state(self.host, self.state.generation, Report(ports))

    def check(self, why: str) -> None:
        right = self.network.control.get_host_state(self.host, -1)
        assert self.state and right
        for name in ("networks", "ports", "security_groups", "address_sets", "routers"):
            assert getattr(self.state, name) == getattr(right, name), f"{self.host} after {why}: {name}"
        assert self.state == right and state_changes.digest(self.state) == state_changes.digest(right)


class World:
    """A cloud with random requests; some of them are refused."""

    def __init__(self, network: NetworkFixture, seed: int) -> None:
        self.network, self.dice = network, random.Random(seed)
        self.public = network.public()["id"]
        self.numbers = iter(range(10_000))
        self.steps: list[Callable[[], str]] = [
            getattr(self, name) for name in sorted(dir(self)) if name.startswith("do_")
        ]

    def step(self) -> str:
        return self.dice.choice(self.steps)()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.network.client.request(method, f"/v2.0/{path}", json=body, as_=self.network.book.admin)
        assert answer.status_code < 500, answer.get_data(as_text=True)
        return answer.get_json(silent=True)

    def one(self, path: str, query: str = "") -> Any:
        rows = self.ask("GET", f"{path}?{query}")[path.replace("-", "_")]
        return self.dice.choice(rows) if rows else {"id": "none", "network_id": "none"}

    def port(self) -> Any:
        return self.one("ports", "device_owner=compute:nova")

    def network_id(self) -> str:
        return str(self.one("networks", "router:external=false")["id"])

    def do_network(self) -> str:
        self.ask("POST", "networks", {"network": {"project_id": "p1"}})
        return "a network"

    def do_subnet(self) -> str:
        number = next(self.numbers)
        requested = {"network_id": self.network_id(), "project_id": "p1", "enable_dhcp": self.dice.random() < 0.8}
        if self.dice.random() < 0.3:
            requested |= {"ip_version": 6, "cidr": f"fd00:{number}::/64", "enable_dhcp": True}
            requested |= {"ipv6_ra_mode": "slaac", "ipv6_address_mode": "slaac"}
        else:
            requested |= {"ip_version": 4, "cidr": f"10.{number // 200}.{number % 200}.0/24"}
        self.ask("POST", "subnets", {"subnet": requested})
        return "a subnet"

    def do_change_subnet(self) -> str:
        change = self.dice.choice([{"enable_dhcp": False}, {"enable_dhcp": True}, {"dns_nameservers": ["9.9.9.9"]}])
        self.ask("PUT", f"subnets/{self.one('subnets')['id']}", {"subnet": change})
        return "a changed subnet"

    def do_delete_subnet(self) -> str:
        if self.dice.random() < 0.3:
            self.ask("DELETE", f"subnets/{self.one('subnets')['id']}")
        return "a deleted subnet"

    def do_delete_network(self) -> str:
        if self.dice.random() < 0.3:
            self.ask("DELETE", f"networks/{self.network_id()}")
        return "a deleted network"

    def do_port(self) -> str:
        requested = {"network_id": self.network_id(), "project_id": "p1", "device_owner": "compute:nova"}
        requested |= {"binding:host_id": self.dice.choice((*HOSTS, "")), "device_id": "server"}
        if self.dice.random() < 0.6:
            requested["security_groups"] = [self.one("security-groups", "project_id=p1")["id"]]
        self.ask("POST", "ports", {"port": requested})
        return "a port"

    do_another_port = do_one_more_port = do_port

    def do_change_port(self) -> str:
        port = self.port()
        change: Any = self.dice.choice(
            [
                {"admin_state_up": self.dice.random() < 0.5},
                {"binding:host_id": self.dice.choice((*HOSTS, ""))},
                {"security_groups": [self.one("security-groups", "project_id=p1")["id"]]},
                {"security_groups": []},
                {"allowed_address_pairs": [{"ip_address": "10.200.0.0/16"}]},
                {"fixed_ips": []},
                {"fixed_ips": [{"subnet_id": self.one("subnets", f"network_id={port['network_id']}")["id"]}]},
                {"extra_dhcp_opts": [{"opt_name": "mtu", "opt_value": "1400"}]},
            ]
        )
        self.ask("PUT", f"ports/{port['id']}", {"port": change})
        return f"a changed port: {change}"

    def do_delete_port(self) -> str:
        self.ask("DELETE", f"ports/{self.one('ports', self.dice.choice(['', 'device_owner=network:dhcp']))['id']}")
        return "a deleted port"

    def do_group(self) -> str:
        self.ask("POST", "security-groups", {"security_group": {"name": "g", "project_id": "p1"}})
        return "a group"

    def do_rule(self) -> str:
        group, other = (self.one("security-groups", "project_id=p1")["id"] for _ in range(2))
        requested = {"security_group_id": group, "direction": "ingress", "protocol": "tcp", "project_id": "p1"}
        requested |= (
            {"remote_group_id": other} if self.dice.random() < 0.6 else {"port_range_min": 1, "port_range_max": 9}
        )
        self.ask("POST", "security-group-rules", {"security_group_rule": requested})
        return "a rule"

    def do_delete_rule(self) -> str:
        self.ask("DELETE", f"security-group-rules/{self.one('security-group-rules')['id']}")
        return "a deleted rule"

    def do_delete_group(self) -> str:
        self.ask("DELETE", f"security-groups/{self.one('security-groups')['id']}")
        return "a deleted group"

    def do_router(self) -> str:
        requested: Any = {"project_id": "p1"}
        if self.dice.random() < 0.7:
            requested["external_gateway_info"] = {"network_id": self.public}
        self.ask("POST", "routers", {"router": requested})
        return "a router"

    def do_change_router(self) -> str:
        change: Any = self.dice.choice(
            [
                {"admin_state_up": self.dice.random() < 0.7},
                {"external_gateway_info": {}},
                {"external_gateway_info": {"network_id": self.public, "enable_snat": self.dice.random() < 0.5}},
            ]
        )
        self.ask("PUT", f"routers/{self.one('routers')['id']}", {"router": change})
        return f"a changed router: {change}"

    def do_interface(self) -> str:
        verb = self.dice.choice(["add", "add", "remove"])
        requested = {"subnet_id": self.one("subnets")["id"]}
        if self.dice.random() < 0.2:
            requested = {"port_id": self.one("ports", "device_owner=")["id"]}
        self.ask("PUT", f"routers/{self.one('routers')['id']}/{verb}_router_interface", requested)
        return f"{verb} an interface"

    def do_delete_router(self) -> str:
        if self.dice.random() < 0.3:
            self.ask("DELETE", f"routers/{self.one('routers')['id']}")
        return "a deleted router"

    def do_floating_ip(self) -> str:
        requested: Any = {"floating_network_id": self.public, "project_id": "p1"}
        if self.dice.random() < 0.8:
            requested["port_id"] = self.port()["id"]
        self.ask("POST", "floatingips", {"floatingip": requested})
        return "a floating IP"

    def do_change_floating_ip(self) -> str:
        requested = {"port_id": self.dice.choice([None, self.port()["id"]])}
        self.ask("PUT", f"floatingips/{self.one('floatingips')['id']}", {"floatingip": requested})
        return "a moved floating IP"

    def do_move(self) -> str:
        agent = self.one("agents", f"agent_type=DHCP agent&host={self.dice.choice(HOSTS)}")["id"]
        self.ask("POST", f"agents/{agent}/dhcp-networks", {"network_id": self.network_id()})
        agent = self.one("agents", f"agent_type=L3 agent&host={self.dice.choice(HOSTS)}")["id"]
        self.ask("POST", f"agents/{agent}/l3-routers", {"router_id": self.one("routers")["id"]})
        return "DHCP and a router moved"

    def do_tunnel(self) -> str:
        self.network.hello(self.dice.choice(HOSTS), f"192.0.2.{self.dice.randrange(1, 250)}")
        return "another tunnel address"


@pytest.mark.parametrize("seed", range(4))
def test_changes_lead_to_the_whole_state(tmp_path: Any, seed: int) -> None:
    with NetworkFixture(tmp_path, HOSTS, quotas=("router:-1", "security_group:-1", "network:-1")) as network:
        world = World(network, seed)
        copies = [Copy(network, host) for host in HOSTS]
        for _ in range(120):
            why = world.step()
            for copy in copies:
                if world.dice.random() < 0.6:
                    copy.follow()
                    copy.check(why)
                    if world.dice.random() < 0.7:
                        copy.report()
        for copy in copies:
            copy.follow()
            copy.check("the end")
            assert copy.wholes == 1 and copy.parts > 0, "it is told parts, after the first time"


def test_a_router_s_host_learns_of_unbound_ports(tmp_path: Any) -> None:
    """The router's host answers for their metadata, also if another host serves DHCP."""
    with NetworkFixture(tmp_path, HOSTS) as network:
        net = network.made("network", {"project_id": "p1"})["id"]
        subnet = network.made("subnet", {"network_id": net, "ip_version": 4, "cidr": "10.0.0.0/24"})["id"]
        router = network.made("router", {"project_id": "p1"})["id"]
        admin = network.book.admin
        network.client.put(f"/v2.0/routers/{router}/add_router_interface", json={"subnet_id": subnet}, as_=admin)
        for kind, host, path, body in (
            ("DHCP", "host1", "dhcp-networks", {"network_id": net}),
            ("L3", "host2", "l3-routers", {"router_id": router}),
        ):
            agents = network.client.get(f"/v2.0/agents?agent_type={kind} agent", as_=admin).json["agents"]
            for one in agents:
                network.client.delete(f"/v2.0/agents/{one['id']}/{path}/{net if kind == 'DHCP' else router}", as_=admin)
            agent = next(one["id"] for one in agents if one["host"] == host)
            network.client.post(f"/v2.0/agents/{agent}/{path}", json=body, as_=admin)
        copy = Copy(network, "host2")
        copy.follow()
        assert copy.state and copy.state.routers
        port = network.made("port", {"network_id": net, "project_id": "p1"})["id"]
        copy.follow()
        copy.check("a port that is nowhere")
        assert port in {one.id for one in copy.state.ports}


@pytest.fixture
def full(network: NetworkFixture) -> str:
    """A network on which the host has thirty ports."""
    net = network.made("network", {})["id"]
    network.made("subnet", {"network_id": net, "ip_version": 4, "cidr": "10.0.0.0/24"})
    requested = {"network_id": net, "project_id": "p1", "binding:host_id": "host1", "device_owner": "compute:nova"}
    made = network.client.post("/v2.0/ports", json={"ports": [requested] * 30}, as_=network.book.service)
    assert made.status_code == 201
    return str(net)


def add(network: NetworkFixture, net: str, **more: Any) -> Any:
    requested = {"network_id": net, "project_id": "p1", "binding:host_id": "host1", "device_owner": "compute:nova"}
    return network.made("port", requested | more, network.book.service)


def test_a_new_port_changes_only_itself_and_its_network(network: NetworkFixture, full: str) -> None:
    copy = Copy(network, "host1")
    copy.follow()
    copy.report()
    port = add(network, full)
    change = network.control.get_changes("host1", copy.state.generation if copy.state else -1)
    assert isinstance(change, HostChange) and change.whole is None
    assert [one.id for one in change.ports] == [port["id"]]
    assert {one.id for one in change.networks} == {full} and not change.routers
    network.client.delete(f"/v2.0/ports/{port['id']}", as_=network.book.service)
    copy.follow()
    copy.check("a port that came and went")


def test_a_gap_a_future_generation_and_an_unknown_one_get_the_whole_state(network: NetworkFixture, full: str) -> None:
    copy = Copy(network, "host1")
    copy.follow()
    copy.report()
    assert copy.state
    now = copy.state.generation
    for known in (-1, now - 1, now + 7):
        change = network.control.get_changes("host1", known)
        assert change and change.whole == copy.state
    assert network.control.get_changes("host1", now) is None
    with network.sessions.read() as session:
        assert session.scalar(select(func.count()).select_from(ChangeRecord)) == 0, "what the host has is forgotten"


def test_an_audit_finds_a_state_that_differs(network: NetworkFixture, full: str) -> None:
    copy = Copy(network, "host1")
    copy.follow()
    assert copy.state
    right = state_changes.digest(copy.state)
    assert network.control.audit_state("host1", copy.state.generation, right) is None
    assert network.control.audit_state("host1", copy.state.generation, "something else") == copy.state
    assert network.control.audit_state("host1", copy.state.generation - 1, "something else") is None, "news come first"


def test_progress_is_about_the_ports_that_it_names(network: NetworkFixture, full: str, ask: Any) -> None:
    network.drain()
    port = add(network, full)
    state = network.control.get_host_state("host1", -1)
    assert state

    def statuses() -> dict[str, int]:
        rows = ask("GET", f"ports?network_id={full}&device_owner=compute:nova", as_=network.book.admin)[1]["ports"]
        return {status: [row["status"] for row in rows].count(status) for status in ("ACTIVE", "DOWN")}

    network.control.report_changes("host1", state.generation, ReportChange(wired=(port["id"], "gone")))
    assert statuses() == {"ACTIVE": 31, "DOWN": 0}
    network.control.report_changes("host1", state.generation, ReportChange(unwired=(port["id"], "gone")))
    assert statuses() == {"ACTIVE": 30, "DOWN": 1}
    network.control.report_changes("host1", state.generation - 1, ReportChange(wired=(port["id"],)))
    assert statuses() == {"ACTIVE": 30, "DOWN": 1}, "late copies of old reports change nothing"
    network.control.report_changes("host1", state.generation, ReportChange(wired=(port["id"],)))
    ask("PUT", f"ports/{port['id']}", {"port": {"admin_state_up": False}}, as_=network.book.admin)
    network.control.report_changes("host1", state.generation + 1, ReportChange(wired=(port["id"],)))
    assert statuses() == {"ACTIVE": 30, "DOWN": 1}
