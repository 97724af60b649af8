"""What confines a QEMU whose guest has broken out of it: its limits, and the base images that it may read."""

import os
import signal
import subprocess
import sys
import uuid
from dataclasses import replace

import pytest

from pileus_compute.drivers.libvirt import confinement, guest_users, hotplug
from pileus_compute.drivers.libvirt.hypervisor import Libvirt
from pileus_compute.drivers.qemu import cgroups
from pileus_compute.drivers.qemu.image_acls import users
from pileus_compute.rpc import Guest, Power

MIB = 1 << 20


@pytest.fixture
def image(image_server, test_image):
    return image_server.put("testimg", test_image.read_bytes(), "qcow2")


@pytest.fixture
def host(libvirtd):
    made = []

    def agent():
        made.append(Libvirt(libvirtd.uri, libvirtd.state / "host", "h", f"plc{os.getpid()}"))
        return made[-1]

    agent.made = made
    yield agent
    for guest in agent().guests():
        made[-1].destroy(guest.id)
    for driver in made:
        driver.close()


def running(driver, image, **changes):
    id = str(uuid.uuid4())
    guest = replace(Guest(id, f"instance-{id[:8]}", 1, 128, root_gib=1, image=image), **changes)
    driver.prepare(guest)
    assert driver.boot(guest).power is Power.RUNNING
    return guest


def process(driver, guest):
    (found,) = cgroups.named_after([guest.id])
    return found[1]


def groups(driver, guest):
    """Controller -> the directory of the guest's group."""
    pid = process(driver, guest)
    return {name: h.group(pid) for h in driver.confinement.groups.hierarchies for name in h.controllers}


def limit(driver, guest, controller, *names):
    place = groups(driver, guest)[controller]
    return int(next((place / name).read_text() for name in names if (place / name).exists()))


def needs_groups(driver):
    if "memory" not in driver.confinement.groups.limited:
        pytest.skip("this machine lets us make no control groups")


def test_a_guest_has_limits_from_its_start_to_its_end(host, image):
    driver = host()
    needs_groups(driver)
    guest = running(driver, image, vcpus=2, memory_mib=256)
    places = groups(driver, guest)
    assert {place.name for place in places.values()} == {guest.id}
    memory = limit(driver, guest, "memory", "memory.limit_in_bytes", "memory.max")
    assert 256 * MIB + (1 << 30) < memory < 256 * MIB + (3 << 30)
    assert 64 < limit(driver, guest, "pids", "pids.max") < 1000
    assert limit(driver, guest, "cpu", "cpu.shares", "cpu.weight") in (2048, 200)
    assert driver.inventory().facts["limits"].split() == sorted(driver.confinement.groups.limited)
    driver.destroy(guest.id)
    assert not [place for place in places.values() if place.exists() or place.parent.exists()]


def test_a_running_guest_without_limits_gets_them_from_the_next_agent(host, image):
    driver = host()
    needs_groups(driver)
    guest = running(driver, image)
    places = groups(driver, guest)
    for place in places.values():
        cgroups.write(place.parent.parent / "cgroup.procs", process(driver, guest))
        place.rmdir()
    other = host()
    for _ in range(2):
        other.confine()
        assert groups(other, guest) == places
    assert limit(other, guest, "pids", "pids.max") < 1000
    other.destroy(guest.id)
    assert not any(place.parent.exists() for place in places.values())


def test_groups_of_a_guest_that_ended_by_itself_are_removed(host, image):
    driver = host()
    needs_groups(driver)
    guest = running(driver, image)
    places = groups(driver, guest)
    os.kill(process(driver, guest), signal.SIGKILL)
    while driver.state(guest.id).power is Power.RUNNING:
        pass
    host().confine()  # an agent that has made none of them
    assert not [place for place in places.values() if place.exists()]
    assert driver.boot(guest).power is Power.RUNNING
    assert {place.name for place in groups(driver, guest).values()} == {guest.id}


def test_the_limits_leave_room_for_emulation(host, image):
    driver = host()
    guest = running(driver, image)
    domain = hotplug.description(driver.domains.get(guest.id))
    emulated = confinement.limits(domain)
    domain.set("type", "kvm")
    assert emulated.memory_bytes - confinement.limits(domain).memory_bytes == confinement.EMULATION_BYTES
    assert emulated.memory_bytes > 2 * 250 * MIB


def opens(path, user, group):
    """Whether a process of a guest's user, in the guests' group, can read a file."""
    done = subprocess.run(
        [sys.executable, "-c", f"open({str(path)!r}, 'rb').read(1)"],
        user=user,
        group=group,
        extra_groups=[group],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0 or "PermissionError" in done.stderr, done.stderr
    return done.returncode == 0


@pytest.fixture
def separate(host):
    found = guest_users.find(host().connection.get())
    if found.group is None:
        pytest.skip("this machine can't separate guests")
    return found


def base_of(driver, guest):
    return driver.disks.files(guest.id).shared()[0]


def test_a_base_image_is_read_by_its_guests_only(host, image, image_server, separate):
    driver = host()
    mine = running(driver, image)
    other = running(driver, image_server.put("other-one", b"x" * MIB, "raw"))
    bases = base_of(driver, mine), base_of(driver, other)
    ids = separate.user(mine.id), separate.user(other.id)

    def seen():
        return [[opens(base, user, separate.group) for base in bases] for user in (*ids, guest_users.FIRST + 5)]

    alone = [[True, False], [False, True], [False, False]]
    assert seen() == alone
    driver.cut_power(mine.id)
    driver.boot(mine)
    driver.suspend(other.id)
    driver.boot(other)
    assert seen() == alone
    third = running(driver, image)
    assert users(bases[0]) == {ids[0], separate.user(third.id)}
    again = host()
    again.confine()
    assert seen() == alone and again.images.base(image).path == bases[0]
    assert seen() == alone, "a look into the cache changes nothing"
    again.destroy(mine.id)
    assert users(bases[0]) == {separate.user(third.id)} and not opens(bases[0], ids[0], separate.group)
    again.destroy(third.id)
    assert users(bases[0]) == set() and bases[0].stat().st_mode & 0o777 == 0o600


def test_a_rebuilt_guest_does_not_read_its_old_base_image(host, image, image_server, separate):
    driver = host()
    guest = running(driver, image)
    old = base_of(driver, guest)
    driver.cut_power(guest.id)
    driver.keep_disks(guest.id, copy=False)
    rebuilt = replace(guest, image=image_server.put("rebuilt", b"y" * MIB, "raw"))
    driver.prepare(rebuilt)
    driver.boot(rebuilt)
    assert base_of(driver, guest) != old
    assert [separate.user(guest.id) in users(base) for base in (old, base_of(driver, guest))] == [False, True]
    driver.cut_power(guest.id)
    driver.restore_disks(guest.id)
    assert driver.boot(guest).power is Power.RUNNING and users(old) == {separate.user(guest.id)}


def test_a_rescued_guest_reads_both_base_images(host, image, image_server, separate):
    driver = host()
    guest = running(driver, image)
    driver.cut_power(guest.id)
    rescued = replace(guest, rescue=image_server.put("rescue", b"z" * MIB, "raw"))
    driver.prepare(rescued)
    assert driver.boot(rescued).power is Power.RUNNING
    user, shared = separate.user(guest.id), driver.disks.files(guest.id).shared()
    assert len(shared) == 2 and all(user in users(base) for base in shared)
    driver.cut_power(guest.id)
    driver.drop_rescue(guest.id)
    driver.boot(guest)
    assert [user in users(base) for base in shared] == [True, False]


def test_a_cd_is_read_by_its_guest_only(host, image_server, separate, tmp_path):
    driver, disc = host(), tmp_path / "disc.iso"
    (tmp_path / "content").mkdir()
    subprocess.run(["genisoimage", "-quiet", "-o", disc, tmp_path / "content"], check=True)
    guest = running(driver, image_server.put("disc", disc.read_bytes(), "iso"))
    cd = driver.disks.files(guest.id).cdrom
    assert opens(cd, separate.user(guest.id), separate.group)
    assert not opens(cd, guest_users.FIRST + 5, separate.group)


def test_a_snapshot_of_a_guest_on_a_base_that_others_cannot_read(host, image, separate, libvirtd):
    driver, guest = host(), None
    guest = running(driver, image)
    for name in ("running", "stopped"):
        into = libvirtd.state / "host" / f"{name}.qcow2"
        driver.snapshot(guest.id, into, "qcow2")
        subprocess.run(["qemu-img", "check", "-q", into], check=True)
        into.unlink()
        driver.cut_power(guest.id)


def test_access_that_earlier_releases_left_is_corrected(host, image, separate):
    """Base images used to belong to the guests' group, and an agent that was killed leaves users of deleted guests."""
    driver = host()
    guest = running(driver, image)
    base, gone = base_of(driver, guest), guest_users.FIRST + 7
    os.removexattr(base, "system.posix_acl_access")
    os.chown(base, 0, separate.group)
    base.chmod(0o640)
    assert opens(base, gone, separate.group)
    host().confine()
    assert users(base) == {separate.user(guest.id)} and not opens(base, gone, separate.group)
    driver.confinement._readers.admit(gone, [base])
    host().confine()
    assert users(base) == {separate.user(guest.id)}
