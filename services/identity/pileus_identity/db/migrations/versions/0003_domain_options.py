"""A domain's own configuration."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table('domain_options',
        sa.Column('domain_id', sa.String(length=64), nullable=False),
        sa.Column('group', sa.String(length=64), nullable=False),
        sa.Column('name', sa.String(length=64), nullable=False),
        sa.Column('value', sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(['domain_id'], ['projects.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('domain_id', 'group', 'name')
        )
