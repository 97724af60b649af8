"""The name that a snapshot has in its disk, where that isn't its id; storage hosts are found by their pools."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("snapshots", sa.Column("stored_name", sa.String(255)))
    op.create_index("storage_hosts_by_pool", "storage_hosts", ["pool"])
