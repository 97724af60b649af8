"""A real distribution: Debian is built from its packages, boots, and its cloud-init finds what it looks for."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from clients import Cloud, Guest, wait_until

pytestmark = pytest.mark.timeout(2400)  # an image built, a distribution booted under emulation
BIN = Path(sys.executable).parent
CLOUD_CONFIG = """#cloud-config
write_files:
- path: /srv/written
  content: by cloud-init
runcmd:
- [sh, -c, "echo ran > /srv/ran"]
"""


@pytest.fixture(scope="module")
def debian(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """A server of an image that `pileus image build debian` made, with user data, reached by ssh as `debian`."""
    place = tmp_path_factory.mktemp("debian")
    subprocess.run(
        [BIN / "pileus", "image", "build", "debian", "--name", "d-image"],
        env=cloud.environment,
        check=True,
        timeout=1500,
    )
    key, script = place / "key", place / "user-data"
    key.write_text(cloud.do("keypair", "create", "d-key"))
    key.chmod(0o600)
    script.write_text(CLOUD_CONFIG)
    cloud(
        "server",
        "create",
        "d-server",
        "--image",
        "d-image",
        "--flavor",
        "m1.small",
        "--network",
        "private",
        "--key-name",
        "d-key",
        "--user-data",
        str(script),
        "--wait",
    )
    address = cloud("floating", "ip", "create", "public")["floating_ip_address"]
    cloud.do("server", "add", "floating", "ip", "d-server", address)
    guest = Guest(address, key, "debian")
    wait_until("ssh", lambda: guest.attempt("true").returncode == 0, 900)
    yield guest
    cloud.do("server", "delete", "d-server", "--wait")
    cloud.do("floating", "ip", "delete", address)
    cloud.do("keypair", "delete", "d-key")
    cloud.do("image", "delete", "d-image")


def test_cloud_init_ends_well(debian: Guest) -> None:
    status = debian.attempt("cloud-init status --wait --long", 900)
    log = debian.attempt("sudo tail -50 /var/log/cloud-init.log").stdout
    assert "status: done" in status.stdout, status.stdout + log
    assert debian("systemctl --failed --no-legend", 600) == ""


def test_user_data_has_run(debian: Guest) -> None:
    assert debian("cat /srv/written; echo; cat /srv/ran") == "by cloud-init\nran"


def test_the_user_and_the_name(debian: Guest) -> None:
    assert debian("id -un; sudo -n id -un; hostname") == "debian\nroot\nd-server"


def test_the_disk_has_grown_to_the_flavor_s(debian: Guest) -> None:
    assert int(debian("df --output=size -B1G / | tail -1")) >= 18


def test_network_data_makes_it_ask_dhcp(debian: Guest) -> None:
    """A static configuration would never hear of a later change of routes, MTU or name servers."""
    assert "dhcp4: true" in debian("sudo cat /etc/netplan/50-cloud-init.yaml")


def test_metadata_is_reached_after_the_first_boot_too(debian: Guest) -> None:
    assert "d-server" in debian("curl -s --max-time 20 http://169.254.169.254/openstack/latest/meta_data.json")


def test_its_own_name_is_answered_by_the_subnet(debian: Guest) -> None:
    """By the DHCP service; the subnet of the demo network may name other servers."""
    assert debian("getent hosts d-server")
