"""Projects that were deleted are remembered, so that other services can delete what they had."""

import sqlalchemy as sa
from alembic import op

from pileus_kit.db import Utc

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table("deleted_projects",
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('serial', sa.Integer(), nullable=False),
        sa.Column('deleted_at', Utc(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('id')
        )
    op.create_index("ix_deleted_projects_serial", "deleted_projects", ["serial"])
