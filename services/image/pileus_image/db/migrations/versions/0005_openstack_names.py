"""Blobs that are to be deleted are in state deleting; the ids of deleted images have a table that says so."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.rename_table("spent_ids", "deleted_image_ids")
    op.execute("UPDATE blobs SET state = 'deleting' WHERE state = 'doomed'")
