"""Where the services' databases are: in SQLite files, or on PostgreSQL servers that the operator names by a URL.

The URL is an administrator's. Each service gets a database, a role that owns it, and a password of its own, so a
service that was broken into reads nothing of the others.
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from pileus_deploy.plan import SERVICES, Plan
from pileus_deploy.progress import wait_for
from pileus_kit.database_urls import engine_url, without_password

if TYPE_CHECKING:
    from sqlalchemy import Connection

MIN_CONNECTIONS = 200
"""Connections that a busy all-in-one may open: five APIs, twice as many under load, and four workers of 16 threads."""
ROLE = "SELECT shobj_description(oid, 'pg_authid') AS mark FROM pg_roles WHERE rolname = :name"
OWNER = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = :name"
STANDBY_TIMEOUT_S = 30.0  # seconds; one that lost its primary tries again every five
MAINTENANCE = "postgres"  # the database to which an administrator connects to make others


class DatabaseUnusable(RuntimeError):
    """Why the servers of a URL can't carry the cloud, and what would help."""


def with_database() -> list[str]:
    """Return the services that keep a database."""
    return [name for name, service in SERVICES.items() if service.has_database]


def prepare(plan: Plan) -> None:
    """Make roles and databases that don't exist yet, and give the roles their passwords. Raises DatabaseUnusable."""
    if not plan.makes_databases:
        return
    with _administrator(plan) as connection:
        _check(connection)
        for service in with_database():
            _make(connection, plan, service)


def _check(connection: "Connection") -> None:
    from sqlalchemy import text

    def show(name: str) -> str:
        return str(connection.execute(text(f"SHOW {name}")).scalar_one())

    if int(show("max_connections")) < MIN_CONNECTIONS:
        raise DatabaseUnusable(
            f"the PostgreSQL server takes {show('max_connections')} connections, and a busy cloud may open "
            f"{MIN_CONNECTIONS}: set max_connections = {MIN_CONNECTIONS} or more and restart it"
        )
    if show("fsync") != "on":
        raise DatabaseUnusable(
            "the PostgreSQL server runs with fsync off: a power cut would lose what was acknowledged"
        )
    if show("synchronous_standby_names"):
        _wait_for_standby(connection)


def _wait_for_standby(connection: "Connection") -> None:
    """Without a standby a primary that waits for one never ends a statement that writes."""
    from sqlalchemy import text

    def is_there() -> bool:
        return connection.execute(text("SELECT count(*) FROM pg_stat_replication")).scalar_one() > 0

    try:
        wait_for("standby", STANDBY_TIMEOUT_S, is_there)
    except TimeoutError:
        raise DatabaseUnusable(
            "the PostgreSQL server confirms what a standby has (synchronous_standby_names), and none is connected: "
            "start the standby, or look into its log"
        ) from None


def _make(connection: "Connection", plan: Plan, service: str) -> None:
    """Make a service's role and database. Those of another cloud, which has the same names, are left alone."""
    from psycopg2.extensions import encrypt_password
    from sqlalchemy import text

    name, mark = plan.database_name(service), _mark(plan)
    role = connection.dialect.identifier_preparer.quote_identifier(name)
    found = connection.execute(text(ROLE), {"name": name}).first()
    if found is None:  # both statements or none: what isn't marked is never touched again
        connection.exec_driver_sql(f"CREATE ROLE {role} LOGIN; COMMENT ON ROLE {role} IS '{mark}'")
    owner = connection.execute(text(OWNER), {"name": name}).scalar()
    if (found is not None and found.mark != mark) or owner not in (None, name):
        raise DatabaseUnusable(f"the server has a {name} that isn't this cloud's: let the URL end with another name")
    password = plan.secrets[f"database {service}"]
    raw = connection.connection.dbapi_connection
    verifier = encrypt_password(password, name, raw, "scram-sha-256")
    connection.exec_driver_sql(f"ALTER ROLE {role} PASSWORD '{verifier}'")
    if owner is None:
        connection.execute(text(f"GRANT {role} TO CURRENT_USER"))
        settings = "TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'"
        connection.execute(text(f"CREATE DATABASE {role} OWNER {role} {settings}"))
    connection.execute(text(f"REVOKE CONNECT, TEMPORARY ON DATABASE {role} FROM PUBLIC"))


def _mark(plan: Plan) -> str:
    """Return what the cloud's roles are marked with. It is derived from a secret that never changes."""
    return f"Pileus cloud {hashlib.sha256(plan.secrets['hash_path'].encode()).hexdigest()[:16]}"


@contextmanager
def _administrator(plan: Plan) -> "Iterator[Connection]":
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError

    url = engine_url(plan.database)
    engine = create_engine(
        url.set(database=MAINTENANCE), isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 10}
    )
    try:
        with engine.connect() as connection:
            yield connection
    except DBAPIError as err:
        why = str(err.orig).strip().splitlines()[0]
        raise DatabaseUnusable(f"{without_password(plan.database)}: {why}") from None
    finally:
        engine.dispose()


def identity_of(plan: Plan) -> tuple[int, str] | None:
    """Return what distinguishes a plan's databases from all others, also when a standby has become the primary.

    It is the identifier that PostgreSQL gives a cluster and its standbys, and the databases' prefix; None for SQLite
    and for databases that the operator made.
    """
    from sqlalchemy import text

    if not plan.makes_databases:
        return None
    with _administrator(plan) as connection:
        number = connection.execute(text("SELECT system_identifier FROM pg_control_system()")).scalar_one()
    return int(number), plan.database_name("")


def remove(plan: Plan) -> None:
    """Delete the databases and roles of a plan, which the cloud no longer uses."""
    from sqlalchemy import text

    if not plan.database:
        for service in with_database():
            for file in plan.database_file(service).parent.glob("*.sqlite*"):
                file.unlink()
    elif plan.makes_databases:
        with _administrator(plan) as connection:
            for service in with_database():
                name = connection.dialect.identifier_preparer.quote_identifier(plan.database_name(service))
                connection.execute(text(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))
                connection.execute(text(f"DROP ROLE IF EXISTS {name}"))
