"""The contract of storage drivers, with real QEMU tools where a driver uses them."""

import shutil
import socket
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pileus_volume.agent.__main__ import clear
from pileus_volume.config import Config
from pileus_volume.drivers.base import Backend, ImageFile
from pileus_volume.drivers.fake import FakeBackend
from pileus_volume.drivers.file.driver import FileBackend
from pileus_volume.errors import DiskBusy, ImageRefused, ToolFailed
from pileus_volume.rpc import GIB, Disk, Export, file_name

pytestmark = pytest.mark.skipif(shutil.which("qemu-img") is None, reason="needs qemu-utils")
MIB = 1 << 20


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def new() -> str:
    return str(uuid.uuid4())


def io(target: str | Path, *commands: str, form: str = "qcow2") -> str:
    """Run qemu-io on the disk; a read whose pattern differs fails the test."""
    arguments = [part for command in commands for part in ("-c", command)]
    done = subprocess.run(["qemu-io", "-f", form, *arguments, str(target)], capture_output=True, text=True, check=False)
    assert done.returncode == 0 and "verification failed" not in done.stdout, done.stdout + done.stderr
    return done.stdout


class Storage:
    """A file backend with its own directory and port."""

    def __init__(self, directory: Path) -> None:
        self.port = free_port()
        self.config = Config(state=str(directory), nbd=f"127.0.0.1:{self.port}", backend="file")
        self.backend = FileBackend(self.config)

    def path(self, volume: str) -> Path:
        return Path(self.backend.directory, file_name(volume))

    def restarted(self) -> FileBackend:
        """A second backend of the same host, as a restarted agent has it."""
        return FileBackend(self.config)

    def nbd(self, export: Export, *commands: str) -> str:
        return io(f"nbd://127.0.0.1:{self.port}/{export.name}", *commands, form="raw")


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    made = Storage(tmp_path)
    yield made
    made.backend.stop_serving()


@pytest.fixture(params=["fake", "file"])
def backend(request: Any, tmp_path: Path) -> Iterator[Backend]:
    if request.param == "fake":
        yield FakeBackend()
        return
    made = FileBackend(Config(state=str(tmp_path), nbd=f"127.0.0.1:{free_port()}"))
    yield made
    made.stop_serving()


def test_every_call_twice_is_once(backend):
    disk, copy, twin, snapshot = Disk(new(), 1), Disk(new(), 2), Disk(new(), 1), new()
    for _ in range(2):
        backend.create(disk)
        assert backend.snapshot(disk.volume_id, snapshot)
    for _ in range(2):
        backend.create_from_snapshot(copy, disk.volume_id, snapshot)
        backend.create_from_volume(twin, disk.volume_id)
        assert backend.extend(Disk(disk.volume_id, 3)) == 3 * GIB
        assert backend.extend(copy) == 2 * GIB and backend.extend(twin) == GIB
    backend.set_exports([Export(disk.volume_id, new(), "name", True)])
    backend.set_exports([])
    for _ in range(2):
        assert backend.delete_snapshot(disk.volume_id, snapshot)
    for _ in range(2):
        for volume in (disk, copy, twin):
            backend.delete(volume.volume_id)
    assert backend.delete_snapshot(disk.volume_id, snapshot)
    assert backend.capacity().total_gib >= backend.capacity().free_gib > 0


def test_what_is_not_there_is_an_error(backend):
    with pytest.raises(ToolFailed):
        backend.create_from_snapshot(Disk(new(), 1), new(), new())
    with pytest.raises(ToolFailed):
        backend.create_from_volume(Disk(new(), 1), new())
    disk = Disk(new(), 1)
    backend.create(disk)
    with pytest.raises(ToolFailed):
        backend.create_from_snapshot(Disk(new(), 1), disk.volume_id, new())


def test_snapshots_keep_the_content_of_their_moment(storage):
    volume, copy, snapshot = new(), new(), new()
    storage.backend.create(Disk(volume, 1))
    io(storage.path(volume), "write -P 7 0 1M")
    storage.backend.snapshot(volume, snapshot)
    io(storage.path(volume), "write -P 8 0 1M")
    storage.backend.extend(Disk(volume, 2))
    storage.backend.create_from_snapshot(Disk(copy, 1), volume, snapshot)
    io(storage.path(copy), "read -P 7 0 1M")
    io(storage.path(volume), "read -P 8 0 1M")
    assert storage.path(volume).stat().st_blocks * 512 < 8 * MIB


def test_going_back_to_a_snapshot_keeps_the_present_size(storage):
    volume, snapshot = new(), new()
    storage.backend.create(Disk(volume, 1))
    io(storage.path(volume), "write -P 7 0 1M")
    storage.backend.snapshot(volume, snapshot)
    io(storage.path(volume), "write -P 8 0 1M")
    storage.backend.extend(Disk(volume, 2))
    for _ in range(2):
        storage.backend.revert(Disk(volume, 2), snapshot)
    io(storage.path(volume), "read -P 7 0 1M")
    assert storage.backend.extend(Disk(volume, 2)) == 2 * GIB
    with pytest.raises(ToolFailed):
        storage.backend.revert(Disk(volume, 2), new())


def test_an_export_is_read_and_written_and_the_rest_is_refused(storage):
    volume = new()
    storage.backend.create(Disk(volume, 1))
    export = Export(volume, new(), f"secret-{new()}", True)
    storage.backend.set_exports([export])
    storage.nbd(export, "write -P 9 0 1M")
    storage.nbd(export, "read -P 9 0 1M")
    with pytest.raises(AssertionError, match=r"not found|not available"):
        storage.nbd(Export(volume, new(), "guessed", True), "read 0 512")
    with pytest.raises(DiskBusy):
        storage.backend.create_from_volume(Disk(new(), 1), volume)
    with pytest.raises(AssertionError, match="lock"):
        io(storage.path(volume), "write 0 512")
    storage.backend.set_exports([])
    with pytest.raises(AssertionError):
        storage.nbd(export, "read 0 512")
    io(storage.path(volume), "read -P 9 0 1M")


def test_read_only_is_read_only(storage):
    volume = new()
    storage.backend.create(Disk(volume, 1))
    export = Export(volume, new(), "ro", False)
    storage.backend.set_exports([export])
    subprocess.run(["qemu-io", "-r", "-f", "raw", "-c", "read 0 512", f"nbd://127.0.0.1:{storage.port}/ro"], check=True)
    with pytest.raises(AssertionError, match="Permission denied"):
        storage.nbd(export, "write 0 512")


def test_snapshots_and_copies_of_what_is_served(storage):
    volume, copy, snapshot = new(), new(), new()
    storage.backend.create(Disk(volume, 1))
    export = Export(volume, new(), "live", True)
    storage.backend.set_exports([export])
    storage.nbd(export, "write -P 1 0 1M")
    assert storage.backend.snapshot(volume, snapshot) and storage.backend.snapshot(volume, snapshot)
    storage.nbd(export, "write -P 2 0 1M")
    storage.backend.create_from_snapshot(Disk(copy, 1), volume, snapshot)
    io(storage.path(copy), "read -P 1 0 1M")
    with storage.backend.open_content(volume, snapshot, "raw") as raw:
        assert raw.stat().st_size == GIB and raw.read_bytes()[:MIB] == b"\1" * MIB
    assert storage.backend.delete_snapshot(volume, snapshot) and storage.backend.delete_snapshot(volume, snapshot)
    storage.nbd(export, "read -P 2 0 1M")


def test_the_daemon_outlives_the_agent(storage):
    volume, other = new(), new()
    for disk in (volume, other):
        storage.backend.create(Disk(disk, 1))
    export, second = Export(volume, new(), "one", True), Export(other, new(), "two", True)
    storage.backend.set_exports([export])
    storage.nbd(export, "write -P 3 0 1M")
    again = storage.restarted()
    storage.nbd(export, "read -P 3 0 1M")
    again.set_exports([export, second])
    storage.nbd(second, "write -P 4 0 1M")
    storage.nbd(export, "read -P 3 0 1M")


def test_clearing_a_host_ends_the_daemon(storage):
    volume = new()
    storage.backend.create(Disk(volume, 1))
    export = Export(volume, new(), "gone", True)
    storage.backend.set_exports([export])
    clear(storage.config)
    clear(storage.config)
    with pytest.raises(AssertionError):
        storage.nbd(export, "read 0 512")
    io(storage.path(volume), "write 0 512")


def test_a_killed_daemon_is_started_again_with_everything(storage):
    volume = new()
    storage.backend.create(Disk(volume, 1))
    export = Export(volume, new(), "phoenix", True)
    storage.backend.set_exports([export])
    storage.nbd(export, "write -P 5 0 1M", "flush")
    pid = int(Path(storage.config.state, "run/volume/nbd.pid").read_text())
    subprocess.run(["kill", "-9", str(pid)], check=True)
    storage.backend.set_exports([export])
    storage.nbd(export, "read -P 5 0 1M")


def test_two_servers_share_one_disk(storage):
    volume = new()
    storage.backend.create(Disk(volume, 1))
    exports = [Export(volume, new(), name, True) for name in ("a", "b")]
    storage.backend.set_exports(exports)
    storage.nbd(exports[0], "write -P 6 0 1M")
    storage.nbd(exports[1], "read -P 6 0 1M")
    storage.backend.set_exports(exports[1:])
    storage.nbd(exports[1], "read -P 6 0 1M")
    with pytest.raises(AssertionError):
        storage.nbd(exports[0], "read 0 512")


def test_one_bad_disk_does_not_keep_the_others_from_being_served(storage):
    volume = new()
    storage.backend.create(Disk(volume, 1))
    good, bad = Export(volume, new(), "good", True), Export(new(), new(), "bad", True)
    with pytest.raises(ToolFailed, match=bad.volume_id):
        storage.backend.set_exports([bad, good])
    storage.nbd(good, "read 0 512")


def test_a_disk_that_a_guest_has_open_is_left_alone(storage):
    volume, snapshot = new(), new()
    storage.backend.create(Disk(volume, 1))
    guest = subprocess.Popen(
        ["qemu-io", "-f", "qcow2", str(storage.path(volume))], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        assert guest.stdin is not None and guest.stdout is not None
        guest.stdin.write(b"write -P 1 0 4096\n")
        guest.stdin.flush()
        while b"ops" not in guest.stdout.readline():
            pass
        assert storage.backend.extend(Disk(volume, 2)) == GIB
        assert not storage.backend.snapshot(volume, snapshot)
        with pytest.raises(DiskBusy):
            storage.backend.create_from_volume(Disk(new(), 1), volume)
    finally:
        guest.communicate(b"quit\n")
    assert storage.backend.extend(Disk(volume, 2)) == 2 * GIB and storage.backend.snapshot(volume, snapshot)


def made_image(path: Path, form: str, *options: str) -> Path:
    subprocess.run(["qemu-img", "create", "-q", "-f", form, *options, str(path), "32M"], check=True)
    return path


@pytest.mark.parametrize("form", ["qcow2", "raw", "vmdk", "vdi", "vpc", "vhdx"])
def test_a_volume_from_an_image(storage, tmp_path, form):
    image = made_image(tmp_path / "image", form)
    io(image, "write -P 4 1M 1M", form=form)
    volume, second = new(), new()
    declared = {"vpc": "vhd"}.get(form, form)
    storage.backend.create_from_image(Disk(volume, 1), "img", "d" * 64, ImageFile("img", "d" * 64, declared, image))
    io(storage.path(volume), "read -P 4 1M 1M")
    assert storage.backend.extend(Disk(volume, 1)) == GIB
    image.unlink()
    assert storage.backend.has_image("img", "d" * 64) and not storage.backend.has_image("img", "e" * 64)
    storage.backend.create_from_image(Disk(second, 2), "img", "d" * 64, None)
    io(storage.path(second), "read -P 4 1M 1M")


def test_an_image_that_is_not_what_it_is_said_to_be(storage, tmp_path):
    made_image(tmp_path / "base.qcow2", "qcow2")
    backed = made_image(tmp_path / "backed", "qcow2", "-b", str(tmp_path / "base.qcow2"), "-F", "qcow2")
    plain = made_image(tmp_path / "plain", "qcow2")
    external = tmp_path / "external"
    subprocess.run(
        ["qemu-img", "create", "-q", "-f", "qcow2", "-o", f"data_file={tmp_path / 'data'}", str(external), "32M"],
        check=True,
    )
    junk = tmp_path / "junk"
    junk.write_bytes(b"x" * 4096)
    for path, declared, why in (
        (backed, "qcow2", "backing"),
        (plain, "raw", "is qcow2"),
        (external, "qcow2", "data file"),
        (junk, "qcow2", "is raw"),
    ):
        volume = new()
        with pytest.raises(ImageRefused, match=why):
            storage.backend.create_from_image(
                Disk(volume, 1), path.name, "d" * 64, ImageFile(path.name, "d" * 64, declared, path)
            )
        assert not storage.path(volume).exists()
    assert [p.name for p in Path(storage.config.state, "volumes").iterdir()] == []
    assert list(Path(storage.config.state, "volume-images").glob("*")) == []


def test_an_image_larger_than_the_volume_is_refused(storage, tmp_path):
    image = tmp_path / "big"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(image), "2G"], check=True)
    with pytest.raises(ImageRefused, match="larger"):
        storage.backend.create_from_image(Disk(new(), 1), "big", "d" * 64, ImageFile("big", "d" * 64, "qcow2", image))


def test_disks_are_for_their_owner_only(storage):
    volume = new()
    storage.backend.create(Disk(volume, 1))
    assert storage.path(volume).stat().st_mode & 0o777 == 0o600
    assert storage.path(volume).parent.stat().st_mode & 0o777 == 0o711


def test_tcp_beyond_the_loopback_needs_certificates(tmp_path):
    with pytest.raises(ValueError, match="nbd_tls"):
        FileBackend(Config(state=str(tmp_path), nbd="0.0.0.0:10809"))
