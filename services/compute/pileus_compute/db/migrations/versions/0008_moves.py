"""Servers move between hosts: migrations have rows of their own, and hosts that were left are remembered."""

import sqlalchemy as sa
from alembic import op
from pileus_kit.db import Json, Utc

revision = "0008"
down_revision = "0007"

STATUSES = {"running": "migrating", "done": "finished", "undoing": "migrating", "undone": "error", "stuck": "error"}


def upgrade() -> None:
    migrations = op.create_table(
        "migrations",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("uuid", sa.String(36), nullable=False, unique=True),
        sa.Column("server_id", sa.String(36), nullable=False),
        sa.Column("type", sa.String(16), nullable=False),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("source_host", sa.String(255), nullable=True),
        sa.Column("dest_host", sa.String(255), nullable=True),
        sa.Column("dest_address", sa.String(255), nullable=True),
        sa.Column("user_id", sa.String(255), nullable=True),
        sa.Column("project_id", sa.String(255), nullable=True),
        sa.Column("created_at", Utc(), nullable=False),
        sa.Column("updated_at", Utc(), nullable=False),
    )
    op.create_index("ix_migrations_server_id", "migrations", ["server_id"])
    op.create_index("ix_migrations_updated_at", "migrations", ["updated_at"])
    op.create_table(
        "leftovers",
        sa.Column("host", sa.String(255), primary_key=True),
        sa.Column("server_id", sa.String(36), primary_key=True),
        sa.Column("created_at", Utc(), nullable=False),
    )
    op.create_index("ix_leftovers_server_id", "leftovers", ["server_id"])
    _copy_resizes(migrations)


def _copy_resizes(migrations: sa.Table) -> None:
    """Resizes were listed by their jobs."""
    texts = ("id", "flow", "subject", "state", "user_id", "project_id")
    jobs = sa.table(
        "jobs",
        *(sa.column(name, sa.String()) for name in texts),
        sa.column("data", Json()),
        sa.column("created_at", Utc()),
        sa.column("updated_at", Utc()),
    )
    connection = op.get_bind()
    rows = [
        {
            "uuid": job.id,
            "server_id": job.subject,
            "type": "resize",
            "status": STATUSES.get(job.state, "error"),
            "source_host": job.data.get("host"),
            "dest_host": job.data.get("host"),
            "user_id": job.user_id,
            "project_id": job.project_id,
            "created_at": job.created_at,
            "updated_at": job.updated_at,
        }
        for job in connection.execute(sa.select(jobs).where(jobs.c.flow == "server.resize").order_by(jobs.c.created_at))
    ]
    if rows:
        connection.execute(sa.insert(migrations), rows)
