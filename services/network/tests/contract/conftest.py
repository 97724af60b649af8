"""Hosts and guests for the contract tests.

A host is a set of namespaces (network, mounts, processes) with a driver in it.
"""

import itertools
import os
import pickle
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pileus_network import rpc
from pileus_network.drivers.base import Settings
from pileus_network.drivers.fake import Fake

HERE = Path(__file__).parent
PATIENCE = 60  # seconds until something that must happen counts as not happening


def eventually(check: Callable[[], Any], why: str = "it never happened") -> Any:
    """Call `check` until it returns something true; fail after PATIENCE seconds."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        answer = check()
        if answer:
            return answer
        time.sleep(0.05)
    pytest.fail(why)


def kill(program: "subprocess.Popen[bytes]") -> None:
    """Kill -9 the child that nsenter started, and nsenter; wait for both."""
    for child in (
        Path(f"/proc/{program.pid}/task/{program.pid}/children").read_text().split() if program.poll() is None else ()
    ):
        os.kill(int(child), signal.SIGKILL)
    program.kill()
    program.wait()


class Host:
    """A machine with its own network, process ids, /sys and /run, and the driver under test."""

    def __init__(self, **settings: Any) -> None:
        mounts = "mount -t sysfs sysfs /sys && mount -t tmpfs tmpfs /run"
        script = f"{mounts} && ip link set lo up && echo up && exec sleep infinity"
        self.shell = subprocess.Popen(
            ["unshare", "--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", script],
            stdout=subprocess.PIPE,
        )
        assert self.shell.stdout and self.shell.stdout.readline() == b"up\n"
        self.pid = int(Path(f"/proc/{self.shell.pid}/task/{self.shell.pid}/children").read_text().split()[0])
        self.settings = {"prefix": "pl", **settings}
        self.driver: subprocess.Popen[bytes] | None = None
        self.guests: list[Guest] = []
        self.programs: list[subprocess.Popen[bytes]] = []

    def inside(self, *argv: str) -> list[str]:
        return ["nsenter", "-t", str(self.pid), "-n", "-m", "-p", *argv]

    def sh(self, command: str, check: bool = True, stdin: str | None = None) -> str:
        done = subprocess.run(
            self.inside("sh", "-c", command), input=stdin, capture_output=True, text=True, check=False, timeout=60
        )
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return done.stdout

    def ask(self, command: str, *argument: Any) -> Any:
        if self.driver is None or self.driver.poll() is not None:
            self.driver = subprocess.Popen(
                self.inside(sys.executable, str(HERE / "driver_process.py")),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
            )
            if command != "agent":
                self._tell("settings", (self.settings,))
        return self._tell(command, argument)

    def begin(self, command: str, *argument: Any) -> None:
        """Send a command without waiting for the answer, for a test that is about to kill the driver."""
        if self.driver is None or self.driver.poll() is not None:
            self.ask("ready")
        assert self.driver and self.driver.stdin
        pickle.dump((command, argument), self.driver.stdin)
        self.driver.stdin.flush()

    def _tell(self, command: str, argument: Any) -> Any:
        assert self.driver and self.driver.stdin and self.driver.stdout
        pickle.dump((command, argument), self.driver.stdin)
        self.driver.stdin.flush()
        answer = pickle.load(self.driver.stdout)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def apply(self, state: rpc.HostState, thorough: bool = False, flawless: bool = True) -> rpc.Report:
        report = self.ask("apply", state, thorough)
        assert not flawless or not report.failures, report.failures
        return report

    def agent(self, state: rpc.HostState, **config: Any) -> rpc.Report:
        """Start a whole agent instead of the bare driver, and have it follow `state`."""
        bridges = tuple(f"{name}:{bridge}" for name, bridge in self.settings.get("bridges", {}).items())
        self.ask("agent", {"host": state.host, "prefix": "pl", "bridge_mappings": bridges, **config})
        return self.want(state)

    def want(self, state: rpc.HostState) -> rpc.Report:
        self.ask("want", state)
        return eventually(lambda: self.ask("reported", state.generation), "the agent never reported")

    def crash(self) -> None:
        """Kill -9 the process with the driver; the next call starts another one, which knows nothing."""
        if self.driver:
            kill(self.driver)

    def guest(self, port: rpc.Port, mtu: int = 1450) -> "Guest":
        guest = Guest(self, port, mtu)
        self.guests.append(guest)
        return guest

    def leftovers(self) -> str:
        """Return everything that wasn't on the bare host."""
        links = self.sh("ls /sys/class/net").split()
        return "\n".join(
            [
                *(
                    link
                    for link in links
                    if link != "lo"
                    and not link.startswith("ifb")
                    and link not in self.settings.get("bridges", {}).values()
                ),
                *self.sh("ls /run/netns 2>/dev/null", check=False).split(),
                self.sh("nft list ruleset"),
                *self.sh("pgrep -l 'dnsmasq|radvd' -r D,R,S,T", check=False).splitlines(),
                self.sh("find /run/pileus-pl 2>/dev/null", check=False),
            ]
        ).strip()

    def run(self, *argv: str) -> None:
        """Run a program on this host until the test ends."""
        self.programs.append(subprocess.Popen(self.inside(*argv)))

    def end(self) -> None:
        for guest in self.guests:
            guest.end()
        self.crash()
        for program in self.programs:
            kill(program)
        self.shell.kill()
        self.shell.wait()


class Guest:
    """Stands in for a virtual machine: a namespace whose eth0 receives what arrives at the port's tap."""

    numbers = itertools.count(1)

    def __init__(self, host: Host, port: rpc.Port, mtu: int) -> None:
        self.host, self.port, self.name = host, port, f"guest{next(self.numbers)}"
        host.sh(f"ip netns add {self.name} && ip -n {self.name} link set lo up")
        self.card = subprocess.Popen(
            host.inside(
                sys.executable, str(HERE / "tap_relay.py"), "tap" + port.id[:11], self.name, port.mac, str(mtu)
            ),
            stdout=subprocess.PIPE,
        )
        assert self.card.stdout and self.card.stdout.readline() == b"up\n"
        self.programs: list[subprocess.Popen[bytes]] = []

    def argv(self, *argv: str) -> list[str]:
        return self.host.inside("ip", "netns", "exec", self.name, *argv)

    def sh(self, command: str, check: bool = True) -> str:
        return self.host.sh(f"ip netns exec {self.name} sh -c '{command}'", check)

    def works(self, command: str) -> bool:
        argv = self.argv("sh", "-c", command)
        return subprocess.run(argv, capture_output=True, check=False, timeout=60).returncode == 0

    def start(self, *argv: str) -> "subprocess.Popen[bytes]":
        program = subprocess.Popen(self.argv(*argv), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        self.programs.append(program)
        return program

    def dhcp(self) -> dict[str, str]:
        """Request a lease as a guest does, use it, and return what was offered."""
        script = "/run/udhcpc.sh"
        self.host.sh(f"cat > {script} && chmod +x {script}", stdin=UDHCPC)
        out = self.sh(f"busybox udhcpc -i eth0 -s {script} -n -q -f -t 10 -T 1 -x hostname:me -O 121 -O 26 -O 15 -O 42")
        return dict(line.split("=", 1) for line in out.splitlines() if "=" in line)

    def use(self, prefix: int = 24, gateway: str = "") -> None:
        """Use the port's address without DHCP."""
        for fixed in self.port.fixed_ips:
            self.sh(
                f"ip addr add {fixed.address}/{prefix if '.' in fixed.address else 64} dev eth0"
                + (" nodad" if ":" in fixed.address else "")
            )
        if gateway:
            self.sh(f"ip route add default via {gateway}")

    def pings(self, address: str, count: int = 3) -> bool:
        return self.works(f"busybox ping -c 1 -W 1 {address}" + f" || busybox ping -c 1 -W 1 {address}" * (count - 1))

    def serve(self, port: int, text: str = "hello") -> None:
        self.start(sys.executable, "-u", str(HERE / "echo_server.py"), str(port), text)
        eventually(lambda: f":{port} " in self.sh("ss -Htln", check=False), "the guest's server never listened")

    def reaches(self, address: str, port: int) -> bool:
        """Return whether a server answers; it is tried twice, since the machine may be busy."""
        ask = f"timeout 3 busybox nc -w 2 {address} {port} </dev/null"
        return any("hello" in self.sh(ask, check=False) for _ in range(2))

    def end(self) -> None:
        for program in (*self.programs, self.card):
            kill(program)
        self.host.sh(f"ip netns del {self.name}", check=False)


UDHCPC = """#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr add $ip/$mask dev $interface
ip link set $interface mtu ${mtu:-1500}
[ -z "$router" ] || ip route add default via ${router%% *}
ip route add 169.254.169.254/32 via $serverid
env
"""


class Cloud:
    """Builds desired states in few words; ids and MACs follow from small numbers."""

    def __init__(self) -> None:
        self.state = rpc.HostState("h1", 1)
        self.counter = itertools.count(1)

    def id(self) -> str:
        return f"{next(self.counter):08x}-0000-4000-8000-000000000000"

    def network(self, cidr: str = "10.5.0.0/24", vni: int = 0, **more: Any) -> rpc.Network:
        gateway = cidr.rsplit(".", 1)[0] + ".1" if "." in cidr else cidr.split("/")[0] + "1"
        subnet = rpc.Subnet(self.id(), cidr, 4 if "." in cidr else 6, gateway, True)
        fields = {
            "kind": "vxlan",
            "segment": vni or next(self.counter) + 100,
            "physical_network": None,
            "mtu": 1450,
            "dns_domain": "example.org",
            "subnets": (subnet,),
        }
        network = rpc.Network(self.id(), **{**fields, **more})
        self.state = replace(self.state, networks=(*self.state.networks, network))
        return network

    def port(
        self, network: rpc.Network, *addresses: str, owner: str = "compute:nova", device: str = "", **more: Any
    ) -> rpc.Port:
        id = self.id()
        fixed = tuple(rpc.FixedIp(self._subnet(network, address), address) for address in addresses)
        fields = {"project_id": "p1", "mac": f"fa:16:3e:00:{id[4:6]}:{id[6:8]}", "local": True}
        port = rpc.Port(
            id, network.id, device_owner=owner, device_id=device or self.id(), fixed_ips=fixed, **{**fields, **more}
        )
        self.state = replace(self.state, ports=(*self.state.ports, port))
        return port

    def group(self, *rules: rpc.Rule, **more: Any) -> rpc.SecurityGroup:
        group = rpc.SecurityGroup(self.id(), rules=rules, **more)
        self.state = replace(self.state, security_groups=(*self.state.security_groups, group))
        return group

    def change(self, old: Any, **fields: Any) -> Any:
        """Replace one thing wherever it is in the state, and return its successor."""
        new = replace(old, **fields)
        lists = ("networks", "ports", "security_groups", "address_sets", "routers")
        self.state = replace(
            self.state,
            **{name: tuple(new if one == old else one for one in getattr(self.state, name)) for name in lists},
        )
        return new

    def drop(self, *gone: Any) -> None:
        lists = ("networks", "ports", "security_groups", "address_sets", "routers")
        self.state = replace(
            self.state, **{name: tuple(one for one in getattr(self.state, name) if one not in gone) for name in lists}
        )

    def router(self, *interfaces: rpc.Port, gateway: rpc.Port | None = None, id: str = "", **more: Any) -> rpc.Router:
        router = rpc.Router(
            id, "p1", interfaces=tuple(one.id for one in interfaces), gateway=gateway.id if gateway else None, **more
        )
        self.state = replace(self.state, routers=(*self.state.routers, router))
        return router

    def empty(self) -> rpc.HostState:
        return rpc.HostState("h1", self.state.generation + 1)

    @staticmethod
    def _subnet(network: rpc.Network, address: str) -> str:
        version = 4 if "." in address else 6
        return next(subnet.id for subnet in network.subnets if subnet.ip_version == version)


ALL = tuple(rpc.Rule(direction, version) for direction in ("egress", "ingress") for version in (4, 6))
OUT = tuple(rpc.Rule("egress", version) for version in (4, 6))


@pytest.fixture
def words() -> SimpleNamespace:
    return SimpleNamespace(ALL=ALL, OUT=OUT, eventually=eventually)


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


@pytest.fixture
def hosts() -> Iterator[Callable[..., Host]]:
    """Create hosts, and remove them afterwards with everything on them."""
    if os.geteuid() != 0:
        pytest.skip("needs root for network namespaces")
    made: list[Host] = []

    def make(**settings: Any) -> Host:
        made.append(Host(**settings))
        return made[-1]

    yield make
    for host in made:
        host.end()


@pytest.fixture
def host(hosts: Callable[..., Host]) -> Host:
    return hosts(bridges={"public": "plx-ext"})


@pytest.fixture(params=["fake", "linux"])
def backend(request: pytest.FixtureRequest) -> Any:
    """Any driver, on a bare host; it has `apply(state)`."""
    if request.param == "fake":
        return Fake(Settings())
    return SimpleNamespace(apply=lambda state, thorough: request.getfixturevalue("host").ask("apply", state, thorough))
