"""Change records: what changed for a host with each of its generations."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "changes",
        sa.Column("host", sa.String(255), sa.ForeignKey("hosts.name", ondelete="CASCADE"), primary_key=True),
        sa.Column("generation", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("thing", sa.String(96), primary_key=True),
    )
    op.add_column("hosts", sa.Column("logged_since", sa.Integer(), nullable=False, server_default="1"))
    op.execute("UPDATE hosts SET logged_since = generation")  # nothing is known of what came before
    with op.batch_alter_table("hosts") as hosts:
        hosts.alter_column("logged_since", server_default=None)
