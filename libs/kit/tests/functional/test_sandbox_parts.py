"""The sandbox: its arguments, its filter, and what an ordinary user's process may still do with it.

The contract tests run hostile images and break-outs through it, as root.
"""

import os
import platform
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from pileus_kit import qemu_img, sandbox
from pileus_kit.sandbox import namespaces, seccomp

needs_bubblewrap = pytest.mark.skipif(shutil.which("bwrap") is None, reason="needs bubblewrap")
needs_qemu_img = pytest.mark.skipif(
    shutil.which("bwrap") is None or shutil.which("qemu-img") is None, reason="needs bubblewrap and qemu-img"
)
MIB = 1 << 20


def test_files_keep_their_owners(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    found = namespaces.owners([tmp_path / "a"], 64300)
    assert {0, 64300, os.geteuid()} <= set(found.users)
    assert {0, 64300, os.getegid()} <= set(found.groups)


def test_sources_are_read_only_and_targets_are_not(tmp_path: Path) -> None:
    arguments = namespaces.files({"/source": tmp_path / "s"}, {"/target": tmp_path / "t"})
    assert arguments == ["--ro-bind", f"{tmp_path}/s", "/source", "--bind", f"{tmp_path}/t", "/target"]


def test_the_environment_is_small() -> None:
    arguments = namespaces.system()
    assert "--clearenv" in arguments
    assert arguments.count("--setenv") == len(namespaces.ENVIRONMENT)
    assert "/etc" not in arguments and "/home" not in arguments


def test_the_program_runs_as_a_user_of_its_own() -> None:
    command = namespaces.as_user(64300)
    assert command[:5] == ["setpriv", "--reuid", "64300", "--regid", "64300"]
    assert "--no-new-privs" in command
    assert isinstance(sandbox.user(), int)


def test_limits_grow_with_the_disk() -> None:
    small, large = sandbox.Limits.for_disk(MIB), sandbox.Limits.for_disk(100 << 30)
    assert small.cpu_s < large.cpu_s and small.wall_s < large.wall_s
    assert large.file_bytes > 100 << 30


def test_the_filter_is_a_program_for_the_kernel() -> None:
    """Each instruction has eight bytes; every path ends with a verdict."""
    program = seccomp.program()
    steps = [struct.unpack_from("<HBBI", program, at) for at in range(0, len(program), 8)]
    assert steps[-1] == (seccomp.RETURN, 0, 0, seccomp.ALLOW)
    for at, (code, if_true, if_false, _) in enumerate(steps):
        if code != seccomp.RETURN:
            assert at + 1 + max(if_true, if_false) < len(steps)
    denied = {value for code, _, _, value in steps if code == seccomp.EQUAL}
    assert set(seccomp.DENIED.values()) <= denied
    with seccomp.descriptor() as source:
        if platform.machine() == "x86_64":
            assert source is not None
            assert os.read(source, 1 << 16) == program


def test_other_machines_have_no_filter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with seccomp.descriptor() as source:
        assert source is None


@pytest.fixture
def room(tmp_path: Path) -> Path:
    (tmp_path / "source").write_text("the source")
    (tmp_path / "target").touch()
    (tmp_path / "secret").write_text("hidden")
    return tmp_path


def run(room: Path, script: str, **limits: int) -> "subprocess.CompletedProcess[str]":
    files = {"/source": room / "source"}, {"/target": room / "target"}
    return sandbox.run(["bash", "-c", script], *files, sandbox.Limits(**limits))


@needs_bubblewrap
def test_a_program_reads_its_source_and_writes_its_target(room: Path) -> None:
    done = run(room, "cat /source > /target && echo done; echo warning >&2; exit 3")
    assert (done.returncode, done.stdout, done.stderr.strip()) == (3, "done\n", "warning")
    assert (room / "target").read_text() == "the source"


@needs_bubblewrap
@pytest.mark.parametrize("attempt", ["cat {room}/secret", "echo x > /source", "echo x > /elsewhere", "cat /etc/passwd"])
def test_a_program_reaches_nothing_else(room: Path, attempt: str) -> None:
    assert run(room, attempt.format(room=room)).returncode != 0
    assert (room / "source").read_text() == "the source"


@needs_bubblewrap
def test_a_program_that_takes_too_long_is_ended(room: Path) -> None:
    with pytest.raises(sandbox.TimedOut, match="took longer than 1 s"):
        run(room, "sleep 60", wall_s=1)


def test_a_missing_bubblewrap_is_an_error(room: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(OSError):
        run(room, "true")
    with pytest.raises(qemu_img.QemuImgFailed, match="the sandbox can't be set up"):
        qemu_img.info(qemu_img.Disk(room / "source", "raw"))


@needs_qemu_img
def test_disks_are_created_resized_converted_and_described(tmp_path: Path) -> None:
    base = qemu_img.Disk(tmp_path / "base", "qcow2")
    qemu_img.create(base, MIB)
    assert qemu_img.info(base)["virtual-size"] == MIB
    qemu_img.resize(base, 2 * MIB)
    overlay = qemu_img.Disk(tmp_path / "overlay", "qcow2", base)
    qemu_img.create(overlay, 2 * MIB)
    assert qemu_img.info(overlay)["virtual-size"] == 2 * MIB
    copy = qemu_img.Disk(tmp_path / "copy", "raw")
    qemu_img.convert(overlay, copy, 2 * MIB)
    assert copy.path.stat().st_size == 2 * MIB
    qemu_img.resize(copy, MIB, shrink=True)
    assert copy.path.stat().st_size == MIB
    qemu_img.convert(copy, base, MIB, keep=True)
    assert qemu_img.info(base)["virtual-size"] == 2 * MIB, "only its content was replaced"


@needs_qemu_img
def test_internal_snapshots_are_created_copied_applied_and_deleted(tmp_path: Path) -> None:
    disk, copy = qemu_img.Disk(tmp_path / "disk", "qcow2"), qemu_img.Disk(tmp_path / "copy", "raw")
    qemu_img.create(disk, MIB)
    qemu_img.snapshot(disk, "-c", "before")
    qemu_img.convert(disk, copy, MIB, snapshot="before")
    qemu_img.snapshot(disk, "-a", "before")
    qemu_img.snapshot(disk, "-d", "before")
    assert "snapshots" not in qemu_img.info(disk)


@needs_qemu_img
def test_a_failure_says_what_was_tried_and_names_no_path_of_the_host(tmp_path: Path) -> None:
    (tmp_path / "bad").write_bytes(b"QFI\xfb" + bytes(100))
    with pytest.raises(qemu_img.QemuImgFailed) as failed:
        qemu_img.info(qemu_img.Disk(tmp_path / "bad", "qcow2"))
    assert failed.value.what == "qemu-img info"
    assert str(tmp_path) not in failed.value.why
