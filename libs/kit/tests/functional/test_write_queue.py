"""Writers of an SQLite file are served in the order in which they came, and a process doesn't overtake another."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text

from pileus_kit import write_queue
from pileus_kit.db import Sessions
from pileus_kit.errors import DatabaseBusy
from pileus_kit.write_queue import InterprocessLock, WriteQueue

WAIT_S = 60.0


def until(condition: Callable[[], bool]) -> None:
    tick = threading.Event()
    for _ in range(int(WAIT_S / 0.005)):
        if condition():
            return
        tick.wait(0.005)
    raise AssertionError("it never came to that")


def test_threads_are_served_in_order(tmp_path: Path) -> None:
    line, served = WriteQueue(tmp_path / "turns"), []

    def write(number: int) -> None:
        with line.scope():
            line.take_turn()
            served.append(number)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(20)]
    with line.scope():
        line.take_turn()
        for number, thread in enumerate(threads):
            thread.start()
            until(lambda n=number: len(line._waiting) == n + 1)
    for thread in threads:
        thread.join(WAIT_S)
    assert served == list(range(20))


def test_the_last_writer_does_not_overtake_another_process(tmp_path: Path) -> None:
    """Two gates on one file are what two processes have."""
    ours, theirs, order = InterprocessLock(tmp_path / "turns"), InterprocessLock(tmp_path / "turns"), []
    ours.acquire(float("inf"))

    def other() -> None:
        theirs.acquire(float("inf"))
        order.append("theirs")
        theirs.release()

    thread = threading.Thread(target=other)
    probe = InterprocessLock(tmp_path / "turns")
    probe._open()
    thread.start()
    until(lambda: not _free(probe))
    ours.release()
    ours.acquire(float("inf"))  # at once again, as a busy process does
    order.append("ours")
    ours.release()
    thread.join(WAIT_S)
    assert order == ["theirs", "ours"]


def _free(probe: InterprocessLock) -> bool:
    """Whether nobody waits at the gate."""
    import fcntl

    free = probe._set(write_queue.OUTER, fcntl.F_WRLCK)
    if free:
        probe._set(write_queue.OUTER, fcntl.F_UNLCK)
    return free


def test_a_writer_that_waits_too_long_is_told_and_leaves_the_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(write_queue, "MAX_WAIT_S", 0.05)
    line, said = WriteQueue(tmp_path / "turns"), []

    def write() -> None:
        with line.scope():
            try:
                line.take_turn()
            except DatabaseBusy as err:
                said.append(err)

    for _ in range(2):  # the second one finds a queue that works
        with line.scope():
            line.take_turn()
            thread = threading.Thread(target=write)
            thread.start()
            thread.join(WAIT_S)
    assert len(said) == 2 and not line._waiting
    write()
    assert len(said) == 2


def test_where_no_lock_can_be_made_it_is_written_all_the_same(tmp_path: Path) -> None:
    line, served = WriteQueue(tmp_path / "nowhere" / "turns"), []
    for number in range(2):
        with line.scope():
            line.take_turn()
            served.append(number)
    assert served == [0, 1]


def test_a_database_has_one_queue_whatever_it_is_called(tmp_path: Path) -> None:
    (tmp_path / "other").symlink_to(tmp_path / "real.sqlite")
    for name in ("real.sqlite", "other"):
        sessions = Sessions(f"sqlite:///{tmp_path / name}")
        with sessions.begin() as session:
            session.execute(text("CREATE TABLE IF NOT EXISTS t (id)"))
        sessions.dispose()
    assert [path.name for path in tmp_path.glob("*-turns")] == ["real.sqlite-turns"]
