"""Alembic's environment, the same for every service: `pileus_kit.db.migrate` passes the connection."""

from alembic import context
from sqlalchemy import Connection, text


def check_references(connection: Connection) -> None:
    """Raise RuntimeError if a row refers to none: SQLite's foreign keys are off during a migration."""
    if connection.dialect.name == "sqlite" and (row := connection.execute(text("PRAGMA foreign_key_check")).first()):
        raise RuntimeError(f"The migration would leave a row of {row[0]} that refers to no row of {row[2]}.")


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=None,
    render_as_batch=True,
    transaction_per_migration=False,
    transactional_ddl=True,
)
with context.begin_transaction():
    context.run_migrations()
    check_references(context.get_bind())
