"""Ids of deleted images stay taken; images remember the service that made them."""

import sqlalchemy as sa
from alembic import op
from pileus_kit.db import Utc

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table('spent_ids',
        sa.Column('id', sa.String(length=36), nullable=False),
        sa.Column('deleted_at', Utc(), nullable=False),
        sa.PrimaryKeyConstraint('id')
    )
    op.add_column('images', sa.Column('made_by', sa.String(length=64), nullable=True))
