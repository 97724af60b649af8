"""All tables of the first version."""

import sqlalchemy as sa
from alembic import op
from pileus_kit.db import Utc

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table('blobs',
        sa.Column('id', sa.String(length=36), nullable=False),
        sa.Column('store', sa.String(length=32), nullable=False),
        sa.Column('image_id', sa.String(length=36), nullable=False),
        sa.Column('owner', sa.String(length=255), nullable=True),
        sa.Column('state', sa.String(length=8), nullable=False),
        sa.Column('lease_until', sa.Double(), nullable=False),
        sa.Column('facts', sa.JSON(), nullable=False),
        sa.Column('created_at', Utc(), nullable=False),
        sa.PrimaryKeyConstraint('id')
    )
    op.create_index(op.f('ix_blobs_image_id'), 'blobs', ['image_id'], unique=False)
    op.create_index(op.f('ix_blobs_owner'), 'blobs', ['owner'], unique=False)
    op.create_index(op.f('ix_blobs_state'), 'blobs', ['state'], unique=False)
    op.create_table('events',
        sa.Column('id', sa.Integer(), autoincrement=True, nullable=False),
        sa.Column('job_id', sa.String(length=36), nullable=False),
        sa.Column('subject', sa.String(length=64), nullable=False),
        sa.Column('flow', sa.String(length=64), nullable=False),
        sa.Column('step', sa.String(length=64), nullable=False),
        sa.Column('outcome', sa.String(length=8), nullable=False),
        sa.Column('cause', sa.Text(), nullable=True),
        sa.Column('request_id', sa.String(length=64), nullable=False),
        sa.Column('worker', sa.String(length=128), nullable=False),
        sa.Column('started_at', Utc(), nullable=False),
        sa.Column('finished_at', Utc(), nullable=False),
        sa.PrimaryKeyConstraint('id')
    )
    op.create_index(op.f('ix_events_job_id'), 'events', ['job_id'], unique=False)
    op.create_index(op.f('ix_events_request_id'), 'events', ['request_id'], unique=False)
    op.create_index(op.f('ix_events_subject'), 'events', ['subject'], unique=False)
    op.create_table('images',
        sa.Column('id', sa.String(length=36), nullable=False),
        sa.Column('name', sa.String(length=255), nullable=True),
        sa.Column('status', sa.String(length=16), nullable=False),
        sa.Column('visibility', sa.String(length=16), nullable=False),
        sa.Column('owner', sa.String(length=255), nullable=True),
        sa.Column('protected', sa.Boolean(), nullable=False),
        sa.Column('os_hidden', sa.Boolean(), nullable=False),
        sa.Column('container_format', sa.String(length=20), nullable=True),
        sa.Column('disk_format', sa.String(length=20), nullable=True),
        sa.Column('min_disk', sa.Integer(), nullable=False),
        sa.Column('min_ram', sa.Integer(), nullable=False),
        sa.Column('size', sa.BigInteger(), nullable=True),
        sa.Column('virtual_size', sa.BigInteger(), nullable=True),
        sa.Column('checksum', sa.String(length=32), nullable=True),
        sa.Column('os_hash_algo', sa.String(length=64), nullable=True),
        sa.Column('os_hash_value', sa.String(length=128), nullable=True),
        sa.Column('sha256', sa.String(length=64), nullable=True),
        sa.Column('tags', sa.JSON(), nullable=False),
        sa.Column('properties', sa.JSON(), nullable=False),
        sa.Column('blob', sa.String(length=36), nullable=True),
        sa.Column('created_at', Utc(), nullable=False),
        sa.Column('updated_at', Utc(), nullable=False),
        sa.PrimaryKeyConstraint('id')
    )
    op.create_index('images_by_time', 'images', ['created_at', 'id'], unique=False)
    op.create_index('images_by_visibility', 'images', ['visibility', 'created_at', 'id'], unique=False)
    op.create_index('images_of_owner', 'images', ['owner', 'created_at', 'id'], unique=False)
    op.create_table('jobs',
        sa.Column('id', sa.String(length=36), nullable=False),
        sa.Column('flow', sa.String(length=64), nullable=False),
        sa.Column('subject', sa.String(length=64), nullable=False),
        sa.Column('state', sa.String(length=8), nullable=False),
        sa.Column('step', sa.String(length=64), nullable=False),
        sa.Column('data', sa.JSON(), nullable=False),
        sa.Column('owner', sa.String(length=128), nullable=True),
        sa.Column('lease_until', sa.Double(), nullable=False),
        sa.Column('run_at', sa.Double(), nullable=False),
        sa.Column('waiting_since', sa.Double(), nullable=True),
        sa.Column('tries', sa.Integer(), nullable=False),
        sa.Column('attempt', sa.Integer(), nullable=False),
        sa.Column('cancelled', sa.Boolean(), nullable=False),
        sa.Column('error', sa.Text(), nullable=True),
        sa.Column('request_id', sa.String(length=64), nullable=False),
        sa.Column('user_id', sa.String(length=64), nullable=True),
        sa.Column('project_id', sa.String(length=64), nullable=True),
        sa.Column('created_at', Utc(), nullable=False),
        sa.Column('updated_at', Utc(), nullable=False),
        sa.PrimaryKeyConstraint('id')
    )
    op.create_index(op.f('ix_jobs_subject'), 'jobs', ['subject'], unique=False)
    op.create_index('jobs_due', 'jobs', ['run_at', 'lease_until'], unique=False, sqlite_where=sa.text("state IN ('running', 'undoing', 'stuck')"), postgresql_where=sa.text("state IN ('running', 'undoing', 'stuck')"))
    op.create_index('jobs_one_live', 'jobs', ['subject'], unique=True, sqlite_where=sa.text("state IN ('running', 'undoing', 'stuck')"), postgresql_where=sa.text("state IN ('running', 'undoing', 'stuck')"))
    op.create_table('members',
        sa.Column('image_id', sa.String(length=36), nullable=False),
        sa.Column('member_id', sa.String(length=255), nullable=False),
        sa.Column('status', sa.String(length=16), nullable=False),
        sa.Column('created_at', Utc(), nullable=False),
        sa.Column('updated_at', Utc(), nullable=False),
        sa.ForeignKeyConstraint(['image_id'], ['images.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('image_id', 'member_id')
    )
    op.create_index(op.f('ix_members_member_id'), 'members', ['member_id'], unique=False)
    op.create_table('terms',
        sa.Column('digest', sa.String(length=64), nullable=False),
        sa.Column('image_id', sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(['image_id'], ['images.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('digest', 'image_id')
    )
    op.create_index(op.f('ix_terms_image_id'), 'terms', ['image_id'], unique=False)
