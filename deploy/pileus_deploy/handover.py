"""The supervisor becomes another release's: it executes that release's code in its own process.

The process stays the same, so the processes that it has started stay its children, and infrastructure (broker,
libvirtd, HAProxy) runs on untouched. What the successor has to know of them is in STATE/run/handover.json. A release
whose code fails before it supervises anything executes its predecessor again.
"""

import json
import logging
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from pileus_deploy import releases
from pileus_deploy.plan import write_private
from pileus_deploy.releases import Release

log = logging.getLogger(__name__)

SIGNAL = signal.SIGUSR2


@dataclass(frozen=True)
class HandedProcess:
    """A running process: its name in the plan, whose code it runs, and what it was started as."""

    name: str
    pid: int
    checkout: str
    definition: str
    failures: int = 0
    predecessor: int = 0
    """The process that it replaces and that still runs; 0 if there is none."""
    predecessor_checkout: str = ""
    listeners: tuple[int, ...] = ()
    """The descriptors of the sockets that its next start takes over."""


@dataclass(frozen=True)
class Handover:
    """What a supervisor leaves to its successor."""

    former: Release
    processes: tuple[HandedProcess, ...]
    retiring: tuple[int, ...] = ()
    """Processes that were replaced and finish what they have begun."""
    problem: str = ""
    """Why the release that took over before gave the cloud back."""


def request(state: Path, target: Release, supervisor: int) -> None:
    """Ask the running supervisor to become the target's."""
    write_private(_successor_file(state), json.dumps(asdict(target)))
    os.kill(supervisor, SIGNAL)


def requested(state: Path) -> Release | None:
    """Return the release that the supervisor was asked to become."""
    try:
        return Release(**json.loads(_successor_file(state).read_text()))
    except (OSError, ValueError, TypeError) as err:
        log.error("nobody can take over: %s", err)
        return None


def execute(state: Path, target: Release, processes: Sequence[HandedProcess], retiring: Sequence[int]) -> None:
    """Become the target's supervisor. Returns only if its interpreter can't be executed."""
    _keep_sockets(processes)
    _write(state, Handover(releases.own(), tuple(processes), tuple(retiring)))
    log.warning("release %s takes over", target)
    _execute(state, target)


def _execute(state: Path, target: Release) -> None:
    try:
        os.execv(target.python, [str(target.python), "-P", "-m", "pileus_deploy.adoption", str(state)])  # noqa: S606
    except OSError as err:
        log.error("%s: %s", target.python, err)


def take(state: Path) -> Handover:
    """Return what the former supervisor left. Raises OSError or ValueError."""
    found = json.loads(_file(state).read_text())
    known = {name: HandedProcess.__dataclass_fields__[name] for name in HandedProcess.__dataclass_fields__}
    processes = tuple(
        HandedProcess(**{key: value for key, value in one.items() if key in known}) for one in found["processes"]
    )
    return Handover(Release(**found["former"]), processes, tuple(found["retiring"]), found.get("problem", ""))


def give_back(state: Path, handed: Handover, problem: str) -> None:
    """Execute the former release again, with everything as it was, because this one can't supervise."""
    _write(state, Handover(releases.own(), handed.processes, handed.retiring, problem))
    _keep_sockets(handed.processes)
    _execute(state, handed.former)
    sys.exit(70)


def _keep_sockets(processes: Sequence[HandedProcess]) -> None:
    """Let the sockets stay open when another release's code is executed."""
    for one in processes:
        for number in one.listeners:
            os.set_inheritable(number, True)


def _write(state: Path, handed: Handover) -> None:
    write_private(_file(state), json.dumps(asdict(handed)))


def _file(state: Path) -> Path:
    return state / "run" / "handover.json"


def _successor_file(state: Path) -> Path:
    return state / "run" / "successor.json"
