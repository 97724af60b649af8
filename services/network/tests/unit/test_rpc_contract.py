"""The contracts between worker and agents change only with their version."""

from pathlib import Path

from pileus_kit.testing.contracts import assert_contracts_locked
from pileus_network import rpc
from pileus_network.rpc import ControlPlane, HostAgent


def test_contracts_change_only_with_their_version() -> None:
    assert_contracts_locked([HostAgent, ControlPlane], Path(rpc.__file__).with_name("rpc.lock.json"))
