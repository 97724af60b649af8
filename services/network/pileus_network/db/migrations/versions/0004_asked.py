"""Requests that a host has not answered yet."""

import sqlalchemy as sa
from alembic import op
from pileus_kit.db import Utc

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "asked",
        sa.Column("host", sa.String(255), sa.ForeignKey("hosts.name", ondelete="CASCADE"), primary_key=True),
        sa.Column("generation", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("request_id", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(64), nullable=True),
        sa.Column("project_id", sa.String(64), nullable=True),
        sa.Column("arrived_at", Utc(), nullable=True),
        sa.Column("asked_at", Utc(), nullable=False),
    )
