"""deploy/upgrade: a running cloud gets another release, goes back, or stays there for good.

The databases are expanded while the former release works with them; then the supervisor becomes the new release's and
replaces its processes one after the other, while their sockets stay open. Each step can be interrupted and repeated.
docs/decisions/0030 has the reasons.
"""

import importlib
import json
import os
import shutil
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypedDict

from pileus_deploy import (
    bootstrap,
    handover,
    lifecycle,
    releases,
    sockets,
    supervisor,
    systemd_unit,
    upgrade_databases,
    upgrade_journal,
)
from pileus_deploy.plan import PORTS, Plan
from pileus_deploy.processes import Process, processes
from pileus_deploy.progress import step, wait_for
from pileus_deploy.releases import Release
from pileus_deploy.upgrade_journal import Journal, Stage

REPLACE_TIMEOUT_S = 600.0
MAX_FAILURES = 3


class _Process(TypedDict):
    pid: int
    failures: int
    checkout: str
    predecessor: int


@dataclass(frozen=True)
class Running:
    """What the supervisor says of itself."""

    pid: int
    release: Release
    problem: str
    processes: dict[str, _Process]


def run(plan: Plan, action: str) -> None:
    """Upgrade to this release, undo an upgrade, or confirm it.."""
    with upgrade_journal.alone(plan.state):
        {"upgrade": upgrade, "undo": undo, "confirm": confirm}[action](plan)


def upgrade(plan: Plan) -> None:
    """Bring the running cloud to this release."""
    target, journal, now = releases.own(), upgrade_journal.load(plan.state), running(plan.state)
    if now is None:
        raise RuntimeError(
            "the cloud doesn't run. deploy/up of this release starts and migrates it, without a way back; to keep "
            "one, start it with deploy/up of the release that it had, and repeat this"
        )
    if now.release == target and journal is None:
        print(f"The cloud in {plan.state} runs {target} already.")
        return
    if now.release != target:
        journal = _prepare(plan, now, target, journal)
        upgrade_journal.save(plan.state, journal.at(Stage.REPLACING))
        handover.request(plan.state, target, now.pid)
    assert journal is not None
    try:
        _follow(plan, target)
    except (RuntimeError, TimeoutError) as err:
        print(f"deploy/upgrade: {err}; going back to {journal.former}", file=sys.stderr)
        _go_back(plan, journal)
        raise RuntimeError(f"{err}. The cloud runs {journal.former} again") from None
    systemd_unit.install(plan)
    upgrade_journal.save(plan.state, journal.at(Stage.DONE))
    print(
        f"The cloud runs {target}. `deploy/upgrade --undo` goes back to {journal.former.version}, with everything "
        "written meanwhile; `deploy/upgrade --confirm` gives that up, which the next upgrade needs."
    )


def undo(plan: Plan) -> None:
    """Go back to the former release, with everything that was written meanwhile."""
    journal, now = upgrade_journal.load(plan.state), running(plan.state)
    if journal is None:
        raise RuntimeError("there is no upgrade to undo: there was none, or it was confirmed")
    if now is None:
        upgrade_journal.save(plan.state, journal.at(Stage.UNDONE))
        print(f"The cloud doesn't run; {journal.former.checkout}/deploy/up starts it with {journal.former.version}.")
        return
    _go_back(plan, journal)
    print(f"The cloud runs {journal.former} again.")


def confirm(plan: Plan) -> None:
    """Stay with the new release for good: the saved databases are deleted."""
    journal, now = upgrade_journal.load(plan.state), running(plan.state)
    if journal is None:
        raise RuntimeError("there is no upgrade to confirm")
    if now is None or now.release != journal.target or journal.stage != Stage.DONE:
        raise RuntimeError(
            f"the upgrade to {journal.target} isn't complete ({journal.stage}): repeat deploy/upgrade, or --undo it"
        )
    if not plan.controller:
        upgrade_databases.remove_saved(plan)
    upgrade_journal.remove(plan.state)
    print(f"The cloud stays with {journal.target}; there is no way back to {journal.former.version}.")


def running(state: Path) -> Running | None:
    """Return what the supervisor says; None if it doesn't run. Raises RuntimeError for one that says too little."""
    pid = supervisor.running(state)
    if pid is None:
        return None
    found = json.loads((state / "run" / "supervisor.json").read_text())
    if "release" not in found:
        raise RuntimeError("this release can't be upgraded while it runs: deploy/down there, and deploy/up here")
    return Running(found["pid"], Release(**found["release"]), found["problem"], found["processes"])


def _prepare(plan: Plan, now: Running, target: Release, journal: Journal | None) -> Journal:
    """Look whether the cloud can be upgraded, save its databases and expand them. Returns the upgrade's journal."""
    assert plan.secrets or plan.controller  # they are read, and missing ones drawn, as root
    with step("looks whether it can"):
        _check(plan, now, target, journal)
        import_everything(processes(plan))  # a release whose code can't be imported is no release
        models = {} if plan.controller else upgrade_databases.models_of(now.release)
    found = Journal(now.release, target, Stage.SAVING)
    upgrade_journal.save(plan.state, found)
    if plan.controller:
        return found
    with step("databases: saved"):
        upgrade_databases.save(plan)
    with step("databases: migrated on a copy, and compared with what the former release needs"):
        upgrade_databases.rehearse(plan, models)
    upgrade_journal.save(plan.state, found.at(Stage.EXPANDING))
    with step("databases: expanded"):
        lifecycle.migrate(plan)
        lifecycle.run_as(plan, "identity", lambda: bootstrap.bootstrap_identity(plan))
    return found


def _check(plan: Plan, now: Running, target: Release, journal: Journal | None) -> None:
    """Raise RuntimeError if the cloud can't be upgraded now."""
    if now.release.checkout == target.checkout:
        raise RuntimeError(
            f"the cloud runs {now.release.version} from this very checkout, which is {target.version} now: the way "
            "back needs the former code. Restore it, and clone the new release beside it"
        )
    if not now.release.is_neighbour(target) or target.number < now.release.number:
        raise RuntimeError(
            f"the cloud runs {now.release}, and this is {target}: upgrades lead from one release to the next"
        )
    if journal is not None and journal.stage != Stage.UNDONE and journal.target != target:
        raise RuntimeError(
            f"the upgrade from {journal.former} to {journal.target} isn't confirmed: --confirm or --undo it first"
        )
    missing = [name for name, about in now.processes.items() if not about["pid"]]
    if missing:
        raise RuntimeError(f"{', '.join(missing)} can't be kept running; deploy/status shows where to look")
    for name, about in now.processes.items():
        for found in sockets.listening(about["pid"]) if name.endswith("-api") else ():
            os.close(found)
    if plan.controller:
        return
    upgrade_databases.check_revisions(plan)
    _check_room(plan)


def import_everything(wanted: Sequence[Process]) -> None:
    """Import what the processes run, so that the supervisor finds it compiled. Raises RuntimeError."""
    for process in wanted:
        if process.main:
            try:
                importlib.import_module(process.main.partition(":")[0])
            except Exception as err:
                raise RuntimeError(f"{process.name} can't be started: {type(err).__name__}: {err}") from err


def _check_room(plan: Plan) -> None:
    """Raise RuntimeError unless there is room for the saved databases, a copy of one, and what the migration writes."""
    needed = 3 * upgrade_databases.size(plan)
    free = shutil.disk_usage(plan.state).free
    if free < needed + lifecycle.MIN_FREE_BYTES:
        raise RuntimeError(
            f"only {free >> 20} MiB are free in {plan.state}; saving and migrating takes up to "
            f"{needed + lifecycle.MIN_FREE_BYTES >> 20}"
        )


def _go_back(plan: Plan, journal: Journal) -> None:
    """Have the former release's code take over again."""
    now = running(plan.state)
    if now is None:
        raise RuntimeError(f"the supervisor ended; {journal.former.checkout}/deploy/up starts the cloud again")
    upgrade_journal.save(plan.state, journal.at(Stage.GOING_BACK))
    if now.release != journal.former:
        handover.request(plan.state, journal.former, now.pid)
    _follow(plan, journal.former)
    systemd_unit.install(plan, checkout=Path(journal.former.checkout))
    upgrade_journal.save(plan.state, journal.at(Stage.UNDONE))


def _follow(plan: Plan, target: Release) -> None:
    """Wait until all processes are the target's and answer. Raises RuntimeError or TimeoutError."""
    with step(f"{target.version} takes over"):
        wait_for("supervisor", REPLACE_TIMEOUT_S, partial(_has_taken_over, plan, target), partial(_why_refused, plan))
    with step("processes replaced, one after the other") as remark:
        check: Callable[[], str | None] = partial(_why_stuck, plan)
        wait_for("processes", REPLACE_TIMEOUT_S, partial(_is_replaced, plan, target), check)
        remark(str(len(_known(plan))))
    if not plan.controller:
        with step("all services answer"):
            for service in PORTS:
                wait_for(service, lifecycle.SETTLE_TIMEOUT_S, partial(lifecycle.is_healthy, plan, service), check)


def _has_taken_over(plan: Plan, target: Release) -> bool:
    now = running(plan.state)
    return now is not None and now.release == target


def _is_replaced(plan: Plan, target: Release) -> bool:
    return all(
        about["pid"] and about["checkout"] == target.checkout and not about["predecessor"]
        for about in _known(plan).values()
    )


def _known(plan: Plan) -> dict[str, _Process]:
    now = running(plan.state)
    return now.processes if now else {}


def _why_refused(plan: Plan) -> str | None:
    """Return why waiting longer for another release is pointless, or None."""
    found = json.loads((plan.state / "run" / "supervisor.json").read_text())
    if not Path("/proc", str(found["pid"])).exists():
        return f"the supervisor ended; see {plan.state}/logs/supervisor.log"
    return f"it can't: {found['problem']}" if found["problem"] else None


def _why_stuck(plan: Plan) -> str | None:
    failing = [name for name, about in _known(plan).items() if about["failures"] >= MAX_FAILURES]
    if failing:
        return f"{', '.join(failing)} can't be kept running; see {plan.state}/logs/{failing[0]}.log"
    return _why_refused(plan)
