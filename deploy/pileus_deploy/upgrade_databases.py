"""The databases of an upgrade: saved, tried on a copy, and expanded while the former release works with them.

SQLite is saved by its backup API. A database on PostgreSQL is saved row by row, as it is at one moment, in an SQLite
file with the same schema; its rehearsal is in a schema of its own beside it. So no program of PostgreSQL is needed
here, and no right that the service's role doesn't have.

The former release must go on with the new schema: during the upgrade, and after an undo. So what its models name has to
be there, and what they don't name may be missing in a new row. That is found out on a copy, with the models of the
former release's own code.
"""

import json
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import closing
from functools import partial
from pathlib import Path

from sqlalchemy import inspect, text
from sqlalchemy.engine import Inspector

from pileus_deploy import databases, lifecycle, releases, upgrade_journal
from pileus_deploy.plan import Plan
from pileus_deploy.releases import Release
from pileus_kit import database_copy, database_urls, db

Columns = Mapping[str, Mapping[str, bool]]
"""The columns that a release's models have in each table, and whether they may be NULL."""

MODELS = """
import importlib, json, sys
def columns(service):
    tables = importlib.import_module(f"pileus_{service}.db.models").Model.metadata.tables.values()
    return {table.name: {column.name: bool(column.nullable) for column in table.columns} for table in tables}
print(json.dumps({service: columns(service) for service in sys.argv[1:]}))
"""
"""What a release's own interpreter is asked."""
REHEARSAL = "pileus_rehearsal"
"""The schema in which a copy on PostgreSQL is."""
MODELS_TIMEOUT_S = 600  # a busy machine takes minutes to import a release


class NotExpandable(RuntimeError):
    """The former release couldn't work with the schema of this one."""


def saved_file(plan: Plan, service: str) -> Path:
    """Where a service's database is saved: in a directory of its user."""
    return plan.database_file(service).with_name("saved.sqlite")


def save(plan: Plan) -> None:
    """Save every database, while services go on writing. Raises RuntimeError."""
    for service in databases.with_database():
        target = saved_file(plan, service)
        if plan.database:
            work = partial(_save_rows, plan.database_url(service), target, f"pileus_{service}")
        else:
            work = partial(_save, plan.database_file(service), target)
        lifecycle.run_as(plan, service, work)


def remove_saved(plan: Plan) -> None:
    """Delete what `save` has made."""
    for service in databases.with_database():
        saved_file(plan, service).unlink(missing_ok=True)


def _save(source: Path, target: Path) -> None:
    new = target.with_suffix(".new")
    new.unlink(missing_ok=True)
    with closing(sqlite3.connect(source)) as live, closing(sqlite3.connect(new)) as copy:
        live.backup(copy)
    new.replace(target)


def _save_rows(url: str, target: Path, package: str) -> None:
    new = target.with_suffix(".new")
    try:
        _remove(new)
        database_copy.copy_snapshot(url, f"sqlite:///{new}", package)
        new.replace(target)
    finally:
        _remove(new)


def _remove(database: Path) -> None:
    """Delete a database's file, and those that belong to it."""
    for file in database.parent.glob(f"{database.name}*"):
        file.unlink()


def size(plan: Plan) -> int:
    """Return how many bytes all databases have."""
    if not plan.database:
        return sum(plan.database_file(name).stat().st_size for name in databases.with_database())
    return sum(_size_on_server(plan.database_url(name)) for name in databases.with_database())


def _size_on_server(url: str) -> int:
    sessions = db.Sessions(url)
    try:
        with sessions.read() as session:
            return int(session.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
    finally:
        sessions.dispose()


def check_revisions(plan: Plan) -> None:
    """Raise RuntimeError if a newer release than this one has migrated a database."""
    for service in databases.with_database():
        lifecycle.run_as(plan, service, partial(_is_known, plan, service, tolerated=False))


def migrate(plan: Plan) -> None:
    """Bring every database to this release's newest revision. Raises RuntimeError if a newer release made it.

    The release to which an upgrade was undone works with databases that have what the newer one needs, too.
    """
    journal = upgrade_journal.load(plan.state)
    tolerated = journal is not None and journal.former == releases.own()
    for service in databases.with_database():
        lifecycle.run_as(plan, service, partial(_migrate, plan, service, tolerated))


def _migrate(plan: Plan, service: str, tolerated: bool) -> None:
    if _is_known(plan, service, tolerated):
        db.migrate(plan.database_url(service), f"pileus_{service}")


def _is_known(plan: Plan, service: str, tolerated: bool) -> bool:
    """Whether the database has a revision of this release. Raises SystemExit for a newer one unless it is tolerated."""
    if not plan.database and not plan.database_file(service).exists():
        return True
    revision = db.revision_of(plan.database_url(service))
    if revision is None or db.knows_revision(f"pileus_{service}", revision):
        return True
    if tolerated:
        return False
    raise SystemExit(
        f"The {service} database has revision {revision}, which release {releases.own().version} doesn't know: a newer "
        "release made it, and its deploy/up starts the cloud."
    )


def models_of(release: Release) -> dict[str, Columns]:
    """Ask a release's own code for the tables and columns of its services. Raises RuntimeError."""
    command = [str(release.python), "-P", "-c", MODELS, *databases.with_database()]
    try:
        done = subprocess.run(
            command, check=True, capture_output=True, text=True, timeout=MODELS_TIMEOUT_S, cwd=release.checkout
        )
        found: dict[str, Columns] = json.loads(done.stdout)
    except (OSError, ValueError, subprocess.SubprocessError) as err:
        said = str(getattr(err, "stderr", "") or err).strip().splitlines()
        raise RuntimeError(
            f"the code of {release} can't be run any more, so there would be no way back: {said[-1]}"
        ) from None
    return found


def rehearse(plan: Plan, models: Mapping[str, Columns]) -> None:
    """Migrate copies of the saved databases, and compare them with the former release's models. Raises RuntimeError."""
    for service in databases.with_database():
        rehearsal = _rehearse_on_server if plan.database else _rehearse
        lifecycle.run_as(plan, service, partial(rehearsal, plan, service, models[service]))


def _rehearse(plan: Plan, service: str, models: Columns) -> None:
    saved = saved_file(plan, service)
    copy = saved.with_name("rehearsal.sqlite")
    try:
        _save(saved, copy)
        _migrate_copy(f"sqlite:///{copy}", service, models)
    finally:
        _remove(copy)


def _rehearse_on_server(plan: Plan, service: str, models: Columns) -> None:
    sessions = db.Sessions(plan.database_url(service))
    copy = database_urls.in_schema(plan.database_url(service), REHEARSAL)
    try:
        _execute(sessions, f"DROP SCHEMA IF EXISTS {REHEARSAL} CASCADE", f"CREATE SCHEMA {REHEARSAL}")
        database_copy.copy_snapshot(plan.database_url(service), copy, f"pileus_{service}")
        _migrate_copy(copy, service, models)
    finally:
        _execute(sessions, f"DROP SCHEMA IF EXISTS {REHEARSAL} CASCADE")
        sessions.dispose()


def _execute(sessions: db.Sessions, *statements: str) -> None:
    with sessions.begin() as session:
        for statement in statements:
            session.execute(text(statement))


def _migrate_copy(url: str, service: str, models: Columns) -> None:
    """Migrate a copy of a service's database. Raises SystemExit if the former release couldn't work with the result."""
    db.migrate(url, f"pileus_{service}")
    sessions = db.Sessions(url)
    problems = list(differences(inspect(sessions.engine), models))
    sessions.dispose()
    if problems:
        raise SystemExit(f"The former release couldn't work with the new {service} database: {'; '.join(problems)}.")


def differences(found: Inspector, models: Columns) -> Iterator[str]:
    """Yield why code with these models can't work with the database."""
    for name, wanted in models.items():
        if not found.has_table(name):
            yield f"table {name} is gone"
            continue
        columns = {column["name"]: column for column in found.get_columns(name)}
        yield from (f"{name}.{column} is gone" for column in wanted if column not in columns)
        for column, about in columns.items():
            if not about["nullable"] and _may_be_left_null(column, wanted, bool(about["default"])):
                yield f"{name}.{column} must not be NULL now, and has no default"


def _may_be_left_null(column: str, wanted: Mapping[str, bool], has_default: bool) -> bool:
    return wanted.get(column, not has_default)
