"""Compaction gives space back and loses nothing, wherever it is interrupted."""

import os
import random
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from pack_files import State, content, digest, opened, put, reopened

from pileus_objectstore.storage import pack_compaction, pack_log
from pileus_objectstore.storage.disks import Disk
from pileus_objectstore.storage.pack_compaction import Compactor
from pileus_objectstore.storage.pack_index import Location
from pileus_objectstore.storage.pack_log import Change, Completion, PackLog, removal, same
from pileus_objectstore.storage.pack_records import HEADER_BYTES


@pytest.fixture
def root(tmp_path: Path) -> Path:
    Disk.format(tmp_path / "d1", "d1")
    return tmp_path / "d1"


@pytest.fixture
def small_segments(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(pack_log, "SEGMENT_BYTES", 2000)
    monkeypatch.setattr(pack_compaction, "SMALL_BYTES", 0)
    yield


@pytest.mark.usefixtures("small_segments")
@pytest.mark.parametrize("seed", range(12))
def test_index_and_log_agree_with_a_model(root: Path, seed: int) -> None:
    """Random changes, restarts, compactions, and crashes in the middle of those."""
    dice = random.Random(seed)
    packs, model = opened(root), State()
    for clock in range(10, 260):
        number = dice.randrange(25)
        name, old = digest(number), model.get(digest(number))
        match dice.randrange(9):
            case 0 | 1 | 2 | 3:
                stamp = clock - dice.choice((0, 0, 0, 5))
                payload = dice.randbytes(dice.randrange(120))
                if put(packs, number, stamp, payload):
                    model[name] = (stamp, 0, payload)
                else:
                    assert old is not None
                    assert old[0] >= stamp
            case 4 if old is not None:
                assert put(packs, number, old[0], old[2], clock)
                model[name] = (old[0], clock, old[2])
            case 5 if old is not None:
                assert packs.apply(removal(number % 4, name, same(old[0], old[1])))
                del model[name]
            case 6:
                packs = reopened(packs, root)
            case 7:
                compact(packs)
            case 8:
                keep = dice.sample(sorted(packs.usage), k=min(2, len(packs.usage)))
                copies = {n: Path(packs.segments.path(n)).read_bytes() for n in keep}
                compact(packs)
                crash_before_removal(packs, copies)
                packs = reopened(packs, root)
        assert packs.index.count == len(model)
    assert content(packs) == model
    assert content(reopened(packs, root)) == model


def compact(packs: PackLog) -> None:
    compactor = by_hand(packs, lambda *place: pytest.fail(f"{place} is damaged"))
    for number in sorted(packs.usage):
        compactor.look(number)


def by_hand(packs: PackLog, put_aside: Callable[[int, str, Location], object]) -> Compactor:
    """A compactor that works only when it is called."""
    compactor = Compactor(packs, put_aside)
    packs.on_sealed = lambda number: None
    return compactor


def crash_before_removal(packs: PackLog, copies: dict[int, bytes]) -> None:
    """As if the process had died when the oldest removed segments had been copied but were still there.

    Segments are removed oldest first, so a segment is back only together with all that follow it.
    """
    gone = [number for number in sorted(copies, reverse=True) if number not in packs.usage]
    if gone and gone[0] > max((n for n in packs.usage if n < packs.current), default=0):
        Path(packs.segments.path(gone[0])).write_bytes(copies[gone[0]])


@pytest.mark.usefixtures("small_segments")
def test_space_comes_back(root: Path) -> None:
    packs = opened(root)
    compactor = Compactor(packs, lambda *place: pytest.fail(f"{place} is damaged"))
    for turn in range(200):
        put(packs, turn % 5, 1 + turn, b"z" * 300)
    packs.close()
    compactor.stop()
    assert sum(path.stat().st_size for path in (root / "packs").glob("*.pack")) < 8000
    assert len(content(opened(root))) == 5


@pytest.mark.usefixtures("small_segments")
def test_compaction_puts_damage_aside_and_keeps_the_rest(root: Path) -> None:
    packs = opened(root)
    for number in range(8):
        put(packs, number, 1, bytes([number]) * 300)
    first = [n for n in range(8) if packs.find(n % 4, digest(n)).segment == 1]  # type: ignore[union-attr]
    assert len(first) > 4
    for number in first[3:]:
        put(packs, number, 2, b"elsewhere")
    broken = packs.find(first[0] % 4, digest(first[0]))
    lost_header = packs.find(first[1] % 4, digest(first[1]))
    assert broken is not None
    assert lost_header is not None
    path = Path(packs.segments.path(1))
    data = bytearray(path.read_bytes())
    data[broken.offset + HEADER_BYTES] ^= 1
    data[lost_header.offset + 20] ^= 1
    path.write_bytes(data)
    aside: list[str] = []

    def put_aside(partition: int, name: str, place: Location) -> None:
        aside.append(name)
        packs.apply(removal(partition, name, lambda there: there == place))

    packs.usage[1].garbage = packs.usage[1].size
    by_hand(packs, put_aside).look(1)
    assert sorted(aside) == [digest(first[0]), digest(first[1])]
    assert not path.exists()
    assert set(content(packs)) == {digest(n) for n in range(8)} - set(aside)


def test_readers_of_a_segment_that_is_removed_look_again(root: Path) -> None:
    packs = opened(root)
    put(packs, 1, 10, b"one")
    place = packs.find(1, digest(1))
    assert place is not None
    packs = reopened(packs, root)
    put(packs, 2, 10, b"two")
    packs.usage[1].garbage = packs.usage[1].size
    by_hand(packs, lambda *place: None).look(1)
    assert packs.read(digest(1), place) is None
    assert content(packs) == {digest(1): (10, 0, b"one"), digest(2): (10, 0, b"two")}


@pytest.mark.usefixtures("small_segments")
def test_a_crash_at_any_step_of_a_compaction_loses_nothing(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The directory as it is before each change of the disk is what a crash there leaves, with half a record, too."""
    monkeypatch.setattr(pack_compaction, "BATCH", 3)
    packs = opened(root)
    for number in range(40):
        put(packs, number, 1, bytes([number]) * 200)
    for number in range(0, 40, 2):
        packs.apply(removal(number % 4, digest(number), same(1)))
    wanted, copies = content(packs), list[Path]()
    begun, removed = (packs.current, packs.segments.size(packs.current)), 0
    remove, submit = packs.segments.remove, packs.submit

    def copy() -> None:
        copies.append(tmp_path / f"{'after' if removed else 'before'}{len(copies)}")
        shutil.copytree(root, copies[-1])

    def copy_and_remove(number: int) -> None:
        nonlocal removed
        copy()
        remove(number)
        removed += 1

    def copy_and_submit(changes: list[Change], completion: Completion) -> None:
        copy()
        submit(changes, completion)

    packs.segments.remove, packs.submit = copy_and_remove, copy_and_submit  # type: ignore[method-assign]
    for usage in packs.usage.values():
        usage.garbage = usage.size
    compact(packs)
    copy()
    assert removed > 4
    assert len(copies) > 12
    for path in copies:
        assert content(opened(path)) == wanted, path
        last = max((path / "packs").glob("*.pack"))
        least = begun[1] if int(last.stem) == begun[0] else pack_log.PREAMBLE.size
        for size in range(last.stat().st_size, least, -41) if path.name.startswith("before") else ():
            os.truncate(last, size)
            assert content(opened(path)) == wanted, (path, size)
