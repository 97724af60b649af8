"""Who gets how far with every route, against a table that was read line by line."""

from pathlib import Path

from pileus_kit.testing import assert_policy_matrix


def test_matrix(world):
    assert_policy_matrix(world.app, world.book, Path(__file__).with_name("policy_matrix.txt"),
                         headers={"OpenStack-API-Version": "volume 3.70"})
