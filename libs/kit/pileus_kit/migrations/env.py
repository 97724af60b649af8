"""Alembic's environment, the same for every service: `pileus_kit.db.migrate` passes the connection.

On PostgreSQL each migration is a transaction of its own: services that write meanwhile wait for the table that it
changes, and never for one that a later migration needs, which could be a deadlock.
"""

from alembic import context
from sqlalchemy import Connection, text


def check_references(connection: Connection) -> None:
    """Raise RuntimeError if a row refers to none: SQLite's foreign keys are off during a migration."""
    if connection.dialect.name == "sqlite" and (row := connection.execute(text("PRAGMA foreign_key_check")).first()):
        raise RuntimeError(f"The migration would leave a row of {row[0]} that refers to no row of {row[2]}.")


migrated = context.config.attributes["connection"]
context.configure(
    connection=migrated,
    target_metadata=None,
    render_as_batch=True,
    transaction_per_migration=migrated.dialect.name == "postgresql",
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
    check_references(context.get_bind())
