"""Several backends of one host: each keeps and serves its own disks, and receives those of the others."""

import shutil
import socket
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pileus_volume.config import Config
from pileus_volume.drivers.backend_specs import all_backends
from pileus_volume.drivers.base import Backend
from pileus_volume.drivers.fake import FakeBackend
from pileus_volume.drivers.file.driver import FileBackend
from pileus_volume.errors import DiskBusy, ToolFailed
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


def test_two_backends_of_a_host_keep_and_serve_their_own(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    config = Config(
        state=str(tmp_path / "state"),
        nbd=f"127.0.0.1:{free_port()}",
        further_backends=("ssd:file", f"hdd:file:{elsewhere}"),
    )
    made = {spec.name: (spec, FileBackend(config, spec)) for spec in all_backends(config)}
    volumes = {name: new() for name in made}
    try:
        for number, (name, (spec, backend)) in enumerate(made.items(), start=1):
            backend.create(Disk(volumes[name], 1))
            backend.set_exports([Export(volumes[name], new(), f"of-{name}", True)])
            io(f"nbd://127.0.0.1:{spec.nbd_port}/of-{name}", f"write -P {number} 0 1M", form="raw")
        assert made[""][1].directory == str(tmp_path / "state/volumes")
        assert made["ssd"][1].directory == str(tmp_path / "state/volumes/ssd")
        assert made["hdd"][1].directory == str(elsewhere)
        for _, backend in made.values():
            backend.set_exports([])
        for number, (name, (_, backend)) in enumerate(made.items(), start=1):
            io(Path(backend.directory, file_name(volumes[name])), f"read -P {number} 0 1M")
            assert len(list(Path(backend.directory).glob("volume-*"))) == 1
    finally:
        for _, backend in made.values():
            backend.stop_serving()
    assert elsewhere.stat().st_mode & 0o777 == 0o711


@pytest.fixture(params=["fake to fake", "file to file", "file to fake"])
def pair(request: Any, tmp_path: Path) -> Iterator[tuple[Backend, Backend]]:
    """Two backends of one host, each with a disk's content to tell apart."""
    config = Config(
        state=str(tmp_path),
        nbd=f"127.0.0.1:{free_port()}",
        further_backends=("other:file",),
    )
    kinds = {"fake": FakeBackend, "file": FileBackend}
    one, other = request.param.split(" to ")
    made = [kinds[kind](config, spec) for kind, spec in zip((one, other), all_backends(config), strict=True)]
    yield made[0], made[1]
    for backend in made:
        backend.stop_serving()


def fill(backend: Backend, disk: Disk, text: bytes) -> None:
    with backend.replace_content(disk) as content, content.open("r+b") as file:
        file.write(text)


def first_line(backend: Backend, volume: str) -> bytes:
    with backend.open_content(volume, None, "raw") as content, content.open("rb") as file:
        return file.readline(100)


def test_a_disk_is_received_from_another_backend(pair):
    source, target = pair
    disk = Disk(new(), 1)
    fill(source, disk, b"content\n")
    for _ in range(2):
        target.receive(disk, source)
    assert first_line(target, disk.volume_id) == first_line(source, disk.volume_id) == b"content\n"
    assert target.has_content_of(disk.volume_id, source)
    assert target.extend(disk) == GIB
    fill(target, disk, b"other\n")
    assert not target.has_content_of(disk.volume_id, source)
    fill(target, Disk(disk.volume_id, 1), b"content\n")
    assert target.has_content_of(disk.volume_id, source)
    target.receive(disk, source)  # what another attempt left is replaced
    assert target.has_content_of(disk.volume_id, source)
    source.delete(disk.volume_id)
    assert first_line(target, disk.volume_id) == b"content\n"


def test_what_is_not_there_is_not_received(pair):
    source, target = pair
    with pytest.raises(ToolFailed):
        target.receive(Disk(new(), 1), source)


def test_a_received_file_is_sparse_and_its_source_is_closed(tmp_path):
    config = Config(state=str(tmp_path), nbd=f"127.0.0.1:{free_port()}", further_backends=("other:file",))
    source, target = (FileBackend(config, spec) for spec in all_backends(config))
    disk = Disk(new(), 1)
    source.create(disk)
    path, copy = (Path(backend.directory, file_name(disk.volume_id)) for backend in (source, target))
    io(path, "write -P 7 512M 1M", "write -P 8 0 4096")
    source.set_exports([Export(disk.volume_id, new(), "open", True)])
    try:
        with pytest.raises(DiskBusy):
            target.receive(disk, source)
        assert list(Path(target.directory).iterdir()) == []
    finally:
        source.stop_serving()
    target.receive(disk, source)
    io(copy, "read -P 7 512M 1M", "read -P 8 0 4096", "read -P 0 4096 1M")
    assert copy.stat().st_blocks * 512 < 8 * MIB and copy.stat().st_mode & 0o777 == 0o600
    io(copy, "write -P 9 1G-512 512".replace("1G-512", str(GIB - 512)))
    assert not target.has_content_of(disk.volume_id, source)
