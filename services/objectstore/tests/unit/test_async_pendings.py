"""Async pendings on disk."""

import shutil
import zlib
from pathlib import Path

import pytest

from pileus_objectstore.agent import async_pendings
from pileus_objectstore.agent.host import Device
from pileus_objectstore.storage.disks import Disk
from pileus_objectstore.wire.contract import HostReplicas, ListingRow, MergeRows

UPDATE = MergeRows("container", HostReplicas(3, "f" * 32, ("d1",)), "/a/c", [ListingRow('"spot":', "1.0")])


@pytest.fixture
def device(tmp_path: Path) -> Device:
    Disk.format(tmp_path / "d1", "d1")
    return Device(tmp_path / "d1", 0)


def test_an_update_is_saved_and_loaded(device: Device) -> None:
    assert device.usable
    assert async_pendings.save(UPDATE, [device])
    (path,) = async_pendings.paths(device)
    assert async_pendings.load(path) == UPDATE
    assert async_pendings.written_at(path) > 1_700_000_000


def test_no_device_takes_it(device: Device) -> None:
    shutil.rmtree(device.disk.root)
    assert not async_pendings.save(UPDATE, [device])
    assert async_pendings.paths(device) == []


def test_those_of_version_1_are_read(tmp_path: Path) -> None:
    """In version 1 of the contract, the field `replicas` had another name."""
    old = (
        b'{"kind":"container","spot":[3,"ffffffffffffffffffffffffffffffff",["d1"],[]],"name":"/a/c",'
        b'"rows":[["\\"spot\\":","1.0",false,0,"","",0,""]]}'
    )
    path = tmp_path / "1700000000000000000-aa"
    path.write_bytes(b"%08x\n" % zlib.crc32(old) + old)
    assert async_pendings.load(str(path)) == UPDATE
