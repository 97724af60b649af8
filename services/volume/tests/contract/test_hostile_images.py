"""Images and disks whose headers name other files are refused by every call."""

import shutil
import subprocess
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from pileus_kit.testing.hostile_images import Builder
from pileus_volume.config import Config
from pileus_volume.drivers.base import ImageFile
from pileus_volume.drivers.file.driver import FileBackend
from pileus_volume.errors import ImageRefused, ToolFailed
from pileus_volume.rpc import Disk, Export, file_name

pytestmark = pytest.mark.skipif(shutil.which("qemu-img") is None, reason="needs qemu-utils")


@pytest.fixture
def backend(tmp_path: Path) -> FileBackend:
    return FileBackend(Config(state=str(tmp_path / "state"), nbd="127.0.0.1:1", backend="file"))


def new() -> str:
    return str(uuid.uuid4())


def test_no_volume_is_made_from_a_hostile_image(backend: FileBackend, tmp_path: Path) -> None:
    declared = {"vpc": "vhd"}
    for hostile in Builder(tmp_path, Path("/etc/passwd")).all():
        path = tmp_path / "image"
        path.write_bytes(hostile.content)
        source = ImageFile(new(), "0" * 64, declared.get(hostile.declared, hostile.declared), path)
        with pytest.raises(ImageRefused):
            backend.create_from_image(Disk(new(), 1), source.image_id, source.digest, source)
    assert list(Path(backend.directory).iterdir()) == []


def test_an_image_that_is_larger_than_its_volume_is_not_even_converted(backend: FileBackend, tmp_path: Path) -> None:
    path = tmp_path / "bomb"
    subprocess.run(["qemu-img", "create", "-q", "-f", "vmdk", path, "2T"], check=True)
    with pytest.raises(ImageRefused, match="larger"):
        backend.create_from_image(Disk(new(), 1), new(), "0" * 64, ImageFile(new(), "0" * 64, "vmdk", path))
    assert list((tmp_path / "state/volume-images").glob("*.qcow2*")) == []


OPENERS: dict[str, Callable[[FileBackend, str], object]] = {
    "a snapshot": lambda backend, volume: backend.snapshot(volume, new()),
    "a copy": lambda backend, volume: backend.create_from_volume(Disk(new(), 1), volume),
    "an extension": lambda backend, volume: backend.extend(Disk(volume, 2)),
    "an upload": lambda backend, volume: backend.open_content(volume, None, "raw").__enter__(),
    "an export": lambda backend, volume: backend.set_exports([Export(volume, new(), "name", True)]),
    "a return": lambda backend, volume: backend.revert(Disk(volume, 1), new()),
}


@pytest.mark.parametrize("what", OPENERS)
def test_a_disk_whose_guest_wrote_another_header_is_not_opened(tmp_path: Path, what: str) -> None:
    """A guest that broke into its QEMU can write the header of its disk."""
    backend, volume = FileBackend(Config(state=str(tmp_path), nbd="127.0.0.1:0", backend="file")), new()
    backend.create(Disk(volume, 1))
    path = Path(backend.directory, file_name(volume))
    subprocess.run(["qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "raw", "-b", "/etc/passwd", path], check=True)
    try:
        with pytest.raises(ToolFailed, match="backing file"):
            OPENERS[what](backend, volume)
    finally:
        backend.stop_serving()
