"""OAuth1: consumers, their tokens, the nonces of signed requests."""

import sqlalchemy as sa
from alembic import op

from pileus_kit.db import Utc

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table('consumers',
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('description', sa.Text(), nullable=True),
        sa.Column('secret', sa.Text(), nullable=False),
        sa.Column('extra', sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint('id')
        )
    op.create_table('seen_nonces',
        sa.Column('digest', sa.String(length=64), nullable=False),
        sa.Column('at', Utc(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('digest')
        )
    op.create_index(op.f('ix_seen_nonces_at'), 'seen_nonces', ['at'], unique=False)
    op.create_table('request_tokens',
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('consumer_id', sa.String(length=64), nullable=False),
        sa.Column('project_id', sa.String(length=64), nullable=False),
        sa.Column('secret', sa.Text(), nullable=False),
        sa.Column('expires_at', Utc(timezone=True), nullable=True),
        sa.Column('user_id', sa.String(length=64), nullable=True),
        sa.Column('role_ids', sa.JSON(), nullable=False),
        sa.Column('verifier_hash', sa.String(length=255), nullable=True),
        sa.ForeignKeyConstraint(['consumer_id'], ['consumers.id'], ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['project_id'], ['projects.id'], ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id')
        )
    op.create_table('access_tokens',
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('consumer_id', sa.String(length=64), nullable=False),
        sa.Column('user_id', sa.String(length=64), nullable=False),
        sa.Column('project_id', sa.String(length=64), nullable=False),
        sa.Column('secret', sa.Text(), nullable=False),
        sa.Column('role_ids', sa.JSON(), nullable=False),
        sa.Column('expires_at', Utc(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(['consumer_id'], ['consumers.id'], ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['project_id'], ['projects.id'], ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id')
        )
    for table in ('request_tokens', 'access_tokens'):
        for column in ('consumer_id', 'project_id', 'user_id', 'expires_at'):
            op.create_index(op.f(f'ix_{table}_{column}'), table, [column], unique=False)
