"""Names of accounts, containers and objects in paths."""

import pytest

from pileus_objectstore.core.names import Target, target_of


@pytest.mark.parametrize(("path", "target"), [
    ("/v1/a", Target("a")), ("/v1/a/", Target("a")), ("/v1/a/c", Target("a", "c")), ("/v1/a/c/", Target("a", "c")),
    ("/v1/a/c/o", Target("a", "c", "o")), ("/v1/a/c/o/p//q/", Target("a", "c", "o/p//q/")),
    ("/v1/a/c//", Target("a", "c", "/")),
])  # fmt: skip
def test_paths(path: str, target: Target) -> None:
    assert target_of(path) == target
