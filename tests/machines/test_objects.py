"""Objects on several machines: their replicas spread, move away from one that is drained, and outlast one that dies."""

import datetime
import json
import socket
import ssl
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from namespaces import Machine, eventually, python
from three_machines import OFFSET, Machines

from pileus_deploy import authority
from pileus_deploy.bootstrap import Cloud
from pileus_deploy.plan import STORAGE_PORT

SIZES = (10, 4096, 300_000)
COUNT = 24
PORT = STORAGE_PORT + OFFSET
MOVED_S = 240
NOTHING_AFTER_S = 1.0


class Objects:
    """The demo user's container."""

    def __init__(self, demo: Cloud) -> None:
        self._session = demo.session
        self._url = f"{demo.plan.url('objectstore')}/v1/AUTH_{demo.session.get_project_id()}/machines"
        self._session.put(self._url)
        self.written: dict[str, bytes] = {}

    def put(self, name: str) -> None:
        data = (name.encode() * SIZES[len(self.written) % len(SIZES)])[: SIZES[len(self.written) % len(SIZES)]]
        self._session.put(f"{self._url}/{name}", data=data)
        self.written[name] = data

    def check(self) -> None:
        """Read all that was written, and the list."""
        for name, data in self.written.items():
            assert self._session.get(f"{self._url}/{name}").content == data, name

    def are_listed(self) -> bool:
        return self._session.get(self._url).text.split() == sorted(self.written)


@pytest.fixture(scope="module")
def objects(joined: Machines, demo: Cloud) -> Objects:
    made = Objects(demo)
    for number in range(COUNT):
        made.put(f"o{number:02}")
    return made


@pytest.fixture(scope="module")
def fourth(joined: Machines) -> Iterator[Machine]:
    """A machine that keeps objects and does nothing else."""
    assert joined.network is not None
    machine = joined.network.machine("m4")
    shown = machine.deploy("join", joined.invite("--roles", "object"))
    assert "its devices take objects" in shown and "objectstore-worker runs" in shown and "compute" not in shown
    yield machine


def ring(admin: Cloud, name: str = "object") -> dict[str, dict[str, int]]:
    """What the devices of each machine should hold: {address: {zone: replicas}}."""
    rings = admin.call("GET", "objectstore", "/operations/rings")["rings"]
    found: dict[str, dict[str, int]] = {}
    for device in next(one for one in rings if one["name"] == name)["devices"]:
        zones = found.setdefault(device["host"].partition(":")[0], {})
        zones[device["zone"]] = zones.get(device["zone"], 0) + device["holds"]
    return found


def is_spread(admin: Cloud, machines: int) -> bool:
    """Whether no partition has more replicas on one machine than it must, and all machines have their share."""
    rings = admin.call("GET", "objectstore", "/operations/rings")["rings"]
    return all(one["dispersion"] == 0 and one["balance"] < 5 for one in rings) and len(ring(admin)) == machines


def left_on(joined: Machines, name: str) -> str:
    shown = dict(row.split(maxsplit=1) for row in joined.controller.pileus("host", "show", name).splitlines())
    return shown["partitions"].strip()


def test_replicas_spread_over_machines(joined: Machines, admin: Cloud, objects: Objects) -> None:
    eventually("replicas are on three machines", partial(is_spread, admin, 3), MOVED_S)
    found = ring(admin)
    assert all(len(zones) == 1 for zones in found.values()), "a machine is a zone"
    assert len({zone for zones in found.values() for zone in zones}) == 3
    objects.check()
    for machine in (joined.second, joined.third):
        eventually(f"{machine.name} has data", lambda machine=machine: left_on(joined, machine.name) != "0", MOVED_S)


KINDS = ("a machine's own", "its guests'", "expired", "forged", "none", "right")


@pytest.mark.parametrize("kind", KINDS)
def test_storage_servers_take_certificates_of_storage_hosts_alone(joined: Machines, tmp_path: Path, kind: str) -> None:
    ours, purposes = authority.load(joined.controller.state / "registrar"), authority.PURPOSES
    signer = authority.ensure(tmp_path / "other") if kind == "forged" else ours
    purpose = {"a machine's own": "machine", "its guests'": "guests"}.get(kind, "objects")
    lasts = -datetime.timedelta(minutes=1) if kind == "expired" else None
    key, request = authority.new_request()
    made = signer.sign(request, "m2", joined.second.address, lasts, purposes[purpose])
    (tmp_path / "both").write_text(authority.pem_of_key(key) + authority.pem(made))
    context = ssl.create_default_context(cafile=joined.controller.state / "tls/authority.pem")
    if kind != "none":
        context.load_cert_chain(tmp_path / "both")
    address = joined.controller.address
    answer = b""
    try:
        with (
            socket.create_connection((address, PORT), timeout=10) as wire,
            context.wrap_socket(wire, server_hostname=address) as secured,
        ):
            secured.sendall(b"POST /get_rings HTTP/1.1\r\nContent-Length: 0\r\n\r\n")
            answer = secured.recv(4096)
    except OSError:
        assert kind != "right"
    assert answer.startswith(b"HTTP/1.1 401") == (kind == "right"), "without the cluster's key nothing more is told"


def test_a_machine_is_drained_and_removed(joined: Machines, admin: Cloud, objects: Objects, fourth: Machine) -> None:
    eventually("replicas are on four machines", partial(is_spread, admin, 4), MOVED_S)
    assert "m4" in joined.controller.pileus("host", "list")
    assert "`pileus host drain m4`" in joined.controller.pileus("host", "remove", "m4", check=False)
    joined.controller.pileus("host", "drain", "m4")
    eventually("m4 holds nothing", lambda: left_on(joined, "m4") == "0", MOVED_S)
    objects.check()
    program = fourth.start(*python("object_stayer.py", f"{joined.second.address}:{PORT}"))
    assert program.stdout is not None and program.stdout.readline().startswith("ok ")
    try:
        joined.controller.pileus("host", "remove", "m4")
        removed_at = time.time()
        time.sleep(NOTHING_AFTER_S + 2)
    finally:
        program.terminate()
        rest = program.communicate()[0].splitlines()
    late = [line for line in rest if line.startswith("ok ") and float(line.split()[1]) > removed_at + NOTHING_AFTER_S]
    assert not late and any(line.startswith("refused ") for line in rest), rest[-5:]
    assert len(ring(admin)) == 3
    fourth.switch_off()
    objects.check()


def test_objects_outlast_a_machine_that_dies(joined: Machines, admin: Cloud, objects: Objects) -> None:
    """All its processes are killed at once; what was written is read, what is written meanwhile stays, too."""
    eventually("replicas are on three machines", partial(is_spread, admin, 3), MOVED_S)
    joined.second.run("bash", "-c", "kill -KILL -1", check=False)
    for number in range(6):
        objects.put(f"while-it-was-dead-{number}")
    objects.check()
    assert joined.second.address in doctor(joined), "the operator is told"
    joined.second.deploy("up")
    eventually("m2 is back", lambda: joined.second.address not in doctor(joined))
    eventually("all are listed", objects.are_listed)
    objects.check()


def doctor(joined: Machines) -> str:
    shown = json.loads(joined.controller.pileus("--os-cloud", "pileus-admin", "doctor", "--json", check=False))
    return json.dumps([one for one in shown["findings"] if one["check"] == "storage servers"])
