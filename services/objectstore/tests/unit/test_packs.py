"""Packs of small objects: what is on disk and what the index says agree, after a crash or damage at any byte, too."""

import errno
import os
import random
import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
from pack_files import State, content, digest, opened, put, readable, reopened

from pileus_objectstore.errors import Damaged, DeviceFailed
from pileus_objectstore.storage import pack_log
from pileus_objectstore.storage.disks import Disk
from pileus_objectstore.storage.pack_index import ENTRY, Location, PackIndex
from pileus_objectstore.storage.pack_log import Change, Completion, PackLog, newer, removal, same
from pileus_objectstore.storage.pack_records import HEADER_BYTES, PREAMBLE, STORED, Header


@pytest.fixture
def root(tmp_path: Path) -> Path:
    Disk.format(tmp_path / "d1", "d1")
    return tmp_path / "d1"


def test_what_was_written_is_there_after_a_restart(root: Path) -> None:
    packs = opened(root)
    assert put(packs, 1, 10, b"one")
    assert put(packs, 2, 10, b"")
    assert not put(packs, 1, 9, b"older")
    assert not put(packs, 1, 10, b"the same")
    assert put(packs, 1, 11, b"newer")
    assert put(packs, 1, 11, b"newer, posted", posted=12)
    assert packs.apply(removal(2, digest(2), same(10)))
    assert not packs.apply(removal(2, digest(2), same(10)))
    wanted = {digest(1): (11, 12, b"newer, posted")}
    assert content(packs) == wanted
    again = reopened(packs, root)
    assert content(again) == wanted
    assert put(again, 3, 1, b"three")  # in a segment of its own
    assert content(reopened(again, root)) == wanted | {digest(3): (1, 0, b"three")}


def test_an_end_that_is_cut_off_at_any_byte(root: Path, tmp_path: Path) -> None:
    packs = opened(root)
    states: list[tuple[int, State]] = []  # (size of the segment, what is there)
    for number in range(4):
        put(packs, number, 10 + number, bytes([number]) * (20 + number))
        states.append((packs.segments.size(1), content(packs)))
    packs.apply(removal(1, digest(1), same(11)))
    states.append((packs.segments.size(1), content(packs)))
    packs.close()
    whole = (root / "packs" / "00000001.pack").read_bytes()
    for cut in (*range(0, states[1][0], 11), *range(states[1][0], len(whole))):
        again = cut_off(root, tmp_path / "cut", whole[:cut])
        wanted = max((state for state in states if state[0] <= cut), key=lambda state: state[0], default=(0, {}))[1]
        assert content(again) == wanted, cut
        assert put(again, 9, 1, b"after the crash")
        assert content(reopened(again, tmp_path / "cut")) == wanted | {digest(9): (1, 0, b"after the crash")}


def cut_off(root: Path, copy: Path, data: bytes) -> PackLog:
    """A copy of a device whose first segment has these bytes."""
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(root, copy)
    (copy / "packs" / "00000001.pack").write_bytes(data)
    return opened(copy)


def test_a_flipped_bit_costs_one_record(root: Path, tmp_path: Path) -> None:
    """Bytes are right or refused. Damage in one record hides none of the others, wherever it is."""
    packs = opened(root)
    for number in range(3):
        put(packs, number, 10, bytes([number]) * 30)
    good = content(packs)
    packs.close()
    whole = (root / "packs" / "00000001.pack").read_bytes()
    record = HEADER_BYTES + 30
    for at in range(len(whole)):
        data = bytearray(whole)
        data[at] ^= 1 << (at % 8)
        again = cut_off(root, tmp_path / "flipped", bytes(data))
        found, hit = readable(again), (at - PREAMBLE.size) // record
        assert found.items() <= good.items()
        assert set(good) - set(found) <= ({digest(hit)} if at >= PREAMBLE.size else set())
        again.close()


def test_damage_after_the_start_is_found_when_it_is_read(root: Path) -> None:
    packs = opened(root)
    put(packs, 1, 10, b"x" * 100)
    path = root / "packs" / "00000001.pack"
    whole = path.read_bytes()
    place = packs.find(1, digest(1))
    assert place is not None
    for at in range(PREAMBLE.size, len(whole)):
        data = bytearray(whole)
        data[at] ^= 16
        path.write_bytes(data)
        with pytest.raises(Damaged):
            packs.read(digest(1), place)
    path.write_bytes(whole)
    assert packs.read(digest(1), place) == b"x" * 100


def test_a_hint_is_never_needed_and_never_believed_blindly(root: Path) -> None:
    packs = opened(root)
    for number in range(5):
        put(packs, number, 10, bytes([number]) * 9)
    packs.apply(removal(3, digest(3), same(10)))
    good = content(packs)
    packs.segments.write_hint(1)
    packs.close()
    hint = root / "packs" / "00000001.hint"
    whole = hint.read_bytes()
    assert content(opened(root)) == good
    for at in range(len(whole)):
        data = bytearray(whole)
        data[at] ^= 1
        hint.write_bytes(data)
        assert content(opened(root)) == good, at
    for size in range(0, len(whole), 7):
        hint.write_bytes(whole[:size])
        assert content(opened(root)) == good, size


def test_bytes_of_a_client_that_look_like_a_record_are_none(root: Path) -> None:
    """Even when the header before them is damaged, so that the next record is searched for."""
    forged = Header(STORED, bytes.fromhex(digest(7)), 3, 99, 0, 0, 4, 0x0).encode(b"PILEUSPK") + b"evil"
    packs = opened(root)
    put(packs, 1, 10, forged)
    put(packs, 2, 10, b"two")
    packs.close()
    path = root / "packs" / "00000001.pack"
    data = bytearray(path.read_bytes())
    data[PREAMBLE.size + 20] ^= 1
    path.write_bytes(data)
    assert content(opened(root)) == {digest(2): (10, 0, b"two")}


class CountingOs:
    """`os` for the log, which counts syncs and can fail them or writes."""

    def __init__(self, failing: str = "", code: int = errno.EIO, short: bool = False) -> None:
        self.failing, self.code, self.short, self.syncs = failing, code, short, 0

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name)

    def fdatasync(self, fd: int) -> None:
        self.syncs += 1
        if self.failing == "fdatasync":
            raise OSError(self.code, os.strerror(self.code))
        os.fdatasync(fd)

    def pwrite(self, fd: int, data: memoryview, offset: int) -> int:
        if self.failing == "pwrite":
            if not self.short:
                raise OSError(self.code, os.strerror(self.code))
            self.short = False
            return os.pwrite(fd, data[: len(data) // 2], offset)
        return os.pwrite(fd, data, offset)


def test_changes_that_wait_share_one_sync(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    packs = opened(root)
    put(packs, 0, 1, b"")
    counting = CountingOs()
    monkeypatch.setattr(pack_log, "os", counting)
    changes = [Change(STORED, n % 4, digest(n), (5, 0), b"x" * 50, newer((5, 0))) for n in range(1, 101)]
    completion = Completion(len(changes))
    packs.submit(changes, completion)
    completion.wait()
    assert all(change.result() for change in changes)
    assert counting.syncs <= 10
    assert len(content(packs)) == 101


def test_of_changes_in_one_batch_the_newest_wins(root: Path) -> None:
    packs = opened(root)
    stamps = [5, 9, 7, 9, 3, 8]
    changes = [Change(STORED, 1, digest(1), (stamp, 0), str(stamp).encode(), newer((stamp, 0))) for stamp in stamps]
    completion = Completion(len(changes))
    packs.submit(changes, completion)
    completion.wait()
    assert content(packs) == {digest(1): (9, 0, b"9")}
    assert sum(change.result() for change in changes) == 2
    assert content(reopened(packs, root)) == {digest(1): (9, 0, b"9")}


@pytest.mark.parametrize("failing", ["fdatasync", "pwrite"])
@pytest.mark.parametrize("short", [False, True])
@pytest.mark.parametrize("code", [errno.EIO, errno.ENOSPC, errno.EROFS])
def test_what_was_refused_leaves_nothing(
    root: Path, failing: str, short: bool, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    packs = opened(root)
    put(packs, 1, 10, b"good")
    size = packs.segments.size(1)
    monkeypatch.setattr(pack_log, "os", CountingOs(failing, code, short))
    for number in range(3):
        with pytest.raises(DeviceFailed):
            put(packs, 2 + number, 10, b"refused")
    assert sum(path.stat().st_size for path in (root / "packs").iterdir()) <= size + 3 * PREAMBLE.size
    assert content(packs) == content(opened(root)) == {digest(1): (10, 0, b"good")}
    monkeypatch.setattr(pack_log, "os", os)
    assert put(packs, 3, 10, b"after it")
    wanted = {digest(1): (10, 0, b"good"), digest(3): (10, 0, b"after it")}
    assert content(packs) == wanted
    assert content(reopened(packs, root)) == wanted


def test_a_device_whose_directory_is_gone_takes_nothing(root: Path) -> None:
    """Its open files can still be written; that isn't the device any more."""
    packs = opened(root)
    put(packs, 1, 10, b"good")
    shutil.rmtree(root)
    with pytest.raises(DeviceFailed):
        put(packs, 2, 10, b"nowhere")


def test_after_the_end_changes_are_refused(root: Path) -> None:
    packs = opened(root)
    put(packs, 1, 10, b"good")
    packs.close()
    with pytest.raises(DeviceFailed):
        put(packs, 2, 10, b"too late")


def test_the_index_agrees_with_a_dictionary_and_is_small() -> None:
    dice, index, model = random.Random(4), PackIndex(), dict[tuple[int, bytes], Location]()
    names = [(n % 7, dice.randbytes(16)) for n in range(300)]
    for step in range(6000):
        partition, name = dice.choice(names)
        if dice.random() < 0.3:
            assert index.remove(partition, name) == model.pop((partition, name), None)
        else:
            place = Location(step, dice.choice((0, 0, step)), step % 9, step * 8, step)
            assert index.put(partition, name, place) == model.get((partition, name))
            model[partition, name] = place
        assert index.find(partition, name) == model.get((partition, name))
    assert index.count == len(model)
    assert {(p, n): place for p in index.partitions() for n, place in index.held(p)} == model
    assert ENTRY.size == 36


def test_many_threads_write_and_read(root: Path) -> None:
    packs, wrong = opened(root), list[str]()

    def work(first: int) -> None:
        for number in range(first, first + 40):
            payload = str(number).encode() * 20
            put(packs, number, 1, payload)
            place = packs.find(number % 4, digest(number))
            if place is None or packs.read(digest(number), place) != payload:
                wrong.append(digest(number))

    threads = [threading.Thread(target=work, args=(first,)) for first in range(0, 400, 40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    assert len(content(reopened(packs, root))) == 400
