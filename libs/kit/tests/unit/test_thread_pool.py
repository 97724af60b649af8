"""When every thread hangs, and who gets a substitute for a thread that waits for its client."""

import threading

from pileus_kit.http_server.thread_pool import ThreadPool

LONG_AGO = -1000.0


def test_a_process_hangs_when_every_thread_does() -> None:
    pool = ThreadPool(3, 2, lambda: False)
    pool.busy_since = {1: LONG_AGO, 2: LONG_AGO}
    assert not pool.hangs(120)
    pool.busy_since[3] = LONG_AGO
    assert pool.hangs(120)
    assert pool.add_substitute("project")
    assert not pool.hangs(120), "one of the three is a slow transfer, and a substitute took its place"
    pool.remove_substitute("project")


def test_a_process_without_work_does_not_hang() -> None:
    assert not ThreadPool(3, 2, lambda: False).hangs(120)


def test_an_owner_has_half_of_the_substitutes() -> None:
    over = threading.Event()
    pool = ThreadPool(1, 4, lambda: over.wait() and False)
    assert [pool.add_substitute("one") for _ in range(3)] == [True, True, False]
    assert [pool.add_substitute("two") for _ in range(3)] == [True, True, False]
    assert not pool.add_substitute("three"), "all are in use"
    pool.remove_substitute("one")
    assert pool.add_substitute("three")
    over.set()
