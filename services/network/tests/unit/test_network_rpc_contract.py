"""What agents and workers say to each other changes only with the contract's version."""

from pathlib import Path

from pileus_kit.testing.contracts import assert_contracts_locked
from pileus_network import rpc


def test_the_contract_is_the_recorded_one():
    assert_contracts_locked([rpc.HostAgent, rpc.Control], Path(rpc.__file__).with_name("rpc.lock.json"))
