"""Groups of volumes."""

import sqlalchemy as sa
from alembic import op
from pileus_kit.db import Json, Utc

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "group_types",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("name", sa.String(255), nullable=False, unique=True),
        sa.Column("description", sa.String(255)),
        sa.Column("is_public", sa.Boolean, nullable=False),
        sa.Column("specs", Json(), nullable=False),
        sa.Column("created_at", Utc(), nullable=False),
        sa.Column("updated_at", Utc()))
    op.create_table(
        "groups",
        *_stamps(),
        sa.Column("type_id", sa.String(36), sa.ForeignKey("group_types.id"), nullable=False),
        sa.Column("status", sa.String(32), nullable=False),
        sa.Column("availability_zone", sa.String(255), nullable=False),
        sa.Column("host", sa.String(255)),
        sa.Column("source_group_id", sa.String(36)),
        sa.Column("group_snapshot_id", sa.String(36)))
    op.create_table(
        "group_volume_types",
        sa.Column("group_id", sa.String(36), sa.ForeignKey("groups.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("type_id", sa.String(36), sa.ForeignKey("volume_types.id"), primary_key=True))
    op.create_table(
        "group_snapshots",
        *_stamps(),
        sa.Column("group_id", sa.String(36), sa.ForeignKey("groups.id"), nullable=False),
        sa.Column("group_type_id", sa.String(36), nullable=False),
        sa.Column("status", sa.String(32), nullable=False))
    op.add_column("volumes", sa.Column("group_id", sa.String(36)))
    op.add_column("snapshots", sa.Column("group_snapshot_id", sa.String(36)))
    for table in ("groups", "group_snapshots"):
        op.create_index(f"{table}_of_project", table, ["project_id", "created_at", "id"])
        op.create_index(f"{table}_in_order", table, ["created_at", "id"])
    op.create_index("groups_of_type", "groups", ["type_id"])
    op.create_index("groups_of_volume_type", "group_volume_types", ["type_id"])
    op.create_index("group_snapshots_of_group", "group_snapshots", ["group_id"])
    op.create_index("volumes_of_group", "volumes", ["group_id"])
    op.create_index("snapshots_of_group_snapshot", "snapshots", ["group_snapshot_id"])


def _stamps() -> list[sa.Column]:
    return [
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("project_id", sa.String(64), nullable=False),
        sa.Column("user_id", sa.String(64), nullable=False),
        sa.Column("name", sa.String(255)),
        sa.Column("description", sa.String(255)),
        sa.Column("created_at", Utc(), nullable=False),
        sa.Column("updated_at", Utc())]
