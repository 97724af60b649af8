"""Backups of real qcow2 disks in a real object store, and their restores."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pileus_volume.drivers.file import qcow2_files
from pileus_volume.drivers.file.driver import FileBackend
from pileus_volume.rpc import GIB, Disk

pytestmark = pytest.mark.skipif(shutil.which("qemu-img") is None, reason="needs qemu-utils")
MIB = 1 << 20


def io(disk: Path, *commands: str) -> None:
    """Run qemu-io on the disk; a read whose pattern differs fails the test."""
    arguments = [part for command in commands for part in ("-c", command)]
    done = subprocess.run(
        ["qemu-io", "-f", "qcow2", *arguments, str(disk)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 and "verification failed" not in done.stdout, done.stdout + done.stderr


@pytest.fixture
def cloud(store_worlds: Any) -> Iterator[Any]:
    with store_worlds(backend=FileBackend) as world:
        yield world


def path(cloud: Any, volume: str) -> Path:
    return Path(cloud.backends["host1"].directory, f"volume-{volume}")


def restored(cloud: Any, backup: dict[str, Any], **asked: Any) -> str:
    answer = cloud.client.post(f"/v3/p1/backups/{backup['id']}/restore", json={"restore": asked})
    assert answer.status_code == 202, answer.text
    cloud.drain()
    volume = answer.json["restore"]["volume_id"]
    assert cloud.show(volume)["status"] == "available"
    return str(volume)


def test_there_and_back_in_a_chain(cloud):
    volume = cloud.volume()["id"]
    io(path(cloud, volume), "write -P 1 0 1M", "write -P 2 500M 20M", "write -P 3 1023M 1M")
    full = cloud.back_up(volume)
    assert full["status"] == "available" and full["object_count"] < 10
    io(path(cloud, volume), "write -P 4 8M 1M", "write -z 500M 20M")
    grown = cloud.back_up(volume, incremental=True)
    assert grown["object_count"] <= 4, "only what has changed is stored"
    io(path(cloud, volume), "write -P 9 0 100M")
    copy = restored(cloud, full)
    io(path(cloud, copy), "read -P 1 0 1M", "read -P 0 1M 499M", "read -P 2 500M 20M", "read -P 3 1023M 1M")
    copy = restored(cloud, grown)
    io(path(cloud, copy), "read -P 1 0 1M", "read -P 4 8M 1M", "read -P 0 9M 1014M", "read -P 3 1023M 1M")
    left = {file.name for file in Path(cloud.backends["host1"].directory).iterdir()}
    assert all(name.startswith("volume-") and "." not in name for name in left), left


def test_over_a_larger_volume_whose_snapshots_stay(cloud):
    source, target = cloud.volume()["id"], cloud.volume(size=2)["id"]
    io(path(cloud, source), "write -P 1 0 1M")
    backup = cloud.back_up(source)
    io(path(cloud, target), "write -P 7 0 2M", "write -P 7 1500M 1M")
    snapshot = cloud.snapshot(target)["id"]
    assert restored(cloud, backup, volume_id=target) == target
    io(path(cloud, target), "read -P 1 0 1M", "read -P 0 1M 2047M")
    assert (
        qcow2_files.snapshots(path(cloud, target)) == {snapshot}
        and qcow2_files.virtual_size(path(cloud, target)) == 2 * GIB
    )
    backend = cloud.backends["host1"]
    with backend.open_content(target, snapshot, "raw") as raw:
        assert raw.read_bytes()[: 2 * MIB] == b"\7" * 2 * MIB


def test_what_is_empty_costs_nothing(cloud):
    """400 empty GiB are neither read nor sent, and are restored as holes."""
    volume = cloud.volume(size=400)["id"]
    io(path(cloud, volume), "write -P 5 399G 64k")
    backup = cloud.back_up(volume)
    assert backup["object_count"] == 2
    copy = path(cloud, restored(cloud, backup))
    io(copy, "read -P 5 399G 64k")
    assert copy.stat().st_blocks * 512 < 200 * MIB


@pytest.mark.parametrize("exists", [True, False])
def test_filling_that_fails_leaves_what_was(cloud, exists):
    backend, disk = cloud.backends["host1"], Disk("12345678-1234-4234-8234-123456789012", 1)
    if exists:
        backend.create(disk)
        io(path(cloud, disk.volume_id), "write -P 6 0 1M")
    with pytest.raises(RuntimeError), backend.replace_content(disk) as target:
        target.write_bytes(b"half")
        raise RuntimeError
    assert path(cloud, disk.volume_id).exists() is exists and not target.exists()
    if exists:
        io(path(cloud, disk.volume_id), "read -P 6 0 1M")
