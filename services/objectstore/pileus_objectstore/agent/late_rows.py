"""Rows of objects that are in listings, but perhaps not on disk yet: no request waits for them.

Until they are on disk, their changes count as under way, so that a recovery finds the objects and makes the rows again.
"""

import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from pileus_objectstore.agent.recovery import InFlightChanges
from pileus_objectstore.errors import DeviceFailed
from pileus_objectstore.storage.listing_store import Appended
from pileus_objectstore.wire.contract import MergeRows

log = logging.getLogger(__name__)
Later = list[tuple[str, Appended]]  # names of this host's devices, and their rows that are not waited for
SaveMissing = Callable[[MergeRows, Sequence[str], Sequence[str]], bool]


class Change(NamedTuple):
    """One update of a listing: its rows, the devices that have the object, and the number of the change."""

    update: MergeRows
    rows: Later
    devices: tuple[str, ...]
    number: int


class LateRows:
    """`save_missing(update, devices that did not take it, devices that have the object)` stores an async pending.

    It returns whether that worked, or nothing is missing.
    """

    def __init__(self, changes: InFlightChanges, save_missing: SaveMissing) -> None:
        self._changes, self._save_missing = changes, save_missing
        self._waiting: deque[Change] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, update: MergeRows, rows: Later, devices: tuple[str, ...], began: float) -> None:
        """Look later at what became of rows. Their change began at `began`, in epoch seconds."""
        self._waiting.append(Change(update, rows, devices, self._changes.begin(began)))

    def settle(self, wait_s: float = 0.0) -> None:
        """End the changes whose rows are on disk by now; an async pending is stored for a disk that didn't take them.

        If no device has room for that, either, the change stays under way. One thread calls this at a time. It waits
        at most `wait_s` seconds for a disk, once.
        """
        for _ in range(len(self._waiting)):
            change = self._waiting.popleft()
            is_settled = False
            try:
                missing = self._missing(change, wait_s)
                wait_s = 0.0 if missing is None else wait_s
                is_settled = missing is not None and self._save_missing(change.update, missing, change.devices)
            finally:
                if is_settled:
                    self._changes.end(change.number)
                else:
                    self._waiting.append(change)

    def _missing(self, change: Change, wait_s: float) -> list[str] | None:
        """The devices that did not take a change's rows; None if it isn't known of all yet."""
        missing, is_flushed = list[str](), True
        for name, rows in change.rows:
            try:
                is_flushed = rows.wait(wait_s) and is_flushed
            except DeviceFailed as e:
                log.warning("%s", e)
                missing.append(name)
        return missing if is_flushed else None
