"""Columns of backups by their names: where the objects are, and what is kept of the volume."""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute("ALTER TABLE backups RENAME COLUMN place TO location")
    op.execute("ALTER TABLE backups RENAME COLUMN facts TO volume_facts")
