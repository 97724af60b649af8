"""A QEMU that was broken out of reaches nothing that listens on its host."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pileus_deploy import host_network
from pileus_deploy.plan import NBD_PORT, NBD_TLS_PORTS, Plan

CODE = """
import socket, subprocess, sys
from pathlib import Path
from pileus_deploy import host_network
from pileus_deploy.plan import Plan

host_network.run("ip", "link", "set", "lo", "up")
for _ in range(2):
    host_network.forbid_guest_connections(Plan(Path("/nowhere"), offset=450))
for port in map(int, sys.argv[2:]):
    with socket.create_server(("127.0.0.1", port)):
        attempt = f"import socket; socket.create_connection(('127.0.0.1', {port}), timeout=5)"
        done = subprocess.run([sys.executable, "-c", attempt], user=int(sys.argv[1]), capture_output=True, check=False)
        print(port, "reached" if done.returncode == 0 else "refused")
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="makes a network namespace")
def test_a_guests_user_opens_no_connection_but_to_its_volumes(tmp_path: Path) -> None:
    first, last = (int(number, 16) for number in host_network.GUEST_USERS.split("-"))
    allowed = (NBD_PORT, NBD_PORT + 450, NBD_TLS_PORTS[0], NBD_TLS_PORTS[-1])
    ports = (5682, 6200, 22, *allowed)

    def reached(user: int) -> set[int]:
        done = subprocess.run(
            ["unshare", "--net", sys.executable, "-c", CODE, str(user), *map(str, ports)],
            capture_output=True,
            text=True,
            check=True,
        )
        return {int(line.split()[0]) for line in done.stdout.splitlines() if line.endswith("reached")}

    for guest in (first, first + 12345, last):
        assert reached(guest) == set(allowed)
    assert reached(0) == set(ports)


def test_groups_of_guests_go_with_the_cloud(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = Plan(tmp_path / "state", offset=450)
    monkeypatch.setattr(host_network, "CONTROL_GROUPS", tmp_path)
    mine, other = tmp_path / "memory" / "unit" / f"pileus-{plan.prefix}", tmp_path / "pids" / "pileus-another"
    (mine / "guest").mkdir(parents=True)
    (other / "guest").mkdir(parents=True)
    host_network.remove_control_groups(plan)
    assert not mine.exists() and (other / "guest").exists()
