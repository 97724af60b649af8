"""`pileus cloud database`: moves a running cloud's databases from SQLite to PostgreSQL, between servers, or back.

APIs and workers pause while rows are copied and compared; guests, networks and exports run on, and clients are refused
connections for that time. The cloud uses the new databases only when all of them were found equal. The old ones stay
until `confirm`. A move that was interrupted leaves the cloud where it was, and continues when it is repeated.
"""

import json
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from importlib import import_module

from pileus_deploy import databases, lifecycle, pauses, plan_files, supervisor
from pileus_deploy.plan import Plan
from pileus_deploy.processes import processes
from pileus_deploy.progress import step, wait_for
from pileus_kit.database_urls import without_password

PAUSE_TIMEOUT_S = 60.0  # seconds that processes may take to end
START_TIMEOUT_S = 120.0


def run(plan: Plan, action: str, url: str | None) -> None:
    """Show, move or confirm. Raises RuntimeError with the cause."""
    if action == "move":
        if url is None:
            raise RuntimeError("where to? pileus cloud database move URL")
        move(plan, url)
    elif action == "confirm":
        confirm(plan)
    else:
        print(without_password(plan.database) if plan.database else f"SQLite in {plan.state / 'databases'}")


def move(plan: Plan, url: str) -> None:
    """Move all databases to the servers of `url` ('': SQLite in the state directory). Raises RuntimeError."""
    target = replace(plan, database=url, former_database=plan.database)
    if (where := databases.identity_of(target)) is not None and where == databases.identity_of(plan):
        with _paused(plan):
            plan_files.save(replace(target, former_database=plan.former_database))
        _wait_for_services(target)
        print("These are the databases that the cloud has already; it uses them by the new URL from now on.")
        return
    if url == plan.database:
        raise RuntimeError("the databases are there already")
    with step("databases to move to"):
        lifecycle.migrate_databases(target)
    with _paused(plan):
        for service in databases.with_database():
            with step(f"{service}: copied and compared"):
                urls = (plan.database_url(service), target.database_url(service))
                lifecycle.run_as(plan, service, partial(_copy, service, *urls))
        plan_files.save(target)  # from here on the cloud is there: the supervisor writes the configuration by the plan
    _wait_for_services(target)
    print("The old databases stay as they were; `pileus cloud database confirm` deletes them.")


def confirm(plan: Plan) -> None:
    """Delete the databases that the cloud was moved away from. Raises RuntimeError if there are none."""
    if plan.former_database is None:
        raise RuntimeError("this cloud wasn't moved, or its old databases are deleted already")
    with step("old databases"):
        databases.remove(replace(plan, database=plan.former_database))
    plan_files.save(replace(plan, former_database=None))


def _wait_for_services(plan: Plan) -> None:
    """Wait until all services answer again, if the cloud runs."""
    if supervisor.running(plan.state):
        for service in databases.with_database():
            with step(f"{service} answers"):
                wait_for(service, START_TIMEOUT_S, partial(lifecycle.is_healthy, plan, service))


def _copy(service: str, old: str, new: str) -> None:
    """Copy one service's database, as the service's own user. Raises CopyFailed."""
    from pileus_kit import database_copy
    from pileus_kit.db import Sessions

    def tell(table: str, rows: int) -> None:
        if rows:
            print(f"      {table}: {rows}", flush=True)

    model = import_module(f"pileus_{service}.db.models").Model
    source, destination = Sessions(old), Sessions(new)
    try:
        database_copy.copy(source, destination, model.metadata, tell)
    finally:
        source.dispose()
        destination.dispose()


@contextmanager
def _paused(plan: Plan) -> Iterator[None]:
    """Keep the processes that use a database stopped during the block."""
    with pauses.hold(plan.state):
        with step("APIs and workers pause"):
            _wake_supervisor(plan)
            wait_for("processes to end", PAUSE_TIMEOUT_S, lambda: not _running(plan))
        yield
    _wake_supervisor(plan)


def _wake_supervisor(plan: Plan) -> None:
    if pid := supervisor.running(plan.state):
        os.kill(pid, signal.SIGUSR1)


def _running(plan: Plan) -> list[str]:
    """Return the running processes that use a database."""
    if not supervisor.running(plan.state):
        return []
    known = json.loads((plan.state / "run" / "supervisor.json").read_text())["processes"]
    return [one.name for one in processes(plan) if one.uses_database and known.get(one.name, {}).get("pid")]
