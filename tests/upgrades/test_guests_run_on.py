"""Guests, a router and a volume's export run on while their cloud is upgraded and goes back.

A guest is a program at the tap that the network agent has wired, and an open connection to the export of a volume.
"""

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from cloud_of_a_test import ROOT, pileus, running_version
from next_release import next_version
from steady_load import Account, wait_for

STATE, OFFSET = Path("/var/tmp/pileus-upgrades-guests"), 470
TAP_GUEST = ROOT / "tests" / "machines" / "tap_guest.py"
PINGS_PROGRAM = Path(__file__).with_name("steady_pings.py")
PINGS = 20  # ten a second, to each address in turn


@pytest.fixture
def state() -> Iterator[Path]:
    pileus(ROOT, "reset", "--yes", state=STATE)
    drivers = ("--hypervisor", "fake", "--network-driver", "linux", "--volume-driver", "file")
    pileus(ROOT, "up", "--offset", str(OFFSET), "--no-demo", *drivers, "--yes", state=STATE)
    yield STATE
    pileus(ROOT, "reset", "--yes", state=STATE)


@pytest.mark.timeout(1800)
def test_guests_a_router_and_an_export_run_on(newer: Path, state: Path, tmp_path: Path) -> None:
    account, former = Account(state), running_version(state)
    network, gateway = private_network(account)
    first, second = (make_server(account, network) for _ in range(2))
    export = export_volume(account)
    targets = [first["fixed_ips"][0]["ip_address"], gateway]
    with answering(first), disk(export) as guest_disk, pinging(second, targets, tmp_path) as rounds:
        ask(guest_disk, "write -P 7 0 1M")
        pileus(newer, "upgrade", state=state)
        assert running_version(state) == next_version()
        ask(guest_disk, "read -P 7 0 1M")
        ask(guest_disk, "write -P 8 1M 1M")
        pileus(newer, "upgrade", "--undo", state=state)
        assert running_version(state) == former
        ask(guest_disk, "read -P 8 1M 1M")
    assert len(rounds) >= 4 and set(rounds) == {f"answered {PINGS} of {PINGS}"}, rounds


def private_network(account: Account) -> tuple[str, str]:
    """Return the id of the demo network, and the address that its router has there."""
    network = account.call("GET", "network", "/v2.0/networks?name=private").json()["networks"][0]
    subnet = account.call("GET", "network", f"/v2.0/subnets/{network['subnets'][0]}").json()["subnet"]
    return network["id"], subnet["gateway_ip"]


def make_server(account: Account, network: str) -> dict[str, Any]:
    """Make a server and return its port, when the agent has wired it."""
    image = account.call("GET", "image", "/v2/images").json()["images"][0]["id"]
    wanted = {"name": "runs-on", "imageRef": image, "flavorRef": "1", "networks": [{"uuid": network}]}
    server = account.call("POST", "compute", "/servers", json={"server": wanted}).json()["server"]["id"]
    wait_for(account, "compute", f"/servers/{server}", "server", "ACTIVE")
    port: dict[str, Any] = account.call("GET", "network", f"/v2.0/ports?device_id={server}").json()["ports"][0]
    return port


def export_volume(account: Account) -> str:
    """Make a volume and have it exported to another machine. Returns the URL of its export."""
    volume = account.call("POST", "block-storage", "/volumes", json={"volume": {"size": 1}}).json()["volume"]["id"]
    wait_for(account, "block-storage", f"/volumes/{volume}", "volume", "available")
    version = {"OpenStack-API-Version": "volume 3.70"}
    body = {"attachment": {"volume_uuid": volume, "connector": {"host": "elsewhere"}}}
    made = account.call("POST", "block-storage", "/attachments", json=body, headers=version).json()["attachment"]
    way = made["connection_info"]
    return f"nbd://{way['host']}:{way['port']}/{way['export']}"


def guest_words(port: dict[str, Any]) -> list[str]:
    """Return what `tap_guest.py` needs to know of a port."""
    return [f"tap{port['id'][:11]}", port["mac_address"], port["fixed_ips"][0]["ip_address"]]


@contextmanager
def answering(port: dict[str, Any]) -> Iterator[None]:
    """Have a guest answer at its port during the block."""
    with subprocess.Popen([sys.executable, TAP_GUEST, *guest_words(port)], stdout=subprocess.PIPE, text=True) as guest:
        try:
            assert guest.stdout and guest.stdout.readline() == "ready\n"
            yield
            assert guest.poll() is None
        finally:
            guest.kill()


@contextmanager
def pinging(port: dict[str, Any], targets: list[str], place: Path) -> Iterator[list[str]]:
    """Have a guest at the port ping the targets during the block. Afterwards the list has what came of each round."""
    stop, rounds = place / "stop", []  # type: Path, list[str]
    command = [sys.executable, PINGS_PROGRAM, str(PINGS), str(stop), *guest_words(port), *targets]
    with (place / "pings").open("w+") as said:
        with subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT) as pings:
            try:
                yield rounds
            finally:
                stop.touch()
        said.seek(0)
        rounds += said.read().splitlines()
    assert pings.returncode == 0, rounds


@contextmanager
def disk(export: str) -> Iterator["subprocess.Popen[str]"]:
    """Have a connection to an export open during the block, as a guest's QEMU has."""
    command = ["qemu-io", "-f", "raw", export]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            yield process
        finally:
            process.communicate("quit\n")


def ask(process: "subprocess.Popen[str]", command: str) -> None:
    """Have `qemu-io` do something, and wait until it has."""
    assert process.stdin and process.stdout
    process.stdin.write(command + "\n")
    process.stdin.flush()
    said = process.stdout.readline()
    assert re.search(r"(wrote|read) 1048576/1048576", said), said
    process.stdout.readline()
