"""A port's host name, by which its neighbours find it."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    with op.batch_alter_table("ports") as ports:
        ports.add_column(sa.Column("dns_name", sa.String(63), nullable=False, server_default=""))
    with op.batch_alter_table("ports") as ports:
        ports.alter_column("dns_name", server_default=None)
