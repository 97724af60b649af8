"""Devices that are full, read-only or broken, at every place of an upload: what is acknowledged is whole, and what is
refused leaves nothing.

Full and read-only devices are real file systems (tmpfs of a given size); errors that no file system gives at will come
from a stand-in for `os` in the module that writes objects.
"""

import errno
import hashlib
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from pileus_objectstore.ring.builder import Builder
from pileus_objectstore.storage import object_files
from pileus_objectstore.storage.block_checksums import BLOCK_BYTES
from pileus_objectstore.storage.object_files import open_file
from pileus_objectstore.storage.object_format import check
from pileus_objectstore.testing import ObjectStoreFixture, UnpackedObjectStoreFixture
from pileus_objectstore.wire.contract import timestamp

UNPACKED = True

SIZES = (0, 1, 4096, 100_000, BLOCK_BYTES - 1, BLOCK_BYTES, BLOCK_BYTES + 1, 400_000, 5 << 20)
NAMES = [f"o{n}" for n in range(12)]  # so many that every set of primaries occurs
EMPTY = {"CONTENT_LENGTH": "0"}
Harm = Callable[[Path], None]


def fill(root: Path) -> None:
    """Use all space but a few pages, so that a body fails in the middle."""
    about = os.statvfs(root)
    (root / "ballast").write_bytes(bytes(max(0, about.f_bavail * about.f_frsize - 24_000)))


def fill_wholly(root: Path) -> None:
    about = os.statvfs(root)
    (root / "ballast").write_bytes(bytes(about.f_bavail * about.f_frsize))


def use_up_inodes(root: Path) -> None:
    try:
        for n in range(10_000):
            (root / f"ballast{n}").touch()
    except OSError:
        return


def make_read_only(root: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(root)], check=True)


HARMS: dict[str, tuple[str, Harm]] = {
    "nearly-full": ("size=8m", fill),
    "full": ("size=8m", fill_wholly),
    "inodes": ("size=64m,nr_inodes=200", use_up_inodes),
    "read-only": ("size=64m", make_read_only),
}


def resting(store: ObjectStoreFixture, device: str) -> Path:
    """A device's directory in which no database is open, because a file system that is written to can't be made read-
    only.
    """
    store.drain()
    store.servers[0].host.device(device).listings.close()
    return Path(store.configs[0].home, device)


class SparedAccounts(UnpackedObjectStoreFixture):
    """Accounts' listings are on the last three of seven devices, which are not harmed: these tests are about objects.

    Where no device of an account can be read, the answer to every request is 503.
    """

    def _create_ring(self, name: str, builder: Builder, devices: int) -> None:
        if name != "account" or devices != 7:
            super()._create_ring(name, builder, devices)
            return
        for number in (5, 6, 7):
            builder.add(f"d{number}", self.configs[0].storage_bind, zone=number)
        builder.rebalance()
        builder.save(self.config.ring_directory / "account.ring")


@contextmanager
def cluster(state: Path, mounted: dict[str, str], devices: int) -> Iterator[ObjectStoreFixture]:
    """A host with so many devices, some of which are file systems of their own."""
    try:
        for name, options in mounted.items():
            (state / "objectstore" / name).mkdir(parents=True)
            subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", state / "objectstore" / name], check=True)
        store = SparedAccounts(state, devices=devices)
        try:
            assert store.client.put(f"{store.account}/{container_on(store, mounted)}").status_code == 201
            yield store
        finally:
            store.close()
    finally:
        for name in mounted:
            subprocess.run(["umount", "-l", state / "objectstore" / name], check=False)


def container_on(store: ObjectStoreFixture, mounted: dict[str, str]) -> str:
    """A container whose listing is on as few of the mounted devices as possible: these tests are about objects."""

    def bad(name: str) -> int:
        return len(set(store.app.tools.cluster.rings.placement("AUTH_p1", name).hosts[0][1]) & set(mounted))

    store.container = min((f"c{n}" for n in range(400)), key=bad)  # type: ignore[attr-defined]
    return str(store.container)  # type: ignore[attr-defined]


def base(store: ObjectStoreFixture) -> str:
    return f"{store.account}/{getattr(store, 'container', 'c')}"


def files_of(store: ObjectStoreFixture, name: str) -> list[Path]:
    placement = store.app.tools.cluster.rings.placement("AUTH_p1", base(store).rpartition("/")[2], name)
    return list(Path(store.config.state).glob(f"objectstore/d*/objects/{placement.partition}/{placement.digest}"))


def listed(store: ObjectStoreFixture, name: str) -> dict[str, Any] | None:
    rows = store.client.get(f"{base(store)}?format=json&prefix={name}").json or []
    return next((row for row in rows if row["name"] == name), None)


def put(store: ObjectStoreFixture, name: str, data: bytes, way: str) -> int:
    """PUT in one of the ways in which clients do it; the status."""
    path = f"{base(store)}/{name}"
    headers = {"Etag": hashlib.md5(data, usedforsecurity=False).hexdigest()} if way == "etag" else {}
    if way != "chunked":
        length = {"CONTENT_LENGTH": str(len(data))}
        return store.client.put(path, data=data, headers=headers, environ_overrides=length).status_code
    environ = {"HTTP_TRANSFER_ENCODING": "chunked", "CONTENT_LENGTH": ""}
    return store.client.put(path, input_stream=BytesIO(data), environ_overrides=environ).status_code


def judge(store: ObjectStoreFixture, name: str, status: int, data: bytes, before: bytes | None = None) -> None:
    """After 201 the object is complete on two devices and listed; after 503 everything is as it was before."""
    assert status in (201, 503), (name, status)
    expected = data if status == 201 else before
    answer, row = store.client.get(f"{base(store)}/{name}"), listed(store, name)
    if expected is None:
        assert answer.status_code == 404
        assert row is None
        assert not files_of(store, name)
    else:
        assert (answer.status_code, answer.data) == (200, expected)
        assert row is not None
        assert row["bytes"] == len(expected)
        assert row["hash"] == hashlib.md5(expected, usedforsecurity=False).hexdigest()
        stored = []
        for path in files_of(store, name):
            with open_file(path) as file:
                check(file)
                stored.append(file.meta.etag)
        assert stored.count(row["hash"]) >= 2
    assert not list(Path(store.config.state).glob("objectstore/d*/tmp/*"))


@pytest.mark.parametrize("way", ["length", "chunked", "etag"])
@pytest.mark.parametrize("harm", list(HARMS))
def test_four_of_seven_devices_refuse(tmp_path: Path, harm: str, way: str) -> None:
    """With handoffs that have space, every PUT succeeds and every object is complete."""
    options, act = HARMS[harm]
    with cluster(tmp_path, {f"d{n}": options for n in range(1, 5)}, devices=7) as store:
        for n in range(1, 5):
            act(resting(store, f"d{n}"))
        for size in SIZES:
            data = os.urandom(size)
            statuses = []
            for name in NAMES[:6]:
                statuses.append(put(store, f"{name}-{size}", data, way))
                judge(store, f"{name}-{size}", statuses[-1], data)
            if size <= BLOCK_BYTES or harm != "nearly-full":  # longer ones may lose all three at once, in the middle
                assert statuses == [201] * len(statuses), size


@pytest.mark.parametrize("harm", list(HARMS))
def test_three_of_four_devices_refuse(tmp_path: Path, harm: str) -> None:
    """Too few devices are left for a quorum: every PUT gets 503, nothing is stored or listed, and no 404 is given for
    what can't be read.
    """
    options, act = HARMS[harm]
    with cluster(tmp_path, {f"d{n}": options for n in range(1, 4)}, devices=4) as store:
        for n in range(1, 4):
            act(resting(store, f"d{n}"))
        for size in (100_000, 400_000, 5 << 20):
            data = os.urandom(size)
            for name in NAMES:
                assert put(store, f"{name}-{size}", data, "length") == 503
        for n in range(1, 4):
            subprocess.run(["mount", "-o", "remount,rw", store.configs[0].home / f"d{n}"], check=True)
        for size in (100_000, 400_000, 5 << 20):
            for name in NAMES:
                judge(store, f"{name}-{size}", 503, b"")


def test_what_was_there_stays_when_the_new_version_is_refused(tmp_path: Path) -> None:
    with cluster(tmp_path, {f"d{n}": "size=8m" for n in range(1, 4)}, devices=4) as store:
        for name in NAMES:
            assert put(store, name, b"old", "length") == 201
        for n in range(1, 4):
            fill(Path(store.configs[0].home, f"d{n}"))
        for name in NAMES:
            status = put(store, name, bytes(400_000), "length")
            judge(store, name, status, bytes(400_000), before=b"old")


def test_copies_manifests_and_posts_on_full_devices(tmp_path: Path) -> None:
    with cluster(tmp_path, {f"d{n}": "size=8m" for n in range(1, 5)}, devices=7) as store:
        data = os.urandom(400_000)
        for n in range(1, 5):
            fill_wholly(Path(store.configs[0].home, f"d{n}"))
        client, name = store.client, base(store).rpartition("/")[2]
        for n in range(6):
            assert put(store, f"seg{n}", data, "length") == 201
            copied = client.put(f"{base(store)}/copy{n}", headers={"X-Copy-From": f"{name}/seg{n}"}).status_code
            judge(store, f"copy{n}", copied, data)
            assert copied == 201
        manifest = [{"path": f"/{name}/seg{n}"} for n in range(6)]
        assert client.put(f"{base(store)}/slo?multipart-manifest=put", json=manifest).status_code == 201
        prefix = {"X-Object-Manifest": f"{name}/seg"}
        assert client.put(f"{base(store)}/dlo", headers=prefix, environ_overrides=EMPTY).status_code == 201
        assert client.get(f"{base(store)}/slo").data == client.get(f"{base(store)}/dlo").data == data * 6
        assert client.post(f"{base(store)}/seg0", headers={"X-Object-Meta-A": "1"}).status_code in (202, 503)
        assert client.get(f"{base(store)}/seg0").data == data


class FaultyOs:
    """`os` for the module of object files, with one call that fails on some devices."""

    def __init__(self, call: str, devices: set[str], code: int, skip: int = 0) -> None:
        self._call, self._devices, self._code, self._skip = call, devices, code, skip

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name != self._call:
            return real

        def failing(target: Any, *rest: Any, **more: Any) -> Any:
            path = str(Path(f"/proc/self/fd/{target}").readlink()) if isinstance(target, int) else str(target)
            writes = name != "open" or rest[0] & os.O_CREAT
            if writes and any(f"/{device}/" in path for device in self._devices):
                self._skip -= 1
                if self._skip < 0:
                    raise OSError(self._code, os.strerror(self._code), path)
            return real(target, *rest, **more)

        return failing


@pytest.mark.parametrize("code", [errno.EIO, errno.EROFS, errno.EBADMSG, errno.ENFILE])
@pytest.mark.parametrize("call", ["open", "write", "fsync", "rename", "utime"])
@pytest.mark.parametrize("broken", [1, 3, 5, 7])
def test_an_error_at_each_call(
    tmp_path: Path, call: str, broken: int, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with cluster(tmp_path, {}, devices=7) as store:
        for name in NAMES[:3]:
            assert put(store, name, b"old", "length") == 201
        monkeypatch.setattr(object_files, "os", FaultyOs(call, {f"d{n}" for n in range(1, broken + 1)}, code))
        for size in (1, 100_000, 400_000):
            data = os.urandom(size)
            for name in NAMES[:3]:
                status = put(store, f"{name}-{size}", data, "length")
                judge(store, f"{name}-{size}", status, data)
                if broken <= 5 and (
                    size < BLOCK_BYTES or call == "open"
                ):  # of a longer body all copies may be lost at once
                    assert status == 201
                before = store.client.get(f"{base(store)}/{name}").data
                judge(store, name, put(store, name, data, "chunked"), data, before)


def test_a_device_that_breaks_at_each_write_of_a_long_body(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with cluster(tmp_path, {}, devices=6) as store:
        data = os.urandom(2 << 20)
        for skip in range(12):
            monkeypatch.setattr(object_files, "os", FaultyOs("write", {"d1", "d2"}, errno.ENOSPC, skip))
            status = put(store, f"o{skip}", data, "length")
            judge(store, f"o{skip}", status, data)
            assert status == 201


def test_a_put_that_reaches_one_host_of_three_is_taken_back(tmp_path: Path) -> None:
    """Two hosts refuse because their devices are full. The third has stored its copy, which the proxy withdraws, with
    its row.
    """
    store = UnpackedObjectStoreFixture(tmp_path, hosts=3, devices=1)
    try:
        assert store.client.put(f"{store.account}/c").status_code == 201
        assert put(store, "o", b"old", "length") == 201
        for server in store.servers[1:]:
            for device in server.host._devices.values():
                device.disk._room, device.disk._room_checked = -1, float("inf")
        for name, before in (("o", b"old"), ("p", None)):
            for data in (b"new", bytes(400_000)):
                assert put(store, name, data, "length") == 503
                store.drain()
                answer, row = store.client.get(f"{base(store)}/{name}"), listed(store, name)
                assert answer.data == before if before else answer.status_code == 404
                assert (row["bytes"] if row else None) == (len(before) if before else None)
        for server in store.servers[1:]:
            for device in server.host._devices.values():
                device.disk._room_checked = 0.0
        assert put(store, "o", b"newer", "length") == 201
        assert store.client.get(f"{base(store)}/o").data == b"newer"
        assert listed(store, "o")["bytes"] == 5  # type: ignore[index]
        assert float(timestamp()) > 0
    finally:
        store.close()
