"""After `deploy/down` and `deploy/up`, and after a power cut, everything is as it was."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from clients import Cloud, Guest, wait_until
from conftest import deploy
from leftovers import output

from pileus_deploy.plan_files import load as load_plan
from pileus_deploy.status import process_tree

LASTING = "mke2fs -q {0} && mkdir -p /mnt/v && mount -t ext2 {0} /mnt/v && echo kept > /mnt/v/note && sync"


class House:
    """A server with a floating IP and an attached, mounted volume; and one that was stopped."""

    def __init__(self, cloud: Cloud, place: Path) -> None:
        self.cloud, self.sdk, self.key = cloud, cloud.sdk(), place / "key"
        compute, network = self.sdk.compute, self.sdk.network
        keypair = compute.create_keypair(name="house")
        self.key.write_text(keypair.private_key)
        self.key.chmod(0o600)
        wish = {
            "image_id": self.sdk.image.find_image("pileus-test").id,
            "key_name": "house",
            "flavor_id": compute.find_flavor("m1.nano").id,
            "networks": [{"uuid": network.find_network("private").id}],
        }
        self.running = compute.wait_for_server(compute.create_server(name="house-running", **wish), wait=240)
        self.stopped = compute.wait_for_server(compute.create_server(name="house-stopped", **wish), wait=240)
        compute.stop_server(self.stopped)
        compute.wait_for_server(self.stopped, status="SHUTOFF", wait=120)
        port = next(iter(network.ports(device_id=self.running.id)))
        self.address = network.create_ip(floating_network_id=network.find_network("public").id, port_id=port.id)
        self.guest = Guest(self.address.floating_ip_address, self.key).wait()
        self.volume = self.sdk.block_storage.create_volume(size=1, name="house")
        self.sdk.block_storage.wait_for_status(self.volume, "available", wait=60)
        before = self.disks()
        compute.create_volume_attachment(self.running, volume_id=self.volume.id)
        self.sdk.block_storage.wait_for_status(self.volume, "in-use", wait=60)
        device = wait_until("the disk", lambda: sorted(self.disks() - before), 60)[0]
        self.guest(LASTING.format(f"/dev/{device}") + " && umount /mnt/v", 120)

    def disks(self) -> set[str]:
        return {word for word in self.guest("cat /proc/partitions").split() if word.startswith("vd")}

    def check(self) -> None:
        compute = self.sdk.compute
        wait_until("the running one runs", lambda: compute.get_server(self.running.id).status == "ACTIVE", 120)
        assert compute.get_server(self.stopped.id).status == "SHUTOFF"
        assert self.sdk.block_storage.get_volume(self.volume.id).status == "in-use"
        self.guest.wait()
        look = "mkdir -p /mnt/v; mount -t ext2 /dev/{} /mnt/v && cat /mnt/v/note; umount /mnt/v"
        found = [self.guest.attempt(look.format(disk)).stdout.strip() for disk in sorted(self.disks())]
        assert "kept" in found, f"the volume isn't there as it was: {found}"

    def remove(self) -> None:
        compute = self.sdk.compute
        for server in (self.running, self.stopped):
            compute.delete_server(server)
        for server in (self.running, self.stopped):
            compute.wait_for_delete(server, wait=120)
        self.sdk.network.delete_ip(self.address)
        self.sdk.block_storage.delete_volume(self.volume)
        compute.delete_keypair("house")


@pytest.fixture(scope="module")
def house(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    house = House(cloud, tmp_path_factory.mktemp("house"))
    yield house
    house.remove()


def test_down_and_up(house: House, state: Path) -> None:
    deploy("down", state=state)
    deploy("up", "--no-demo", state=state)
    house.check()


def test_a_power_cut(house: House, state: Path) -> None:
    cut_the_power(state)
    deploy("up", "--no-demo", state=state)
    house.check()


def cut_the_power(state: Path) -> None:
    """SIGKILL for every process of the cloud at once, and nothing left of what lives in a kernel's memory."""
    plan = load_plan(state)
    supervisor: dict[str, Any] = json.loads((state / "run" / "supervisor.json").read_text())
    pids = [*process_tree(supervisor["pid"]), *daemons(state)]
    for number in (signal.SIGSTOP, signal.SIGKILL):  # at once: nobody shall see another die
        for pid in pids:
            try:
                os.kill(pid, number)
            except ProcessLookupError:
                pass
    wait_until("all dead", lambda: not any(alive(pid) for pid in pids), 60)
    for place in (state / "libvirt" / "run", Path(f"/run/pileus-{plan.prefix}")):  # /run is memory too
        shutil.rmtree(place, ignore_errors=True)
    for line in output("ip", "netns").splitlines():
        if line.startswith(plan.prefix):
            subprocess.run(["ip", "netns", "delete", line.split()[0]], check=True)
    for link in json.loads(output("ip", "-json", "link")):
        if link["ifname"].startswith(plan.prefix) or link.get("master", "").startswith(plan.prefix):
            subprocess.run(["ip", "link", "delete", link["ifname"]], check=False, capture_output=True)
    for table in ("ip " + plan.prefix + "_masquerade", "bridge pileus_" + plan.prefix, "inet pileus_" + plan.prefix):
        subprocess.run(["nft", "delete", "table", *table.split()], check=False, capture_output=True)
    time.sleep(1)


def daemons(state: Path) -> list[int]:
    """What runs for the cloud but not below its supervisor: guests, dnsmasq, radvd, storage daemons."""
    found, places = [], (f"{state}/".encode(), f"/run/pileus-{load_plan(state).prefix}/".encode())
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                command = (place / "cmdline").read_bytes()
            except OSError:
                continue
            if any(place_of in command for place_of in places) and int(place.name) != os.getpid():
                found.append(int(place.name))
    return found


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False
