"""From one machine to three by two lines, while servers come and go and a guest answers pings."""

import json
import re
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from namespaces import Machine, eventually, python
from three_machines import Machines

from pileus_deploy.bootstrap import Cloud

PINGS = 20


class Servers:
    """Makes and deletes servers of the demo project."""

    def __init__(self, demo: Cloud, admin: Cloud) -> None:
        self._demo, self._admin = demo, admin
        networks = demo.call("GET", "network", "/v2.0/networks?name=private")["networks"]
        images = demo.call("GET", "image", "/v2/images?name=pileus-test")["images"]
        self.network, self.image = networks[0]["id"], images[0]["id"]

    def create(self, name: str) -> str:
        wanted = {"name": name, "imageRef": self.image, "flavorRef": "1", "networks": [{"uuid": self.network}]}
        server: str = self._demo.call("POST", "compute", "/v2.1/servers", {"server": wanted})["server"]["id"]
        eventually(f"{name} is ACTIVE", lambda: self.status(server) == "ACTIVE")
        return server

    def status(self, server: str) -> str:
        shown = self._demo.call("GET", "compute", f"/v2.1/servers/{server}")["server"]
        assert shown["status"] != "ERROR", shown
        return str(shown["status"])

    def host(self, server: str) -> str:
        shown = self._admin.call("GET", "compute", f"/v2.1/servers/{server}")["server"]
        return str(shown["OS-EXT-SRV-ATTR:host"])

    def port(self, server: str) -> dict[str, Any]:
        ports = self._demo.call("GET", "network", f"/v2.0/ports?device_id={server}")["ports"]
        return dict(ports[0])

    def delete(self, *servers: str) -> None:
        for server in servers:
            self._demo.call("DELETE", "compute", f"/v2.1/servers/{server}")
        left = set(servers)

        def gone() -> bool:
            known = self._demo.call("GET", "compute", "/v2.1/servers")["servers"]
            return not left & {server["id"] for server in known}

        eventually("the servers are gone", gone)


class Loop(threading.Thread):
    """Creates and deletes a server again and again until it is told to stop; keeps what failed."""

    def __init__(self, servers: Servers) -> None:
        super().__init__()
        self._servers, self._over = servers, threading.Event()
        self.rounds, self.failures = 0, list[BaseException]()

    def run(self) -> None:
        while not self._over.is_set():
            try:
                self._servers.delete(self._servers.create(f"loop-{self.rounds}"))
                self.rounds += 1
            except BaseException as err:
                self.failures.append(err)

    def stop(self) -> None:
        self._over.set()
        self.join()


def guest_words(port: dict[str, Any]) -> tuple[str, str, str]:
    """Return what a played guest of this port has to know: its tap, its MAC and its address."""
    return f"tap{port['id'][:11]}", port["mac_address"], port["fixed_ips"][0]["ip_address"]


@contextmanager
def guest(machine: Machine, port: dict[str, Any]) -> Iterator[None]:
    """Play a guest on the machine."""
    process = machine.start(*python("tap_guest.py", *guest_words(port)))
    try:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
        yield
    finally:
        process.terminate()
        process.wait()


@contextmanager
def pinged(machine: Machine, address: str) -> Iterator[None]:
    """Ping the address five times a second all the while; every ping has to be answered."""
    eventually(f"{address} answers", lambda: ", 1 received" in machine.run("ping", "-c1", "-W1", address, check=False))
    process = machine.start("ping", "-i", "0.2", address)
    try:
        yield
    finally:
        time.sleep(1)  # for the last answers
        process.send_signal(signal.SIGINT)
        output = process.communicate()[0]
    sent, received = map(int, re.search(r"(\d+) packets transmitted, (\d+) received", output).groups())  # type: ignore[union-attr]
    assert sent > 20 and sent - received <= 1, output[-300:]  # the last one may be under way
    assert "Unreachable" not in output


def give_floating_ip(demo: Cloud, port: dict[str, Any]) -> str:
    public = demo.call("GET", "network", "/v2.0/networks?name=public")["networks"][0]["id"]
    wanted = {"floating_network_id": public, "port_id": port["id"]}
    made = demo.call("POST", "network", "/v2.0/floatingips", {"floatingip": wanted})["floatingip"]
    return str(made["floating_ip_address"])


def test_from_one_machine_to_three(machines: Machines, demo: Cloud, admin: Cloud) -> None:
    servers = Servers(demo, admin)
    anchor = servers.create("anchor")
    port = servers.port(anchor)
    loop, address = Loop(servers), give_floating_ip(demo, port)
    with guest(machines.controller, port), pinged(machines.controller, address):
        loop.start()
        try:
            for machine in (machines.second, machines.third):
                shown = machines.join(machine)
                assert "compute-agent runs" in shown
            by_host = spread(servers)
        finally:
            loop.stop()
        ports = {name: servers.port(server) for name, server in by_host.items()}
        with guest(machines.third, ports["m3"]):
            for target in (port, ports["m3"]):
                assert_reached(machines.second, ports["m2"], target)
        assert_reached(machines.third, ports["m3"], port)
    assert_seen(machines.controller, by_host)
    assert not loop.failures and loop.rounds >= 2
    servers.delete(anchor, *by_host.values())


def assert_seen(controller: Machine, by_host: dict[str, str]) -> None:
    """Check that status, doctor, top and trace, on the controller, see the other machines."""
    doctor = json.loads(controller.pileus("--os-cloud", "pileus-admin", "doctor", "--json", check=False))
    assert {"processes of m2", "wires of m2", "guests of m2", "processes of m3"} <= set(doctor["checked"]), doctor
    assert not [one for one in doctor["findings"] if one["check"] in ("silent machines", "silent agents")]
    status = controller.deploy("status", check=False)
    assert re.search(r"m2 compute-agent +\d+ .* healthy", status) and "m3 network-agent" in status
    top = json.loads(controller.pileus("--os-cloud", "pileus-admin", "top", "--json"))
    assert {"m2", "m3"} <= {
        host["name"] for host in top["hosts"] if host["agents"].startswith("compute up, network up")
    }
    trace = controller.pileus("--os-cloud", "pileus-admin", "trace", by_host["m2"])
    assert re.search(r"boot .* m2$", trace, re.MULTILINE), trace


def spread(servers: Servers) -> dict[str, str]:
    """Make servers until the new machines have one each; returns those two by host, and deletes the others."""
    found, made = dict[str, str](), list[str]()
    while not {"m2", "m3"} <= found.keys():
        assert len(made) < 9, f"new servers land on {sorted(found)} only"
        made.append(servers.create(f"new-{len(made)}"))
        found[servers.host(made[-1])] = made[-1]
    kept = {host: found[host] for host in ("m2", "m3")}
    servers.delete(*set(made) - set(kept.values()))
    return kept


def assert_reached(machine: Machine, source: dict[str, Any], target: dict[str, Any]) -> None:
    """Ping from a guest on the machine to another machine's guest."""
    address = target["fixed_ips"][0]["ip_address"]
    program = python("tap_guest.py", *guest_words(source), "--ping", address, str(PINGS))
    assert machine.run(*program).strip() == f"answered {PINGS} of {PINGS}"


def test_a_line_is_valid_once(joined: Machines) -> None:
    line = joined.invite()
    second = joined.second
    words = ("join", line, "--state", "/var/lib/pileus/again")
    assert "is in this cloud already" in second.deploy(*words, check=False), "a taken name uses no line up"
    records = joined.controller.state / "registrar" / "invitations"
    (invitation,) = records.glob("*.json")
    invitation.unlink()  # as if it had been used
    assert "used already" in second.deploy(*words, "--name", "other", check=False)
    assert not (second.state / "again" / "plan.json").exists()


def test_a_line_of_another_cloud_is_refused_before_anything_is_told(joined: Machines) -> None:
    place, fingerprint = joined.invite().rsplit("/", 1)
    other = fingerprint.translate(str.maketrans("0123456789abcdef", "123456789abcdef0"))
    shown = joined.second.deploy("join", f"{place}/{other}", "--state", "/var/lib/pileus/again", check=False)
    assert "isn't the one of the line" in shown
    assert list((joined.controller.state / "registrar" / "invitations").glob("*.json")), "the secret wasn't used"


def test_a_machine_that_was_down_takes_its_part_again(joined: Machines) -> None:
    def state() -> str:
        shown = joined.controller.pileus("host", "list").splitlines()
        return next(row for row in shown if row.startswith("m2 ")).split()[-1]

    joined.second.deploy("down")
    assert "does not run" in joined.second.deploy("status", check=False)
    assert "network-agent runs" in joined.second.deploy("up")
    eventually("m2 reports", lambda: state() == "up")
    refused = joined.second.deploy("up", "--tls", "--address", joined.second.address, check=False)
    assert f"joined the cloud at {joined.controller.address}" in refused
    assert "run this there" in joined.second.pileus("cloud", "invite", check=False)


def test_what_machines_have_a_share_of_is_not_rotated_under_them(joined: Machines) -> None:
    shown = joined.controller.pileus("cloud", "rotate", "metadata", check=False)
    assert "m2" in shown and "deploy/rotate" in shown


def test_hosts_are_listed_drained_and_resumed(joined: Machines, admin: Cloud) -> None:
    def line(name: str) -> str:
        shown = joined.controller.pileus("host", "list").splitlines()
        return next(row for row in shown if row.split()[0] == name)

    assert line("m1").split()[1:] == [joined.controller.address, "controller", "up"]
    assert line("m2").split()[1:] == [joined.second.address, "compute,object", "up"]
    shown = dict(row.split(maxsplit=1) for row in joined.controller.pileus("host", "show", "m2").splitlines())
    assert (shown["roles"], shown["state"], shown["servers"]) == ("compute,object", "up", "0")
    joined.controller.pileus("host", "drain", "m2")
    assert line("m2").endswith("up, drained")
    services = admin.call("GET", "compute", "/v2.1/os-services?binary=nova-compute&host=m2")["services"]
    assert services[0]["status"] == "disabled"
    joined.controller.pileus("host", "resume", "m2")
    assert line("m2").endswith("up")
    assert "no machine called m9" in joined.controller.pileus("host", "drain", "m9", check=False)
