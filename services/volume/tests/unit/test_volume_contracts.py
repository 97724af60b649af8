"""The contracts with storage hosts are as recorded: whoever changes one raises its version."""

import json
import os
from pathlib import Path

import pytest

import pileus_volume
from pileus_kit.rpc import describe
from pileus_volume.rpc import Registry, StorageAgent

LOCK = Path(pileus_volume.__file__).with_name("rpc.lock.json")


@pytest.mark.parametrize("contract", [StorageAgent, Registry])
def test_recorded(contract):
    lock = json.loads(LOCK.read_text()) if LOCK.exists() else {}
    found = {"version": contract.version, "methods": describe(contract)}
    if os.environ.get("PILEUS_WRITE_TABLES"):
        LOCK.write_text(json.dumps(lock | {contract.__name__: found}, indent=1, sort_keys=True) + "\n")
        lock = json.loads(LOCK.read_text())
    assert lock[contract.__name__] == found, "the contract changed: raise its version, then PILEUS_WRITE_TABLES=1"
