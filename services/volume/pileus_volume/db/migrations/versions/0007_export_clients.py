"""The machine that an export is for, and the port at which it opens what is for it."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("attachments", sa.Column("export_client", sa.String(255)))
    op.add_column("attachments", sa.Column("export_port", sa.Integer))
