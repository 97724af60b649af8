"""A guest's local disks: made whole or not at all, grown, kept and restored, whenever the agent is killed."""

import subprocess
import uuid
from dataclasses import replace
from pathlib import Path

import pytest

from pileus_compute.drivers.qemu import disks as disks_module
from pileus_compute.drivers.qemu.disks import GuestDisks, backing_file, virtual_size
from pileus_compute.drivers.qemu.image_cache import ImageCache
from pileus_compute.errors import DiskTooSmall, GuestAbsent, HypervisorFailed
from pileus_compute.rpc import Guest, LocalDisk

GIB, MIB = 1 << 30, 1 << 20


class Died(BaseException):
    """The power went."""


@pytest.fixture
def disks(tmp_path):
    return GuestDisks(tmp_path / "instances", ImageCache(tmp_path / "cache"), "h")


@pytest.fixture
def guest(image_server, tmp_path):
    path = tmp_path / "image"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(path), "512M"], check=True)
    image = image_server.put("half", path.read_bytes(), "qcow2")
    return Guest(str(uuid.uuid4()), "instance-1", 1, 64, root_gib=1, image=image)


def names(disks, guest):
    return sorted(p.name for p in disks.files(guest.id).home.iterdir())


def label(path: Path) -> str:
    return subprocess.run(
        ["blkid", "-p", "-o", "value", "-s", "LABEL", str(path)], capture_output=True, text=True, check=True
    ).stdout.strip()


def test_every_kind_of_disk(disks, guest):
    guest = replace(
        guest,
        ephemeral=(LocalDisk(16), LocalDisk(32, format="ext3")),
        swap_mib=8,
        config_drive={"openstack/latest/meta_data.json": b"{}", "openstack/latest/user_data": b"\xff\x00"},
    )
    disks.prepare(guest)
    disks.prepare(guest)
    files = disks.files(guest.id)
    assert names(disks, guest) == ["config-drive.iso", "ephemeral0.raw", "ephemeral1.raw", "root.qcow2", "swap.raw"]
    assert virtual_size(files.root) == GIB
    assert backing_file(files.root).name == f"half-{guest.image.sha256}.qcow2"
    assert [label(p) for p in (files.ephemeral(0), files.ephemeral(1), files.swap, files.config_drive)] == [
        "ephemeral0",
        "ephemeral1",
        "swap0",
        "config-2",
    ]
    assert {oct(p.stat().st_mode & 0o777) for p in files.home.iterdir()} == {"0o600"}
    disks.destroy(guest.id)
    disks.destroy(guest.id)
    assert not files.home.exists()


def test_growing_and_not_shrinking(disks, guest):
    disks.prepare(replace(guest, root_gib=0))
    assert virtual_size(disks.files(guest.id).root) == 512 * MIB
    disks.prepare(replace(guest, root_gib=2))
    assert virtual_size(disks.files(guest.id).root) == 2 * GIB
    with pytest.raises(DiskTooSmall):
        disks.prepare(guest)


def test_an_image_that_does_not_fit(disks, guest, image_server, tmp_path):
    path = tmp_path / "big"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(path), "3G"], check=True)
    with pytest.raises(DiskTooSmall):
        disks.prepare(replace(guest, image=image_server.put("big", path.read_bytes(), "qcow2")))
    assert names(disks, guest) == []


def test_an_iso_is_a_cd_beside_an_empty_disk(disks, guest, image_server):
    content = bytes(0x8001) + b"CD001" + bytes(2042)
    disks.prepare(replace(guest, image=image_server.put("cd", content, "iso")))
    files = disks.files(guest.id)
    assert files.cdrom.read_bytes() == content
    assert virtual_size(files.root) == GIB and backing_file(files.root) is None


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", ""])
def test_a_config_drive_stays_inside(disks, guest, name):
    with pytest.raises(HypervisorFailed):
        disks.prepare(replace(guest, config_drive={name: b"x"}))


@pytest.mark.parametrize("id", ["..", "", "a/b", "../../etc"])
def test_an_id_is_no_path(disks, id):
    with pytest.raises(GuestAbsent):
        disks.destroy(id)


def written(disks, guest, word):
    path = str(disks.files(guest.id).root)
    subprocess.run(["qemu-io", "-f", "qcow2", "-c", f"write -P {word} 0 4k", path], check=True, capture_output=True)


def says(disks, guest, word):
    path = str(disks.files(guest.id).root)
    command = ["qemu-io", "-f", "qcow2", "-c", f"read -P {word} 0 4k", path]
    done = subprocess.run(command, capture_output=True, text=True)
    return done.returncode == 0 and "verification failed" not in done.stdout


@pytest.mark.parametrize("copy", [False, True], ids=["moved", "copied"])
def test_kept_disks_come_back_as_they_were(disks, guest, copy):
    disks.prepare(guest)
    written(disks, guest, 1)
    disks.keep(guest.id, copy)
    disks.prepare(guest)
    assert says(disks, guest, 1) is copy
    written(disks, guest, 2)
    disks.keep(guest.id, copy)
    assert says(disks, guest, 2)
    disks.restore(guest.id)
    disks.restore(guest.id)
    assert says(disks, guest, 1)
    disks.keep(guest.id, copy)
    disks.drop_kept(guest.id)
    disks.drop_kept(guest.id)
    assert "kept" not in names(disks, guest)


@pytest.mark.parametrize("copy", [False, True], ids=["moved", "copied"])
def test_keeping_and_restoring_survive_death_at_any_point(disks, guest, copy, monkeypatch):
    """Killed at the n-th change of the file system, and called again: nothing is lost."""
    guest = replace(guest, ephemeral=(LocalDisk(16),), swap_mib=8)
    disks.prepare(guest)
    written(disks, guest, 1)
    for deadly in range(1, 30):
        if _survives(disks, guest, copy, deadly, monkeypatch) == "finished":
            break
        assert says(disks, guest, 1)
        assert {"ephemeral0.raw", "root.qcow2", "swap.raw"} <= set(names(disks, guest))
        assert not {"kept", "restoring"} & set(names(disks, guest))
    else:
        pytest.fail("it never got through")


def _survives(disks, guest, copy, deadly, monkeypatch):
    left = deadly

    def dying(original):
        def change(*args, **kwargs):
            nonlocal left
            left -= 1
            if left == 0:
                raise Died
            return original(*args, **kwargs)

        return change

    with monkeypatch.context() as patch:
        for name in ("rename", "replace", "unlink", "rmdir", "mkdir"):
            patch.setattr(Path, name, dying(getattr(Path, name)))
        patch.setattr(disks_module.os, "link", dying(disks_module.os.link))
        try:
            disks.keep(guest.id, copy)
            disks.restore(guest.id)
        except Died:
            pass
        died = left <= 0
    if died:
        if not (disks.files(guest.id).home / "restoring").exists():
            disks.keep(guest.id, copy)
        disks.restore(guest.id)
    return "died" if died else "finished"


def test_a_disk_whose_header_names_another_file_is_refused(disks, guest, tmp_path):
    """A guest's QEMU can write its disk's header, so a file that it names must not be opened or made readable."""
    disks.prepare(guest)
    files = disks.files(guest.id)
    assert [path.name for path in files.shared()] == [f"half-{guest.image.sha256}.qcow2"]
    secret = tmp_path / "secret"
    secret.write_bytes(b"x" * MIB)
    subprocess.run(["qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "raw", "-b", secret, files.root], check=True)
    for use in (files.shared, lambda: files.overlay(files.root)):
        with pytest.raises(HypervisorFailed, match="not in the image cache"):
            use()
