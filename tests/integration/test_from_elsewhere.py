"""From another machine, played by a network namespace: the APIs, and a server through its floating IP."""

import shutil
import subprocess
import sys
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pytest
from clients import Cloud, wait_until
from conftest import OFFSET, deploy

BIN = Path(sys.executable).parent
NAME, HERE, THERE = "pileus-other", "198.18.77.1", "198.18.77.2"
STATE = Path("/var/tmp/pileus-elsewhere")


def run(*words: str | Path) -> str:
    return subprocess.run(words, check=True, capture_output=True, text=True, timeout=300).stdout


@pytest.fixture(scope="module")
def other() -> Iterator[str]:
    """The namespace's name; it reaches this machine by a wire of its own."""
    run("ip", "netns", "add", NAME)
    try:
        run("ip", "link", "add", f"{NAME}-w", "type", "veth", "peer", "name", "eth0", "netns", NAME)
        run("ip", "addr", "add", f"{HERE}/24", "dev", f"{NAME}-w")
        run("ip", "link", "set", f"{NAME}-w", "up")
        for words in (
            ("addr", "add", f"{THERE}/24", "dev", "eth0"),
            ("link", "set", "eth0", "up"),
            ("link", "set", "lo", "up"),
        ):
            run("ip", "-n", NAME, *words)
        yield NAME
    finally:
        run("ip", "netns", "del", NAME)


def test_clients_elsewhere_need_clouds_yaml_only(other: str, tmp_path: Path) -> None:
    deploy("reset", state=STATE)
    try:
        deploy("up", "--offset", str(OFFSET + 20), "--hypervisor", "fake", "--no-demo", "--address", HERE, state=STATE)
        copied = tmp_path / "clouds.yaml"
        shutil.copy(STATE / "clouds.yaml", copied)
        there = (
            "ip",
            "netns",
            "exec",
            other,
            "env",
            f"OS_CLIENT_CONFIG_FILE={copied}",
            f"HOME={tmp_path}",
            "OS_CLOUD=pileus",
        )
        assert "private" in run(*there, BIN / "openstack", "network", "list")
        assert "ACTIVE" in run(
            *there,
            BIN / "pileus",
            "server",
            "create",
            "far",
            "--image",
            "pileus-test",
            "--flavor",
            "m1.nano",
            "--network",
            "private",
        )
        run(*there, BIN / "pileus", "server", "delete", "far")
    finally:
        deploy("reset", state=STATE)


def test_a_floating_ip_is_reached_by_a_route_through_this_machine(cloud: Cloud, other: str) -> None:
    given = {row["Floating IP Address"] for row in cloud("floating", "ip", "list")}
    (address,) = given & set(cloud("server", "show", "first")["addresses"]["private"])
    run("ip", "-n", other, "route", "add", str(ip_network(f"{address}/24", strict=False)), "via", HERE)

    def greeting() -> str:
        return subprocess.run(
            ["ip", "netns", "exec", other, "timeout", "5", "sh", "-c", f"nc -w 3 {address} 22 </dev/null | head -c 4"],
            capture_output=True,
            text=True,
            check=False,
        ).stdout

    wait_until("the server greets", lambda: greeting() == "SSH-", 60)
