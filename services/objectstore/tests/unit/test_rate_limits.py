"""Rates between two sizes, and the turns of a process."""

import threading
import time

import pytest

from pileus_objectstore.core.pacer import MAX_KEYS, Pacer
from pileus_objectstore.core.rate_limits import rate_for
from pileus_objectstore.errors import RateLimited


@pytest.mark.parametrize(
    ("size", "rate"), [(0, 0), (99, 0), (100, 100), (150, 75), (200, 50), (350, 35), (500, 20), (1000, 20)]
)
def test_rates_are_those_of_swifts_documentation(size: int, rate: float) -> None:
    assert rate_for(("200=50", "100=100", "500=20"), size) == rate


def test_a_pacer_remembers_no_more_than_its_bound() -> None:
    pacer = Pacer()
    for number in range(MAX_KEYS + 10):
        pacer.wait(str(number), 0.001, 1.0, 8)
    with pytest.raises(RateLimited):
        pacer.wait("5000", 0.001, 1.0, 8)
    pacer.wait("0", 0.001, 1.0, 8)  # forgotten, so it has a turn


def test_few_threads_wait_at_once() -> None:
    pacer = Pacer()
    pacer.wait("a", 0.5, 60.0, 4)
    waiting = threading.Thread(target=pacer.wait, args=("a", 0.5, 60.0, 4))
    waiting.start()
    until = time.monotonic() + 20
    while not pacer._waiting and waiting.is_alive() and time.monotonic() < until:
        time.sleep(0.01)
    with pytest.raises(RateLimited):
        pacer.wait("a", 0.5, 60.0, 4)
    pacer.wait("b", 0.5, 60.0, 4)  # has its turn at once
    waiting.join()
    assert not pacer._waiting
