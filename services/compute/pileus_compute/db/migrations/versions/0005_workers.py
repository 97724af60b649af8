"""Workers tell that they are there."""

import sqlalchemy as sa
from alembic import op
from pileus_kit.db import Utc

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "workers",
        sa.Column("name", sa.String(255), primary_key=True),
        sa.Column("number", sa.Integer(), nullable=False, unique=True),
        sa.Column("scheduler_id", sa.String(36), nullable=False, unique=True),
        sa.Column("conductor_id", sa.String(36), nullable=False, unique=True),
        sa.Column("seen_at", Utc(), nullable=False))
