"""Files that somebody else put into the file driver's directory: which may become volumes, and which never do."""

import os
import shutil
import subprocess
import uuid
from pathlib import Path

import pytest

from pileus_kit.testing.hostile_images import Builder
from pileus_volume.config import Config
from pileus_volume.drivers.file.driver import FileBackend
from pileus_volume.errors import DiskBusy, DiskRefused, ToolFailed
from pileus_volume.rpc import GIB, Disk, file_name

pytestmark = pytest.mark.skipif(shutil.which("qemu-img") is None, reason="needs qemu-utils")


def new() -> str:
    return str(uuid.uuid4())


@pytest.fixture
def backend(tmp_path: Path) -> FileBackend:
    return FileBackend(Config(state=str(tmp_path / "state"), nbd="127.0.0.1:1", backend="file"))


@pytest.fixture
def directory(backend: FileBackend) -> Path:
    return Path(backend.directory)


def make(path: Path, size: str = "1G", form: str = "qcow2") -> Path:
    subprocess.run(["qemu-img", "create", "-q", "-f", form, path, size], check=True)
    return path


def unsafe(backend: FileBackend) -> dict[str, str]:
    return {disk.name: disk.unsafe for disk in backend.list_disks()}


def test_a_file_becomes_a_volume_and_what_it_was_again(backend, directory):
    found, volume = make(directory / "stranger.qcow2", str(GIB + 512)), new()
    subprocess.run(["qemu-io", "-f", "qcow2", "-c", "write -P 7 0 1M", found], check=True, capture_output=True)
    found.chmod(0o666)
    assert [(disk.name, disk.size_bytes, disk.unsafe) for disk in backend.list_disks()] == [
        ("stranger.qcow2", GIB + 512, "")
    ]
    for _ in range(2):
        assert backend.adopt(volume, "stranger.qcow2") == 2
    path = directory / file_name(volume)
    assert [one.name for one in directory.iterdir()] == [path.name]
    assert path.stat().st_mode & 0o777 == 0o600 and backend.extend(Disk(volume, 2)) == 2 * GIB
    subprocess.run(["qemu-io", "-f", "qcow2", "-c", "read -P 7 0 1M", path], check=True, capture_output=True)
    for _ in range(2):
        backend.disown(volume, "stranger.qcow2")
    assert [one.name for one in directory.iterdir()] == ["stranger.qcow2"]
    backend.disown(new(), "stranger.qcow2")
    assert found.exists()


def test_names_that_lead_elsewhere(backend, directory, tmp_path):
    outside = make(tmp_path / "outside.qcow2")
    make(directory / "inside.qcow2")
    (directory / "link").symlink_to(outside)
    (directory / "dangling").symlink_to(tmp_path / "none")
    os.link(outside, directory / "second-name")
    os.mkfifo(directory / "pipe")
    (directory / "folder").mkdir()
    make(directory / "folder" / "deeper")
    for name in (
        "../../outside.qcow2",
        str(outside),
        "folder/deeper",
        "./inside.qcow2",
        "folder",
        "link",
        "dangling",
        "second-name",
        "pipe",
        "",
        ".",
        "..",
        "-n",
        "inside.qcow2\n",
        "inside.qcow2\0",
        "no such file",
        "none",
        "x" * 300,
        "json:{}",
    ):
        volume = new()
        with pytest.raises(DiskRefused):
            backend.adopt(volume, name)
        assert not (directory / file_name(volume)).exists()
    assert outside.exists()
    assert unsafe(backend) == {
        "inside.qcow2": "",
        "link": "it is no regular file",
        "dangling": "it is no regular file",
        "second-name": "it has another name, too",
        "pipe": "it is no regular file",
    }


def test_files_that_the_driver_is_writing(backend, directory):
    for name in ("volume-x.part", "volume-x.raw", f"copy-{new()}"):
        make(directory / name)
        with pytest.raises(DiskRefused, match="no name of a file"):
            backend.adopt(new(), name)
    assert unsafe(backend) == {}


def test_contents_that_lead_elsewhere(backend, directory, tmp_path):
    for hostile in Builder(tmp_path, Path("/etc/passwd")).all():
        (directory / "hostile").write_bytes(hostile.content)
        assert unsafe(backend)["hostile"]
        volume = new()
        with pytest.raises(DiskRefused):
            backend.adopt(volume, "hostile")
        assert [one.name for one in directory.iterdir()] == ["hostile"]


@pytest.mark.parametrize("form", ["raw", "vmdk", "vdi", "vpc", "vhdx"])
def test_other_formats(backend, directory, form):
    make(directory / "other", "64M", form)
    assert "only qcow2" in unsafe(backend)["other"] or unsafe(backend)["other"]
    with pytest.raises(DiskRefused):
        backend.adopt(new(), "other")


def test_a_disk_that_is_open_somewhere(backend, directory):
    found, volume = make(directory / "open"), new()
    other = subprocess.Popen(["qemu-io", "-f", "qcow2", found], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    try:
        assert other.stdin is not None and other.stdout is not None
        other.stdin.write(b"write -P 1 0 4096\n")
        other.stdin.flush()
        while b"ops" not in other.stdout.readline():
            pass
        with pytest.raises(DiskBusy):
            backend.adopt(volume, "open")
        backend.disown(volume, "open")
        assert [one.name for one in directory.iterdir()] == ["open"]
    finally:
        other.communicate(b"quit\n")
    assert backend.adopt(volume, "open") == 1


def test_a_name_that_was_taken_meanwhile_is_not_overwritten(backend, directory):
    make(directory / "stranger")
    volume = new()
    backend.adopt(volume, "stranger")
    make(directory / "stranger", "2G")
    with pytest.raises(DiskRefused, match="another file of that name"):
        backend.disown(volume, "stranger")
    assert sorted(one.name for one in directory.iterdir()) == ["stranger", file_name(volume)]


def test_a_disk_without_an_end(backend, directory):
    found = make(directory / "endless")
    with found.open("r+b") as file:
        file.seek(24)
        file.write((1 << 62).to_bytes(8, "big"))
    with pytest.raises(DiskRefused, match="larger than"):
        backend.adopt(new(), "endless")


def snapshot(path: Path, name: str) -> None:
    subprocess.run(["qemu-img", "snapshot", "-c", name, path], check=True)


def test_the_snapshots_in_disks(backend, directory):
    disk, other, own = Disk(new(), 1), Disk(new(), 1), new()
    for one in (disk, other):
        backend.create(one)
    path = directory / file_name(disk.volume_id)
    for name in ("old", "7", "twice", "twice", "with, comma", "-d", "x" * 200):
        snapshot(path, name)
    backend.extend(Disk(disk.volume_id, 2))
    snapshot(path, "later")
    backend.snapshot(other.volume_id, own)
    (directory / file_name(new())).write_bytes(b"no disk")
    make(directory / "stranger")
    snapshot(directory / "stranger", "hidden")
    found = {(one.disk, one.name): one.size_bytes for one in backend.list_snapshots()}
    assert found == {
        (path.name, "old"): GIB,
        (path.name, "x" * 200): GIB,
        (path.name, "later"): 2 * GIB,
        (file_name(other.volume_id), own): GIB,
    }
    assert [one.name for one in backend.list_snapshots(other.volume_id)] == [own]
    with pytest.raises(ToolFailed):
        backend.list_snapshots(new())


def test_a_table_of_snapshots_that_lies(backend, directory):
    disk = Disk(new(), 1)
    backend.create(disk)
    path = directory / file_name(disk.volume_id)
    for count, at in ((3, 1 << 62), (65536, 0), (2, path.stat().st_size - 8), (1, 64)):
        with path.open("r+b") as file:
            file.seek(60)
            file.write(count.to_bytes(4, "big") + at.to_bytes(8, "big"))
        assert len(backend.list_snapshots()) <= 1
        assert len(backend.list_snapshots(disk.volume_id)) <= 1


def test_a_disk_with_snapshots_is_not_received(backend, directory, tmp_path):
    config = Config(state=str(tmp_path / "other"), nbd="127.0.0.1:1", backend="file")
    target, disk = FileBackend(config), Disk(new(), 1)
    backend.create(disk)
    snapshot(directory / file_name(disk.volume_id), "with, comma")
    with pytest.raises(ToolFailed, match="snapshots, which would be lost"):
        target.receive(disk, backend)
    assert list(Path(target.directory).iterdir()) == []
