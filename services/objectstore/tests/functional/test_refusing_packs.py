"""Devices that are full, read-only or broken while small objects are packed: what is acknowledged is on two devices,
and what is refused leaves nothing.
"""

import errno
import hashlib
import os
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from packed_store import copies

from pileus_kit.testing.server_process import eventually
from pileus_objectstore.storage import object_files, pack_log, pack_segments
from pileus_objectstore.testing import ObjectStoreFixture

NAMES = [f"o{n}" for n in range(6)]


def fill(root: Path, left: int) -> None:
    """Use all space but `left` bytes, as far as listings that are written meanwhile leave it."""
    about = os.statvfs(root)
    with open(root / "ballast", "wb", buffering=0) as file:
        file.write(bytes(max(1, about.f_bavail * about.f_frsize - left)))  # it writes what there is room for


def make_read_only(root: Path) -> None:
    subprocess.run(["mount", "-o", "remount,ro", str(root)], check=True)


HARMS: dict[str, Callable[[Path], None]] = {
    "full": lambda root: fill(root, 0),
    "nearly-full": lambda root: fill(root, 24_000),
    "read-only": make_read_only,
}


@contextmanager
def cluster(state: Path, mounted: int, devices: int) -> Iterator[ObjectStoreFixture]:
    """A host with so many devices, the first of which are file systems of their own."""
    roots = [state / "objectstore" / f"d{n}" for n in range(1, mounted + 1)]
    try:
        for root in roots:
            root.mkdir(parents=True)
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", root], check=True)
        store = ObjectStoreFixture(state, devices=devices)
        try:
            yield store
        finally:
            store.close()
    finally:
        for root in roots:
            subprocess.run(["umount", "-l", root], check=False)


def container_on(store: ObjectStoreFixture, mounted: int) -> str:
    """A container whose listing is on as few of the harmed devices as possible: these tests are about objects."""
    harmed = {f"d{n}" for n in range(1, mounted + 1)}
    rings = store.app.tools.cluster.rings
    name = min(
        (f"c{n}" for n in range(400)),
        key=lambda name: len(set(rings.placement("AUTH_p1", name).hosts[0][1]) & harmed),
    )
    assert store.client.put(f"{store.account}/{name}").status_code == 201
    return f"{store.account}/{name}"


def judge(store: ObjectStoreFixture, path: str, status: int, data: bytes, before: bytes | None = None) -> None:
    """After 201 the object is complete on two devices and listed; after 503 everything is as it was before."""
    assert status in (201, 503), (path, status)
    expected = data if status == 201 else before
    container, _, name = path.rpartition("/")
    rows = [row for row in store.client.get(f"{container}?format=json&prefix={name}").json or [] if row["name"] == name]
    answer = store.client.get(path)
    if expected is None:
        assert (answer.status_code, rows, copies(store, path)) == (404, [], {})
    else:
        assert (answer.status_code, answer.data) == (200, expected)
        assert [row["hash"] for row in rows] == [hashlib.md5(expected, usedforsecurity=False).hexdigest()]
        assert [body for _, body in copies(store, path).values()].count(expected) >= 2
    eventually(lambda: not list(Path(store.config.state).glob("objectstore/d*/tmp/*")))  # a hint may be under way


@pytest.mark.parametrize("harm", list(HARMS))
def test_handoffs_replace_devices_that_refuse(tmp_path: Path, harm: str) -> None:
    with cluster(tmp_path, mounted=4, devices=7) as store:
        container = container_on(store, 4)
        for name in NAMES:
            assert store.client.put(f"{container}/{name}", data=b"old").status_code == 201
        store.drain()
        for n in range(1, 5):
            store.servers[0].host.device(f"d{n}").close()  # a file system that is written to can't be made read-only
            HARMS[harm](Path(store.configs[0].home, f"d{n}"))
        for size in (1, 4096, 65536):
            data = os.urandom(size)
            for name in NAMES:
                status = store.client.put(f"{container}/{name}-{size}", data=data).status_code
                judge(store, f"{container}/{name}-{size}", status, data)
                assert status == 201
                judge(
                    store, f"{container}/{name}", store.client.put(f"{container}/{name}", data=data).status_code, data
                )


class FaultyOs:
    """`os` for the modules that write packs, with calls that fail on some devices; `hit` are those that did."""

    def __init__(self, calls: set[str], devices: set[str], code: int) -> None:
        self._calls, self._devices, self._code = calls, devices, code
        self.hit: set[str] = set()

    def __getattr__(self, name: str) -> Any:
        real = getattr(os, name)
        if name not in self._calls:
            return real

        def failing(target: Any, *rest: Any, **more: Any) -> Any:
            path = str(Path(f"/proc/self/fd/{target}").readlink()) if isinstance(target, int) else str(target)
            writes = name != "open" or rest[0] & os.O_CREAT
            if writes and any(f"/{device}/" in path for device in self._devices):
                self.hit.add(name)
                raise OSError(self._code, os.strerror(self._code), path)
            return real(target, *rest, **more)

        return failing


@pytest.mark.parametrize(
    ("call", "code"),
    [
        ("open", errno.EIO),
        ("pwrite", errno.EIO),
        ("pwrite", errno.ENOSPC),
        ("fdatasync", errno.EIO),
        ("ftruncate", errno.EIO),
        ("write", errno.ENOSPC),
        ("fsync", errno.EIO),
    ],
)
@pytest.mark.parametrize("broken", [5, 7])
def test_an_error_at_each_call(
    tmp_path: Path, call: str, broken: int, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A host that was started again makes a new segment; a record that was written in part is cut off again."""
    with cluster(tmp_path, mounted=0, devices=7) as store:
        container = container_on(store, 0)
        for name in NAMES[:3]:
            assert store.client.put(f"{container}/{name}", data=b"old").status_code == 201
        store.stop_host(0)
        store.start_host(0)
        calls = {"pwrite", call} if call == "ftruncate" else {call}
        faulty = FaultyOs(calls, {f"d{n}" for n in range(1, broken + 1)}, code)
        with monkeypatch.context() as patch:
            for module in (pack_log, pack_segments, object_files):
                patch.setattr(module, "os", faulty)
            for name in NAMES[:3]:
                data = os.urandom(4096)
                status = store.client.put(f"{container}/{name}-new", data=data).status_code
                judge(store, f"{container}/{name}-new", status, data)
                assert status == 201 or broken > 5
                before = store.client.get(f"{container}/{name}").data
                judge(
                    store,
                    f"{container}/{name}",
                    store.client.put(f"{container}/{name}", data=data).status_code,
                    data,
                    before,
                )
        assert faulty.hit == calls
        for name in NAMES[:3]:
            assert store.client.put(f"{container}/{name}", data=b"again").status_code == 201
        store.stop_host(0)
        store.start_host(0)
        for name in NAMES[:3]:
            judge(store, f"{container}/{name}", 201, b"again")


def test_too_few_devices_refuse_and_keep_nothing(tmp_path: Path) -> None:
    with cluster(tmp_path, mounted=3, devices=4) as store:
        container = container_on(store, 0)
        for name in NAMES:
            assert store.client.put(f"{container}/{name}", data=b"old").status_code == 201
        store.drain()
        for listing in (store.account, container):  # their rows are merged while there is room: it is about objects
            assert store.client.get(listing).status_code == 200
        for n in range(1, 4):
            fill(Path(store.configs[0].home, f"d{n}"), 8192)
        for name in NAMES:
            data = os.urandom(65536)
            status = store.client.put(f"{container}/{name}-new", data=data).status_code
            assert status == 503
            judge(store, f"{container}/{name}-new", status, data)
            status = store.client.put(f"{container}/{name}", data=data).status_code
            judge(store, f"{container}/{name}", status, data, b"old")
        for n in range(1, 4):
            Path(store.configs[0].home, f"d{n}", "ballast").unlink()
        store.stop_host(0)
        store.start_host(0)
        for name in NAMES:
            judge(store, f"{container}/{name}-new", 503, b"")
            assert store.client.delete(f"{container}/{name}").status_code == 204
