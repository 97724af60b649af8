"""What is known of an upgrade, in STATE/upgrade.json: between which releases it leads, and how far it is.

Every step of an upgrade can be repeated, so the file says what may be done next, and not what has to be skipped.
"""

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from pathlib import Path

from pileus_deploy.plan import write_private
from pileus_deploy.releases import Release


class Stage(StrEnum):
    """How far an upgrade is."""

    SAVING = "saving"
    EXPANDING = "expanding"
    REPLACING = "replacing"
    DONE = "done"
    """The target runs; the operator may confirm that, or go back."""
    GOING_BACK = "going back"
    UNDONE = "undone"
    """The former release runs, on databases that have what the target needs, too."""


@dataclass(frozen=True)
class Journal:
    """One upgrade."""

    former: Release
    target: Release
    stage: Stage

    def at(self, stage: Stage) -> "Journal":
        """Return the journal at another stage."""
        return replace(self, stage=stage)


class AlreadyUpgrading(RuntimeError):
    """Another program upgrades this cloud."""


def load(state: Path) -> Journal | None:
    """Return the journal of the upgrade that is under way, or isn't confirmed yet; None if there is none."""
    try:
        found = json.loads(_file(state).read_text())
    except FileNotFoundError:
        return None
    return Journal(Release(**found["former"]), Release(**found["target"]), Stage(found["stage"]))


def save(state: Path, journal: Journal) -> None:
    """Write the journal, as a whole."""
    new = _file(state).with_suffix(".new")
    write_private(new, json.dumps(asdict(journal)))
    new.replace(_file(state))


def remove(state: Path) -> None:
    """Forget the upgrade: there is no way back any more."""
    _file(state).unlink(missing_ok=True)


@contextmanager
def alone(state: Path) -> Iterator[None]:
    """Keep other programs from upgrading the cloud during the block. Raises AlreadyUpgrading."""
    with (state / "run" / "upgrade.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise AlreadyUpgrading("another program upgrades this cloud; wait for its end") from None
        yield


def _file(state: Path) -> Path:
    return state / "upgrade.json"
