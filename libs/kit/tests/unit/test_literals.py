"""Literals in many threads at once."""

import sys
from concurrent.futures import ThreadPoolExecutor

from pileus_kit import literals
from pileus_kit.auth import Caller
from pileus_kit.policy import Enforcer, Rule

TEXT = "{'a': [1, (2, {'b': (3, [4, {'c': 5}])})], 'd': -6}"


def test_threads_that_read_literals_at_once_all_get_them() -> None:
    enforcer = Enforcer([Rule("literal", "'public':%(visibility)s or True:%(shared)s or user_id:%(user_id)s")])
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            found = list(threads.map(lambda _: literals.evaluate(TEXT), range(4000)))
            allowed = list(
                threads.map(
                    lambda number: enforcer.allows(
                        "literal", Caller(user_id="u"), {"visibility": "private", "shared": number % 2 == 0}
                    ),
                    range(4000),
                )
            )
    finally:
        sys.setswitchinterval(before)
    assert all(one == {"a": [1, (2, {"b": (3, [4, {"c": 5}])})], "d": -6} for one in found)
    assert allowed == [number % 2 == 0 for number in range(4000)]
