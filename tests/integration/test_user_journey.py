"""What a user does with a cloud, in order, with the unmodified `openstack` command; and nothing is left afterwards."""

import hashlib
import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from clients import Cloud, Guest, ping, wait_until
from leftovers import Traces

USER_DATA = "#!/bin/sh\necho user-data-ran > /root/user-data-was-here\n"


class Journey:
    """What one test hands to the next."""

    def __init__(self, cloud: Cloud, admin: Cloud, place: Path) -> None:
        self.cloud, self.admin, self.place, self.key = cloud, admin, place, place / "key"
        self.guest: Guest | None = None
        self.names: dict[str, Any] = {}


@pytest.fixture(scope="module")
def trip(cloud: Cloud, admin: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Journey:
    return Journey(cloud, admin, tmp_path_factory.mktemp("journey"))


@pytest.fixture(scope="module")
def traces(state: Path) -> Traces:
    """Taken before the first test: what the host and the databases hold without us."""
    return Traces(state)


def test_upload_an_image(trip: Journey, state: Path, traces: Traces) -> None:
    file = state / "cache" / "pileus-test.qcow2"
    image = trip.cloud("image", "create", "j-image", "--disk-format", "qcow2", "--file", str(file), "--min-ram", "96")
    shown = trip.cloud("image", "show", image["id"])
    assert shown["status"] == "active"
    assert shown["size"] == file.stat().st_size
    trip.cloud.do("image", "save", "j-image", "--file", str(trip.place / "back.qcow2"))
    assert (trip.place / "back.qcow2").read_bytes() == file.read_bytes()


def test_make_a_network_with_a_router(trip: Journey) -> None:
    trip.cloud("network", "create", "j-net")
    trip.cloud("subnet", "create", "j-subnet", "--network", "j-net", "--subnet-range", "10.77.0.0/24")
    trip.cloud("router", "create", "j-router", "--external-gateway", "public")
    trip.cloud.do("router", "add", "subnet", "j-router", "j-subnet")
    trip.cloud("security", "group", "create", "j-group")
    trip.cloud("security", "group", "rule", "create", "j-group", "--protocol", "icmp")
    trip.cloud("security", "group", "rule", "create", "j-group", "--protocol", "tcp", "--dst-port", "22")


def test_make_a_keypair_and_a_volume(trip: Journey) -> None:
    trip.key.write_text(trip.cloud.do("keypair", "create", "j-key"))
    trip.key.chmod(0o600)
    trip.cloud("volume", "create", "j-volume", "--size", "1")
    wait_until("volume available", lambda: trip.cloud("volume", "show", "j-volume")["status"] == "available", 60)


def test_boot_a_server_with_user_data(trip: Journey) -> None:
    script = trip.place / "user-data"
    script.write_text(USER_DATA)
    trip.cloud(
        "server",
        "create",
        "j-server",
        "--image",
        "j-image",
        "--flavor",
        "m1.nano",
        "--network",
        "j-net",
        "--security-group",
        "j-group",
        "--key-name",
        "j-key",
        "--user-data",
        str(script),
        "--wait",
    )
    server = trip.cloud("server", "show", "j-server")
    assert server["status"] == "ACTIVE"
    trip.names["server_id"] = server["id"]


def test_reach_it_through_a_floating_ip(trip: Journey) -> None:
    address = trip.cloud("floating", "ip", "create", "public")["floating_ip_address"]
    trip.cloud.do("server", "add", "floating", "ip", "j-server", address)
    trip.guest = Guest(address, trip.key).wait()
    assert ping(address)
    trip.names["address"] = address


def test_inside_are_metadata_and_the_user_data_s_effect(trip: Journey) -> None:
    guest = trip.guest
    assert guest is not None
    fetch = "timeout 60 wget -qO- http://169.254.169.254/openstack/latest"
    assert trip.names["server_id"] in guest(f"{fetch}/meta_data.json")
    assert guest(f"{fetch}/user_data") == USER_DATA.strip()
    wait_until("user data ran", lambda: guest.attempt("cat /root/user-data-was-here").stdout.strip(), 60)
    assert guest("hostname") == "j-server"


def attach(trip: Journey, server: str, guest: Guest, volume: str = "j-volume") -> str:
    """Attach it and return the device that appears in the guest."""
    before = set(guest("cat /proc/partitions").split())
    trip.cloud.do("server", "add", "volume", server, volume)
    wait_until("volume in-use", lambda: trip.cloud("volume", "show", volume)["status"] == "in-use", 60)
    new = wait_until(
        "the disk in the guest",
        lambda: sorted(
            word for word in set(guest("cat /proc/partitions").split()) - before if word.startswith(("vd", "sd"))
        ),
        60,
    )
    return f"/dev/{new[0]}"


def detach(trip: Journey, server: str, volume: str = "j-volume") -> None:
    trip.cloud.do("server", "remove", "volume", server, volume)
    wait_until("volume available", lambda: trip.cloud("volume", "show", volume)["status"] == "available", 90)


def test_write_to_a_volume(trip: Journey) -> None:
    guest = trip.guest
    assert guest is not None
    device = attach(trip, "j-server", guest)
    guest(
        f"mke2fs -q {device} && mkdir -p /mnt/v && mount -t ext2 {device} /mnt/v && echo kept > /mnt/v/note && "
        "sync && umount /mnt/v",
        120,
    )
    detach(trip, "j-server")


def test_read_it_on_another_server(trip: Journey) -> None:
    trip.cloud(
        "server",
        "create",
        "j-second",
        "--image",
        "j-image",
        "--flavor",
        "m1.nano",
        "--network",
        "j-net",
        "--security-group",
        "j-group",
        "--key-name",
        "j-key",
        "--wait",
    )
    address = trip.cloud("floating", "ip", "create", "public")["floating_ip_address"]
    trip.cloud.do("server", "add", "floating", "ip", "j-second", address)
    second = Guest(address, trip.key).wait()
    device = attach(trip, "j-second", second)
    second(f"mkdir -p /mnt/v && mount -t ext2 {device} /mnt/v", 120)
    assert second("cat /mnt/v/note && umount /mnt/v", 120) == "kept"
    detach(trip, "j-second")
    trip.cloud.do("server", "delete", "j-second", "--wait")
    trip.cloud.do("floating", "ip", "delete", address)


def test_backups_bring_back_what_was_written(trip: Journey) -> None:
    """A whole one of the volume at rest, then what has changed since, while a guest has it open."""
    cloud, guest = trip.cloud, trip.guest
    assert guest is not None

    def back_up(name: str, *how: str) -> None:
        cloud("volume", "backup", "create", "j-volume", "--name", name, "--container", "j-backups", *how)
        wait_until(f"backup {name}", lambda: cloud("volume", "backup", "show", name)["status"] == "available", 120)

    def note_in(backup: str) -> str:
        made = cloud("volume", "backup", "restore", backup, f"{backup}-restored")["volume_id"]
        wait_until("restored", lambda: cloud("volume", "show", made)["status"] == "available", 120)
        device = attach(trip, "j-server", guest, made)
        found = guest(f"mount -t ext2 {device} /mnt/v && cat /mnt/v/note && umount /mnt/v", 120)
        detach(trip, "j-server", made)
        cloud.do("volume", "delete", made)
        return found

    def is_gone(backup: str) -> bool:
        return backup not in str(cloud("volume", "backup", "list"))

    back_up("j-full")
    device = attach(trip, "j-server", guest)
    guest(f"mount -t ext2 {device} /mnt/v && echo changed > /mnt/v/note && sync", 120)
    back_up("j-change", "--incremental", "--force")
    guest("umount /mnt/v")
    detach(trip, "j-server")
    assert note_in("j-full") == "kept"
    assert note_in("j-change") == "changed"
    for name in ("j-change", "j-full"):
        cloud.do("volume", "backup", "delete", name)
        wait_until(f"{name} is gone", partial(is_gone, name), 60)
    assert cloud("object", "list", "j-backups") == []
    cloud.do("container", "delete", "j-backups")


def test_a_volume_grows_and_keeps_a_snapshot(trip: Journey) -> None:
    trip.cloud("volume", "snapshot", "create", "j-snap", "--volume", "j-volume")
    wait_until("snapshot", lambda: trip.cloud("volume", "snapshot", "show", "j-snap")["status"] == "available", 60)
    trip.cloud.do("volume", "set", "j-volume", "--size", "2")
    wait_until("extended", lambda: trip.cloud("volume", "show", "j-volume")["size"] == 2, 60)
    trip.cloud.do("volume", "snapshot", "delete", "j-snap")
    wait_until("snapshot gone", lambda: not trip.cloud("volume", "snapshot", "list"), 60)


def test_make_an_image_of_the_server_and_boot_it(trip: Journey) -> None:
    guest = trip.guest
    assert guest is not None
    guest("echo made-before-the-image > /root/trace && sync")
    trip.cloud("server", "image", "create", "j-server", "--name", "j-snapshot", "--wait")
    wait_until("image active", lambda: trip.cloud("image", "show", "j-snapshot")["status"] == "active", 180)
    trip.cloud(
        "server",
        "create",
        "j-copy",
        "--image",
        "j-snapshot",
        "--flavor",
        "m1.nano",
        "--network",
        "j-net",
        "--security-group",
        "j-group",
        "--key-name",
        "j-key",
        "--wait",
    )
    address = trip.cloud("floating", "ip", "create", "public")["floating_ip_address"]
    trip.cloud.do("server", "add", "floating", "ip", "j-copy", address)
    assert Guest(address, trip.key).wait()("cat /root/trace") == "made-before-the-image"
    trip.cloud.do("server", "delete", "j-copy", "--wait")
    trip.cloud.do("floating", "ip", "delete", address)
    trip.cloud.do("image", "delete", "j-snapshot")


def test_stop_start_reboot_rebuild(trip: Journey) -> None:
    guest = trip.guest
    assert guest is not None
    trip.cloud.do("server", "stop", "j-server")
    wait_until("SHUTOFF", lambda: trip.cloud("server", "show", "j-server")["status"] == "SHUTOFF", 120)
    trip.cloud.do("server", "start", "j-server")
    wait_until("ACTIVE", lambda: trip.cloud("server", "show", "j-server")["status"] == "ACTIVE", 120)
    guest.wait()
    assert guest("cat /root/trace") == "made-before-the-image"
    trip.cloud.do("server", "reboot", "--hard", "j-server", "--wait")
    guest.wait()
    trip.cloud.do("server", "rebuild", "j-server", "--image", "j-image", "--wait")
    guest.wait()
    assert guest.attempt("cat /root/trace").returncode != 0
    assert "boot finished" in trip.cloud.do("console", "log", "show", "j-server")


def test_an_object_of_300_megabytes(trip: Journey) -> None:
    big = trip.place / "big"
    subprocess.run(["dd", "if=/dev/urandom", f"of={big}", "bs=1M", "count=300", "status=none"], check=True)
    trip.cloud("container", "create", "j-box")
    trip.cloud("object", "create", "j-box", str(big), "--name", "big")
    back = trip.place / "big-back"
    trip.cloud.do("object", "save", "j-box", "big", "--file", str(back))
    assert digest(back) == digest(big)
    trip.cloud.do("container", "delete", "--recursive", "j-box")
    big.unlink()
    back.unlink()


def test_swiftclient_sends_a_file_in_segments(trip: Journey, state: Path) -> None:
    """As a user of `swift` does who has sourced the openrc."""

    def swift(line: str) -> None:
        program = f". {state / 'openrc'} && {Path(sys.executable).parent / 'swift'} {line}"
        done = subprocess.run(["bash", "-c", program], cwd=trip.place, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"swift {line}: {done.stdout}{done.stderr}"

    (trip.place / "parts").write_bytes(os.urandom(25 << 20))
    swift("upload --segment-size 10485760 j-parts parts")
    swift("download j-parts parts -o parts-back")
    assert digest(trip.place / "parts") == digest(trip.place / "parts-back")
    assert len(trip.cloud("object", "list", "j-parts_segments")) == 3
    swift("delete j-parts")
    assert trip.cloud("object", "list", "j-parts_segments") == []
    swift("delete j-parts_segments")


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def test_delete_everything_and_nothing_is_left(trip: Journey, traces: Traces) -> None:
    cloud = trip.cloud
    cloud.do("server", "delete", "j-server", "--wait")
    cloud.do("floating", "ip", "delete", trip.names["address"])
    cloud.do("volume", "delete", "j-volume")
    wait_until("volume gone", lambda: not cloud("volume", "list"), 60)
    cloud.do("router", "remove", "subnet", "j-router", "j-subnet")
    cloud.do("router", "delete", "j-router")
    cloud.do("network", "delete", "j-net")
    cloud.do("security", "group", "delete", "j-group")
    cloud.do("keypair", "delete", "j-key")
    cloud.do("image", "delete", "j-image")
    wait_until("nothing left", lambda: not traces.new(), 60)
    assert traces.new() == []
