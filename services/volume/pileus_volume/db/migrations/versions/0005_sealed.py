"""Names of exports are sealed, which makes them longer."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    with op.batch_alter_table("attachments") as table:
        table.alter_column("export_name", existing_type=sa.String(128), type_=sa.Text(), existing_nullable=True)
