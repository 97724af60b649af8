"""Registered limits stay when their service goes: the column is no foreign key any more."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"

OLD, NEW, KEPT = "registered_limits", "registered_limits_new", "limits_kept"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _anew()
    else:
        op.drop_constraint("registered_limits_service_id_fkey", OLD, type_="foreignkey")


def _anew() -> None:
    """SQLite drops no constraint, and no table that rows refer to, so these are put aside meanwhile."""
    op.execute(f"CREATE TABLE {KEPT} AS SELECT * FROM limits")
    op.execute("DELETE FROM limits")
    op.create_table(NEW,
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('service_id', sa.String(length=64), nullable=False),
        sa.Column('region_id', sa.String(length=255), nullable=False),
        sa.Column('resource_name', sa.String(length=255), nullable=False),
        sa.Column('default_limit', sa.Integer(), nullable=False),
        sa.Column('description', sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('service_id', 'region_id', 'resource_name', name='uq_registered_limit')
        )
    columns = "id, service_id, region_id, resource_name, default_limit, description"
    op.execute(f"INSERT INTO {NEW} ({columns}) SELECT {columns} FROM {OLD}")
    op.drop_table(OLD)
    op.rename_table(NEW, OLD)
    op.execute(f"INSERT INTO limits SELECT * FROM {KEPT}")
    op.drop_table(KEPT)
