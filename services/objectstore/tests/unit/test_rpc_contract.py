"""The storage servers' contract may only grow within a version: hosts of one cluster are not upgraded all at once.

PILEUS_WRITE_TABLES=1 records it again, after VERSION was raised or fields with defaults were added.
"""

import inspect
import json
import os
from pathlib import Path

import msgspec

from pileus_objectstore.wire import contract, daemon_calls, recon_calls, shard_calls

LOCK = Path(contract.__file__).with_name("rpc.lock.json")


def current() -> dict[str, object]:
    structs = [
        v
        for module in (contract, daemon_calls, recon_calls, shard_calls)
        for _, v in inspect.getmembers(module, inspect.isclass)
        if issubclass(v, msgspec.Struct) and v is not msgspec.Struct
    ]
    _, components = msgspec.json.schema_components(structs)
    shapes = {
        name: {key: about.get(key) for key in ("properties", "prefixItems", "required", "minItems") if key in about}
        for name, about in components.items()
    }
    return {"version": contract.VERSION, "messages": shapes}


def test_the_contract_is_what_was_recorded() -> None:
    found = json.dumps(current(), indent=1, sort_keys=True) + "\n"
    if os.environ.get("PILEUS_WRITE_TABLES"):
        LOCK.write_text(found)
    assert found == LOCK.read_text()


def test_every_field_that_was_added_has_a_default() -> None:
    """What an older host sends must still be understood, so no new field is required."""
    recorded = json.loads(LOCK.read_text())
    if recorded["version"] != contract.VERSION:
        return
    for name, about in current()["messages"].items():  # type: ignore[attr-defined]
        assert set(about.get("required", ())) <= set(recorded["messages"].get(name, about).get("required", ())), name
