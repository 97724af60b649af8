"""Changed rows of listings: durable by the log, visible at once, merged later, and never lost between the two."""

import os
import shutil
import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from pileus_objectstore.errors import DeviceFailed
from pileus_objectstore.storage.disks import Disk
from pileus_objectstore.storage.listing_database import ListingDatabase
from pileus_objectstore.storage.listing_store import ListingStore
from pileus_objectstore.storage.row_log import Flush, RowLog, WaitingRows
from pileus_objectstore.wire.contract import ListingInfo, ListingRow

PLACE = ("container", 0, "x")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    Disk.format(tmp_path / "d", "d")
    disk = Disk(tmp_path / "d")
    disk.open()
    yield disk
    disk.close()


@pytest.fixture
def store(disk: Disk) -> Iterator[ListingStore]:
    store = ListingStore(disk)
    store.create(*PLACE, ListingInfo("/a/c", put="1"))
    yield store
    store.close()


def add(store: ListingStore, *names: str) -> None:
    flushes = [store.append(*PLACE, [ListingRow(name, "0000000001.00000", size=2)]) for name in names]
    for flush in flushes:
        assert flush is not None
        flush.wait()


def names(store: ListingStore) -> list[str]:
    with store.use(*PLACE) as listing:
        assert listing is not None
        return [row[0] for row in listing.rows(limit=100)]


def segments(disk: Disk) -> list[Path]:
    return sorted((disk.root / "rows").glob("*"))


def another_process(disk: Disk, name: str = "copy") -> ListingStore:
    """A store of the same files, as a process finds them whose predecessor was killed."""
    copy = disk.root.parent / name
    shutil.copytree(disk.root, copy)
    other = Disk(copy)
    (copy / ".device").write_bytes(b'{"name":"%s"}' % name.encode())
    other.open()
    return ListingStore(other)


def test_a_reader_sees_rows_at_once(store: ListingStore) -> None:
    add(store, "a", "b")
    assert names(store) == ["a", "b"]
    add(store, "c")
    with store.use(*PLACE) as listing:
        assert listing is not None
        assert (listing.info.count, listing.info.size) == (3, 6)
        assert [row.name for row in listing.changes(0, 100)[0]] == ["a", "b", "c"]


def test_many_rows_share_one_flush_and_one_transaction(
    store: ListingStore, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed, commits = [], []
    write = RowLog._write

    def slow(self: RowLog, data: bytes, listings: set[tuple[str, str]]) -> None:
        started.set()
        go.wait(30)
        flushed.append(data)
        write(self, data, listings)

    merge = ListingDatabase._merge_row
    monkeypatch.setattr(RowLog, "_write", slow)
    monkeypatch.setattr(ListingDatabase, "_merge_row", lambda *args: (commits.append(1), merge(*args))[1])
    started, go = threading.Event(), threading.Event()
    first = store.append(*PLACE, [ListingRow("0", "0000000001.00000")])
    assert started.wait(30)
    rest = [store.append(*PLACE, [ListingRow(str(n), "0000000001.00000")]) for n in range(1, 50)]
    go.set()
    for flush in (first, *rest):
        assert flush is not None
        flush.wait()
    assert len(flushed) == 2
    assert not commits
    assert len(names(store)) == 50
    assert len(commits) == 50


def test_what_is_only_in_the_log_survives(store: ListingStore, disk: Disk) -> None:
    add(store, "a", "b")
    for name, expected in (("without", []), ("with", ["a", "b"])):
        other = another_process(disk, name)
        try:
            if name == "without":
                shutil.rmtree(other.disk.root / "rows")
            assert names(other) == expected
            assert not segments(other.disk)
        finally:
            other.close()
            other.disk.close()


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_process_that_died_while_it_wrote(store: ListingStore, disk: Disk, cut: int) -> None:
    """Acknowledged rows are found, whatever is left of the record that follows."""
    add(store, "a")
    whole = segments(disk)[0].stat().st_size
    add(store, "b")
    segment = segments(disk)[0]
    os.truncate(segment, max(whole, segment.stat().st_size - cut))
    other = another_process(disk)
    try:
        assert names(other) == ["a"]
    finally:
        other.close()
        other.disk.close()


@pytest.mark.parametrize("killed", [False, True])
def test_a_damaged_segment_is_put_aside(store: ListingStore, disk: Disk, killed: bool) -> None:
    """`killed`: an earlier process has put it aside and died before it removed the segment."""
    add(store, "a")
    start = segments(disk)[0].stat().st_size
    add(store, "b")
    data = bytearray(segments(disk)[0].read_bytes())
    data[start + 12] ^= 4
    segments(disk)[0].write_bytes(bytes(data))
    other = another_process(disk)
    try:
        if killed:
            (other.disk.root / "quarantined" / "rows").mkdir(parents=True)
            os.link(segments(other.disk)[0], other.disk.root / "quarantined" / "rows" / segments(other.disk)[0].name)
        assert names(other) == ["a"]
        assert len(list(other.disk.root.glob("quarantined/rows/*"))) == 1
        assert not segments(other.disk)
    finally:
        other.close()
        other.disk.close()


def test_the_log_is_shortened(store: ListingStore, disk: Disk) -> None:
    """A segment goes only after its rows are in the listing's files."""
    add(store, "a")
    store.shorten_log(3600)
    assert len(segments(disk)) == 1
    store.shorten_log(0)
    assert not segments(disk)
    other = another_process(disk)
    try:
        assert names(other) == ["a"]
    finally:
        other.close()
        other.disk.close()


def test_rows_that_can_not_be_merged_stay(store: ListingStore, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    add(store, "a")
    with monkeypatch.context() as broken:
        broken.setattr(ListingDatabase, "_save", full)
        with pytest.raises(DeviceFailed):
            store.shorten_log(0)
        assert store.close_idle(-1) == 1
        store.shorten_log(0)  # it only notes when to try again
        with store.use(*PLACE) as listing:
            assert listing is not None
            assert listing.info.count == 0
        assert len(segments(disk)) == 1
    store._merge_at = 0.0
    assert names(store) == ["a"]
    assert not segments(disk)


def failing(path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the listing at a path refuse writes."""
    save = ListingDatabase._save

    def refuse(self: ListingDatabase, info: ListingInfo) -> None:
        if self.path == path:
            raise sqlite3.OperationalError("disk I/O error")
        save(self, info)

    monkeypatch.setattr(ListingDatabase, "_save", refuse)


def test_a_listing_that_can_not_be_written_keeps_no_other_one_waiting(
    store: ListingStore, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = ("container", 1, "a"), ("container", 1, "z")
    for place in others:
        store.create(*place, ListingInfo("/a/other", put="1"))
    with monkeypatch.context() as broken:
        failing(store.path(*PLACE), broken)
        for row in ("1", "2"):
            for place in (*others, PLACE) if row == "1" else others:
                flush = store.append(*place, [ListingRow(row, "0000000001.00000")])
                assert flush is not None
                flush.wait()
            with pytest.raises(DeviceFailed):
                store.shorten_log(0)
        assert len(segments(disk)) == 1, "only the one with a row of the listing that refuses"
        for place in others:
            with store.use(*place) as listing:
                assert listing is not None
                assert (listing._waiting, listing.info.count) == ([], 2)
    store.shorten_log(0)
    assert not segments(disk)
    assert names(store) == ["1"]


def test_a_new_process_merges_what_it_can(store: ListingStore, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    other_place = ("container", 1, "z")
    store.create(*other_place, ListingInfo("/a/other", put="1"))
    for place in (PLACE, other_place):
        flush = store.append(*place, [ListingRow("1", "0000000001.00000")])
        assert flush is not None
        flush.wait()
    other = another_process(disk)
    try:
        with monkeypatch.context() as broken:
            failing(other.path(*PLACE), broken)
            with other.use(*other_place) as listing:
                assert listing is not None
                assert listing.info.count == 1
            assert len(segments(other.disk)) == 1
        other._merge_at = 0.0
        assert names(other) == ["1"]
        assert not segments(other.disk)
    finally:
        other.close()
        other.disk.close()


def test_the_log_of_an_exchanged_disk_is_forgotten(store: ListingStore, disk: Disk) -> None:
    """A disk that is replaced while the server runs has other segments, or none."""
    add(store, "a")
    disk.root.rename(disk.root.with_name("away"))
    store.close()
    disk.close()
    Disk.format(disk.root, "d")
    disk.open()
    store.create(*PLACE, ListingInfo("/a/c", put="1"))
    store.shorten_log(0)
    add(store, "b")
    store.shorten_log(0)
    assert not segments(disk)
    assert names(store) == ["b"]


def test_a_disk_that_takes_no_rows(store: ListingStore, disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    """The writers learn it, and later rows don't follow half a record."""
    add(store, "a")

    def torn(fd: int, data: bytes) -> int:
        if len(data) > 20:
            return write(fd, data[:20])
        raise OSError(28, "No space left on device")

    write = os.write
    with monkeypatch.context() as broken:
        broken.setattr(
            os, "write", lambda fd, data: torn(fd, data) if b"bad" in data or len(data) < 100 else write(fd, data)
        )
        flush = store.append(*PLACE, [ListingRow("bad" * 40, "0000000001.00000")])
        assert flush is not None
        with pytest.raises(DeviceFailed):
            flush.wait()
    add(store, "b")
    assert len(segments(disk)) == 2
    other = another_process(disk)
    try:
        assert names(other) == ["a", "b"]
    finally:
        other.close()
        other.disk.close()


def test_no_row_is_taken_for_a_listing_that_is_closed(store: ListingStore) -> None:
    with store.use(*PLACE) as listing:
        assert listing is not None
        store.close()
        with pytest.raises(DeviceFailed):
            listing.add([ListingRow("a", "0000000001.00000")])


def test_a_listing_that_is_not_there(store: ListingStore) -> None:
    assert store.append("container", 1, "y", [ListingRow("a", "1")]) is None


def test_the_format() -> None:
    """It must open after an upgrade: it may only grow."""
    rows = WaitingRows("container", 3, "f" * 32, [ListingRow("a", "1", False, 2, "e", "t")])
    assert msgspec.json.encode(rows) == (
        b'["container",3,"ffffffffffffffffffffffffffffffff",[["a","1",false,2,"e","t",0,""]]]'
    )
    assert Flush().records == []
