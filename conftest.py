"""What every run of our tests needs of pytest. It imports nothing of ours: coverage has to see that."""

from collections.abc import Iterable

import pytest

KILLS = "kill"
"""In the names of tests that run a flow again and again, which runs no line that its other tests don't run."""


def pytest_collection_modifyitems(items: Iterable[pytest.Item]) -> None:
    """Don't measure the coverage of flows that are killed at each step: it would take most of the gate's time."""
    for item in items:
        if KILLS in item.name.partition("[")[0]:
            item.add_marker(pytest.mark.no_cover)
