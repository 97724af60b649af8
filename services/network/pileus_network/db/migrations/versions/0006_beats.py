"""The time by the clock of the process that hears the hosts."""

import sqlalchemy as sa
from alembic import op
from pileus_kit.db import Utc

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "beats", sa.Column("name", sa.String(64), primary_key=True), sa.Column("at", Utc(), nullable=False)
    )
