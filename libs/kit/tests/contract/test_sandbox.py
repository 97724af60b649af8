"""What a program in the sandbox can see, do and use up: with the real bubblewrap, kernel and qemu-img."""

import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from pileus_kit import qemu_img, sandbox
from pileus_kit.testing.hostile_images import MIB, Builder, Hostile

SECRET = b"the host's own secret. "
CANARY = SECRET * (MIB // len(SECRET))
TEETH = {
    "qcow2: a backing file",
    "qcow2: a backing file in version 2",
    "qcow2: a backing file named by its driver",
    "qcow2: a data file",
    "vmdk: a descriptor where QEMU doesn't look",
    "vmdk: a parent behind the descriptor's length",
    "vmdk: a parent",
    "vmdk: a descriptor alone",
    "vmdk: a parent said twice",
    "vmdk: a descriptor behind an empty header",
}
"""Tricks that work on an unguarded qemu-img, so that the test would show a sandbox that doesn't hold."""


@pytest.fixture
def room(tmp_path: Path) -> Path:
    (tmp_path / "canary").write_bytes(CANARY)
    (tmp_path / "source").write_bytes(b"source")
    (tmp_path / "target").write_bytes(b"")
    for name in ("canary", "source", "target"):
        (tmp_path / name).chmod(0o600)
    return tmp_path


def run(room: Path, *command: str, **limits: int) -> "subprocess.CompletedProcess[str]":
    return sandbox.run(command, {"/source": room / "source"}, {"/target": room / "target"}, sandbox.Limits(**limits))


def shell(room: Path, script: str, **limits: int) -> "subprocess.CompletedProcess[str]":
    return run(room, "bash", "-c", script, **limits)


def corpus(room: Path, itself: str) -> Iterator[Hostile]:
    for hostile in Builder(room, room / "canary", itself).all():
        (room / "source").write_bytes(hostile.content)
        (room / "target").write_bytes(b"")
        yield hostile


def test_hostile_images_that_pass_the_inspector_still_get_nothing(room: Path) -> None:
    read = []
    for hostile in corpus(room, "/source"):
        source, target = qemu_img.Disk(room / "source", hostile.declared), qemu_img.Disk(room / "target", "raw")
        try:
            qemu_img.convert(source, target, 10 * MIB)
        except qemu_img.QemuImgFailed as err:
            assert str(room / "source") not in str(err), "the host's paths are nobody's business"
        if SECRET in target.path.read_bytes():
            read.append(hostile.trick)
    assert not read


def test_the_sandbox_holds_alone(room: Path) -> None:
    """Without our way of naming disks, too: a header that QEMU follows leads nowhere."""
    read = []
    for hostile in corpus(room, "/source"):
        run(room, "qemu-img", "convert", "-f", hostile.declared, "-O", "raw", "/source", "/target")
        if SECRET in (room / "target").read_bytes():
            read.append(hostile.trick)
    assert not read


def test_the_corpus_bites_without_a_sandbox(room: Path) -> None:
    bitten = set()
    for hostile in corpus(room, str(room / "source")):
        subprocess.run(
            ["qemu-img", "convert", "-f", hostile.declared, "-O", "raw", room / "source", room / "target"],
            capture_output=True,
            check=False,
            timeout=60,
        )
        if SECRET in (room / "target").read_bytes():
            bitten.add(hostile.trick)
    assert bitten >= TEETH


def test_a_program_sees_its_files_and_the_programs(room: Path) -> None:
    assert shell(room, "cat /source").stdout == "source"
    assert shell(room, "echo made > /target").returncode == 0 and (room / "target").read_text() == "made\n"
    seen = set(shell(room, "cd / && ls").stdout.split())
    assert seen == {"bin", "dev", "lib", "lib64", "source", "target", "usr"}
    assert set(shell(room, "ls /usr").stdout.split()) <= {"bin", "lib", "lib64"}
    for script in (
        "echo x >> /source",
        "touch /new",
        "touch /dev/shm/new",
        "touch /usr/lib/new",
        f"cat {room}/canary",
        "ls /proc/self",
        "cat /etc/passwd",
    ):
        assert shell(room, script).returncode != 0, script


def test_a_program_is_nobody_who_owns_anything(room: Path) -> None:
    """Also where its files belong to a third one, as a guest's disks do."""
    os.chown(room / "source", 0x70000001, 0)
    assert shell(room, "cat /source").stdout == "source"
    assert shell(room, "id -u; id -G").stdout.split() == [str(sandbox.user())] * 2
    started = subprocess.run(["true"], check=True)  # the agent itself is as before
    assert started.returncode == 0 and os.geteuid() == 0


def test_a_program_gains_no_rights(room: Path) -> None:
    for command in (
        "unshare -n true",
        "unshare -U true",
        "mount -t tmpfs none /dev",
        "setpriv --reuid 0 true",
        "chown 0 /target",
        "mknod /dev/new c 1 1",
        "kill -0 1",
    ):
        assert shell(room, command).returncode != 0, command


def test_a_program_has_no_network(room: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert shell(room, f"exec 3<>/dev/tcp/127.0.0.1/{port}").returncode != 0


def test_a_program_has_limits(room: Path) -> None:
    assert shell(room, "head -c 2000000 /dev/zero > /target", file_bytes=MIB).returncode != 0
    assert (room / "target").stat().st_size <= MIB
    assert shell(room, "while :; do :; done", cpu_s=1).returncode != 0
    assert shell(room, "head -c 3G /dev/zero | tail", cpu_s=20).returncode != 0  # tail keeps one long line in memory
    with pytest.raises(sandbox.TimedOut):
        shell(room, "sleep 60", wall_s=1)


def test_disks_on_bases_and_their_snapshots(room: Path) -> None:
    base = qemu_img.Disk(room / "base", "raw")
    base.path.write_bytes(b"base" * (MIB // 4))
    disk = qemu_img.Disk(room / "disk", "qcow2", base)
    qemu_img.create(disk, 2 * MIB)
    qemu_img.snapshot(disk, "-c", "before")
    copy = qemu_img.Disk(room / "copy", "raw")
    qemu_img.convert(disk, copy, 2 * MIB, snapshot="before")
    assert copy.path.read_bytes() == base.path.read_bytes() + bytes(MIB)
    qemu_img.convert(qemu_img.Disk(disk.path, "qcow2"), copy, 2 * MIB)
    assert copy.path.read_bytes() == bytes(2 * MIB), "a base that wasn't named isn't read, whatever the header says"
    qemu_img.resize(disk, 4 * MIB)
    assert qemu_img.info(disk)["virtual-size"] == 4 * MIB
