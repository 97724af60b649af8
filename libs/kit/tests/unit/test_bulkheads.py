"""A peer that hangs holds a part of the threads only."""

from contextlib import ExitStack

import pytest

from pileus_kit import bulkheads
from pileus_kit.bulkheads import Bulkhead
from pileus_kit.errors import PeerDown


def test_a_peer_that_hangs_holds_a_part_of_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulkheads, "SLOW_S", 0.0)
    bulkhead = Bulkhead(2)
    with ExitStack() as stack:
        for _ in range(2):
            stack.enter_context(bulkhead.call("network"))
        with pytest.raises(PeerDown, match="2 calls"), bulkhead.call("network"):
            pass
        stack.enter_context(bulkhead.call("image"))
    with bulkhead.call("network"):
        pass


def test_calls_to_a_peer_that_answers_are_not_bounded() -> None:
    bulkhead = Bulkhead(2)
    with ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(bulkhead.call("network"))
