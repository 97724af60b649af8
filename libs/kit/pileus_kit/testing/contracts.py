"""RPC contracts don't change unnoticed: a file records them, and a change needs a new version."""

import json
import os
from collections.abc import Iterable
from pathlib import Path

from pileus_kit.rpc import Interface, describe


def assert_contracts_locked(contracts: Iterable[type[Interface]], lock: Path) -> None:
    """Compare the contracts with `lock` (rpc.lock.json).

    A changed contract fails until it has another version and the file was rewritten with PILEUS_WRITE_TABLES=1.
    """
    found = {contract.topic: {"version": contract.version, "methods": describe(contract)} for contract in contracts}
    known = json.loads(lock.read_text()) if lock.exists() else {}
    changed = [
        topic
        for topic, contract in found.items()
        if topic in known and contract != known[topic] and contract["version"] == known[topic]["version"]
    ]
    if os.environ.get("PILEUS_WRITE_TABLES"):
        lock.write_text(json.dumps(found, indent=1, sort_keys=True) + "\n")
        return
    assert not changed, f"changed without a new version: {', '.join(changed)}"
    assert found == known, f"{lock.name} is not up to date: run this test with PILEUS_WRITE_TABLES=1"
