"""Rows of small objects: visible at once, on disk a moment later, and until then their objects can be found again."""

import time
from collections.abc import Callable

import pytest

from pileus_objectstore.agent.late_rows import LateRows
from pileus_objectstore.agent.updater import Updater
from pileus_objectstore.errors import DeviceFailed
from pileus_objectstore.storage.listing_database import ListingDatabase
from pileus_objectstore.storage.row_log import RowLog
from pileus_objectstore.testing import ObjectStoreFixture


@pytest.fixture
def updater(store: ObjectStoreFixture, container: str) -> Updater:
    """The storage server's updater, after it has set the markers of all devices."""
    updater = store.servers[0].updater
    assert await_true(lambda: len(updater._synced_until) == 4 and not updater._retry_at)
    store.drain()
    return updater


def await_true(condition: Callable[[], bool]) -> bool:
    """Wait for a condition; whether it came true."""
    until = time.monotonic() + 60
    while not condition() and time.monotonic() < until:
        time.sleep(0.02)
    return condition()


def names(store: ObjectStoreFixture, container: str) -> list[str]:
    return store.client.get(container).text.split()


def test_a_change_is_under_way_until_its_rows_are_on_disk(
    store: ObjectStoreFixture, container: str, updater: Updater, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A row is listed at once, and a recovery would find its object until the row is flushed."""
    began = time.time()
    with monkeypatch.context() as slow:
        slow.setattr(LateRows, "settle", lambda self, wait_s=0.0: None)
        assert store.client.put(f"{container}/o", data=b"x").status_code == 201
        assert names(store, container) == ["o"]
        assert began <= updater.changes.oldest_start() <= time.time()
        assert len(updater.late_rows) == 1
        assert store.client.delete(f"{container}/o").status_code == 204
        assert names(store, container) == []
        assert len(updater.late_rows) == 2
    assert await_true(lambda: not updater.changes._began)


def test_rows_that_a_disk_does_not_take_become_async_pendings(
    store: ObjectStoreFixture, container: str, updater: Updater, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(RowLog, "_write", full)
        assert store.client.put(f"{container}/o", data=b"x").status_code == 201
        assert await_true(lambda: not updater.changes._began)
        assert list(store.configs[0].home.glob("d?/pending/*")), "on disks whose log took nothing"
    updater.retry()
    assert not list(store.configs[0].home.glob("d?/pending/*"))
    assert names(store, container) == ["o"]


def test_a_change_stays_under_way_while_no_device_takes_its_async_pending(
    store: ObjectStoreFixture, container: str, updater: Updater, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever goes wrong, the marker doesn't pass an object whose rows are nowhere."""

    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as failing:
        failing.setattr(RowLog, "_write", broken)
        failing.setattr(updater.late_rows, "_save_missing", broken)
        assert store.client.put(f"{container}/o", data=b"x").status_code == 201
        (number,) = updater.changes._began
        with pytest.raises(OSError, match="Input"):
            while True:
                updater.late_rows.settle(1.0)
        assert list(updater.changes._began) == [number]
    assert await_true(lambda: not updater.changes._began)


def test_rows_are_waited_for_while_the_clock_is_behind_the_markers(
    store: ObjectStoreFixture, container: str, updater: Updater, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A recovery looks at what is newer than the marker, so a change that seems older has its rows on disk first."""
    updater._synced_until = {device: time.time() + 3600 for device in updater._synced_until}
    with monkeypatch.context() as slow:
        slow.setattr(LateRows, "settle", lambda self, wait_s=0.0: None)
        assert store.client.put(f"{container}/o", data=b"x").status_code == 201
        assert not len(updater.late_rows)
    assert names(store, container) == ["o"]
    updater._mark_synced()
    assert all(until <= time.time() for until in updater._synced_until.values())


def test_files_are_waited_for(store: ObjectStoreFixture, container: str, updater: Updater) -> None:
    """A recovery finds them by the file system's clock, which no marker was compared with."""
    assert store.client.put(f"{container}/large", data=b"x" * 100_000).status_code == 201
    assert not len(updater.late_rows)
    assert names(store, container) == ["large"]


def test_a_container_that_no_disk_can_read_is_not_missing(
    store: ObjectStoreFixture, container: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows wait that can't be merged, because the disks are full: that is an outage, and no reason for a 404."""

    def full(_: ListingDatabase) -> None:
        raise DeviceFailed(device="d1", why="disk I/O error")

    assert store.client.put(f"{container}/o", data=b"x").status_code == 201
    with monkeypatch.context() as broken:
        broken.setattr(ListingDatabase, "_merge_waiting", full)
        assert store.client.put(f"{container}/p", data=b"x").status_code == 201
        assert store.client.get(container).status_code == 503
    assert store.client.get(container).data == b"o\np\n"
