"""Who may wait for a peer that hangs, and when a process counts as stuck."""

import threading
from contextlib import ExitStack

import pytest

from pileus_kit import bulkheads
from pileus_kit.bulkheads import Bulkhead
from pileus_kit.errors import PeerDown
from pileus_kit.http_server.fair_shares import Crowded, Shares
from pileus_kit.http_server.thread_pool import Crew


def test_a_peer_that_hangs_holds_a_part_of_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulkheads, "SLOW", 0.0)
    bulkhead = Bulkhead(2)
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(bulkhead.passing("network"))
        with pytest.raises(PeerDown), bulkhead.passing("network"):
            pass
        stack.enter_context(bulkhead.passing("image"))
    with bulkhead.passing("network"):
        pass


def test_a_peer_that_answers_is_asked_by_all() -> None:
    bulkhead = Bulkhead(2)
    with ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(bulkhead.passing("network"))


def test_a_process_is_stuck_when_every_thread_is() -> None:
    crew = Crew(3, 2, lambda: False)
    now = -1000.0  # long ago
    crew.busy = {1: now, 2: now}
    assert not crew.hanging(120)
    crew.busy[3] = now
    assert crew.hanging(120)
    assert crew.lend("project")  # one of them is a transfer, and another thread took its place
    assert not crew.hanging(120)
    crew.give_back("project")
    assert not Crew(3, 2, lambda: False).hanging(120)


def test_an_owner_has_half_of_the_places_for_transfers() -> None:
    over = threading.Event()
    crew = Crew(1, 4, lambda: over.wait() and False)
    assert [crew.lend("one") for _ in range(3)] == [True, True, False]
    assert [crew.lend("two") for _ in range(3)] == [True, True, False]
    assert not crew.lend("three"), "all are taken"
    crew.give_back("one")
    assert crew.lend("three")
    over.set()


def test_shares_are_first_come_first_served() -> None:
    shares: Shares[str] = Shares(2, 2)
    assert [shares.enter("p", name) for name in ("a", "b", "c", "d")] == [True, True, False, False]
    with pytest.raises(Crowded):
        shares.enter("p", "x")
    assert shares.enter("q", "e")
    assert [shares.leave("p") for _ in range(4)] == ["c", "d", None, None]
    assert shares.enter("p", "f")


def test_whose_a_token_is_is_learnt() -> None:
    shares: Shares[str] = Shares(2, 2)
    assert shares.owner("t", "192.0.2.1") == shares.owner("", "192.0.2.1") == ("address", "192.0.2.1")
    shares.learn("t", ("project", "p"))
    assert shares.owner("t", "192.0.2.1") == ("project", "p")
