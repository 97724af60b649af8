"""A project remembers the network that was allocated for it."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    with op.batch_alter_table("projects") as projects:
        projects.add_column(sa.Column("auto_network_id", sa.String(length=36), nullable=True))
        projects.create_foreign_key("projects_auto_network", "networks", ["auto_network_id"], ["id"], ondelete="SET NULL")
