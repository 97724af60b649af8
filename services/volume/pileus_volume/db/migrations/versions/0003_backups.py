"""Backups of volumes."""

import sqlalchemy as sa
from alembic import op
from pileus_kit.db import Json, Utc

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "backups",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255)),
        sa.Column("description", sa.String(255)),
        sa.Column("created_at", Utc(), nullable=False),
        sa.Column("updated_at", Utc()),
        sa.Column("volume_id", sa.String(36), nullable=False),
        sa.Column("snapshot_id", sa.String(36)),
        sa.Column("parent_id", sa.String(36)),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("fail_reason", sa.String(255)),
        sa.Column("container", sa.String(255), nullable=False),
        sa.Column("place", Json(), nullable=False),
        sa.Column("object_count", sa.Integer, nullable=False),
        sa.Column("availability_zone", sa.String(255)),
        sa.Column("data_timestamp", Utc(), nullable=False),
        sa.Column("facts", Json(), nullable=False),
        sa.Column("meta", Json(), nullable=False))
    op.create_index("backups_of_project", "backups", ["project_id", "created_at", "id"])
    op.create_index("backups_in_order", "backups", ["created_at", "id"])
    op.create_index("backups_of_volume", "backups", ["volume_id"])
    op.create_index("backups_upon", "backups", ["parent_id"])
