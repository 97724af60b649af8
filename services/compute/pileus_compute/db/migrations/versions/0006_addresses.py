"""Servers know where their guests find their devices."""

import sqlalchemy as sa
from alembic import op
from pileus_kit.db import Json

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    with op.batch_alter_table("servers") as table:
        table.add_column(sa.Column("device_addresses", Json(), nullable=False, server_default="{}"))
    with op.batch_alter_table("servers") as table:
        table.alter_column("device_addresses", server_default=None)
