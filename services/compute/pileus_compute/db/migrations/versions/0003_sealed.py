"""Passwords that wait for a guest are sealed, which makes them longer."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    with op.batch_alter_table("servers") as table:
        table.alter_column("admin_password", existing_type=sa.String(255), type_=sa.Text(), existing_nullable=True)
