"""A guest that is off is taken to another host: its disks are copied there, and the other host knows it without
starting it. The other host is the same one, after the guest was destroyed."""

from dataclasses import replace

import pytest

from pileus_compute.drivers.base import MovableDisks, Snapshot
from pileus_compute.errors import GuestAbsent, GuestRuns
from pileus_compute.rpc import LocalDisk, Power

EPHEMERAL_MIB = 16
MARK = b"written by the guest"


def image_of(bench, image_server, name, path):
    if bench.real:
        return image_server.put(name, path.read_bytes(), "qcow2")
    return replace(bench.image, id=name)


def test_a_guest_is_moved_with_its_disks(bench, image_server, tmp_path):
    assert isinstance(bench.hypervisor, MovableDisks) and isinstance(bench.hypervisor, Snapshot)
    driver, guest = bench.hypervisor, bench.guest(ephemeral=(LocalDisk(EPHEMERAL_MIB),))
    driver.prepare(guest)
    driver.define(guest)
    assert driver.state(guest.id).power is Power.STOPPED
    if bench.real:
        with driver.disks.files(guest.id).ephemeral(0).open("r+b") as disk:
            disk.seek(8 << 20)
            disk.write(MARK)
    root, blank = tmp_path / f"{guest.id}-root", tmp_path / f"{guest.id}-blank"
    driver.snapshot(guest.id, root, "qcow2")
    driver.copy_disk(guest.id, 0, blank, "qcow2")
    driver.destroy(guest.id)

    moved = replace(
        guest,
        image=image_of(bench, image_server, f"root-{guest.id}", root),
        ephemeral=(LocalDisk(2 * EPHEMERAL_MIB, image=image_of(bench, image_server, f"blank-{guest.id}", blank)),),
    )
    for _ in range(2):
        driver.prepare(moved)
        driver.define(moved)
        assert driver.state(guest.id).power is Power.STOPPED
    if bench.real:
        with driver.disks.files(guest.id).ephemeral(0).open("rb") as disk:
            disk.seek(8 << 20)
            assert disk.read(len(MARK)) == MARK
            assert disk.seek(0, 2) == 2 * EPHEMERAL_MIB << 20
    assert driver.boot(moved).power is Power.RUNNING
    driver.define(moved)  # a known guest stays as it is
    assert driver.state(guest.id).power is Power.RUNNING


def test_disks_of_a_running_guest_are_not_copied(bench, tmp_path):
    driver, guest = bench.hypervisor, bench.guest(ephemeral=(LocalDisk(EPHEMERAL_MIB),))
    driver.prepare(guest)
    driver.boot(guest)
    with pytest.raises(GuestRuns):
        driver.copy_disk(guest.id, 0, tmp_path / "disk", "qcow2")
    with pytest.raises(GuestAbsent):
        driver.copy_disk("00000000-0000-4000-8000-000000000000", 0, tmp_path / "disk", "qcow2")
