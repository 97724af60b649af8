"""Since when a host has been heard of without a gap, by which others know when to take over."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    with op.batch_alter_table("hosts") as hosts:
        hosts.add_column(sa.Column("heard_since", sa.DateTime(timezone=True)))
