"""Metadata of volumes and snapshots: texts by key that their users set."""

from collections.abc import Mapping

from pileus_kit.db import now
from pileus_volume.db.models import Snapshot, Volume
from pileus_volume.errors import Invalid, MetadataNotFound

MAX_ITEMS = 128


def find(row: Volume | Snapshot, key: str) -> str:
    """The value under the key. Raises MetadataNotFound."""
    if key not in row.meta:
        raise MetadataNotFound(kind=type(row).__name__, id=row.id, key=key)
    return row.meta[key]


def replace(row: Volume | Snapshot, metadata: Mapping[str, str]) -> dict[str, str]:
    """Set all metadata; returns it. Raises Invalid if there is too much."""
    row.meta, row.updated_at = dict(metadata), now()
    if len(row.meta) > MAX_ITEMS:
        raise Invalid(why=f"at most {MAX_ITEMS} metadata items are allowed")
    return dict(row.meta)


def update(row: Volume | Snapshot, metadata: Mapping[str, str]) -> dict[str, str]:
    """Add or replace keys; returns all metadata."""
    return replace(row, {**row.meta, **metadata})


def delete(row: Volume | Snapshot, key: str) -> None:
    """Remove one key. Raises MetadataNotFound."""
    find(row, key)
    replace(row, {name: value for name, value in row.meta.items() if name != key})
