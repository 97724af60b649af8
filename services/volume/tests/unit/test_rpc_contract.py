"""The contracts with storage hosts are as recorded; a change needs a new version."""

from pathlib import Path

from pileus_kit.testing.contracts import assert_contracts_locked
from pileus_volume import rpc


def test_recorded():
    assert_contracts_locked([rpc.StorageAgent, rpc.ControlPlane], Path(rpc.__file__).with_name("rpc.lock.json"))
