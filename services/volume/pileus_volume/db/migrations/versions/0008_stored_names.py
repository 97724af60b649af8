"""The name that a snapshot has in its disk, where that isn't its id."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("snapshots", sa.Column("stored_name", sa.String(255)))
