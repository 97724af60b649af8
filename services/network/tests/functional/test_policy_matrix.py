"""Every route is called by every kind of caller; the answers are compared with a reviewed table."""

from pathlib import Path

from pileus_kit.testing import assert_policy_matrix
from pileus_network.testing import NetworkFixture


def test_the_policy_matrix(network: NetworkFixture) -> None:
    assert_policy_matrix(network.app, network.book, Path(__file__).with_name("policy_matrix.txt"))
