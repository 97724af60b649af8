from pathlib import Path

from pileus_compute import rpc
from pileus_compute.rpc import ControlPlane, HostAgent
from pileus_kit.testing.contracts import assert_contracts_locked


def test_contracts_change_only_with_their_version():
    assert_contracts_locked([HostAgent, ControlPlane], Path(rpc.__file__).with_name("rpc.lock.json"))
