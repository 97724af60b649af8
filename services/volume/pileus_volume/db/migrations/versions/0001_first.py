"""The first tables of block storage."""

import sqlalchemy as sa
from alembic import op

import pileus_kit.db

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
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
    sa.Column('started_at', pileus_kit.db.Utc(timezone=True), nullable=False),
    sa.Column('finished_at', pileus_kit.db.Utc(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index(op.f('ix_events_job_id'), 'events', ['job_id'], unique=False)
    op.create_index(op.f('ix_events_request_id'), 'events', ['request_id'], unique=False)
    op.create_index(op.f('ix_events_subject'), 'events', ['subject'], unique=False)
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
    sa.Column('created_at', pileus_kit.db.Utc(timezone=True), nullable=False),
    sa.Column('updated_at', pileus_kit.db.Utc(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index(op.f('ix_jobs_subject'), 'jobs', ['subject'], unique=False)
    op.create_index('jobs_due', 'jobs', ['run_at', 'lease_until'], unique=False, sqlite_where=sa.text("state IN ('running', 'undoing', 'stuck')"), postgresql_where=sa.text("state IN ('running', 'undoing', 'stuck')"))
    op.create_index('jobs_one_live', 'jobs', ['subject'], unique=True, sqlite_where=sa.text("state IN ('running', 'undoing', 'stuck')"), postgresql_where=sa.text("state IN ('running', 'undoing', 'stuck')"))
    op.create_table('messages',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('project_id', sa.String(length=64), nullable=False),
    sa.Column('resource_type', sa.String(length=32), nullable=False),
    sa.Column('resource_id', sa.String(length=36), nullable=False),
    sa.Column('event_id', sa.String(length=64), nullable=False),
    sa.Column('text', sa.Text(), nullable=False),
    sa.Column('request_id', sa.String(length=64), nullable=False),
    sa.Column('created_at', pileus_kit.db.Utc(timezone=True), nullable=False),
    sa.Column('expires_at', pileus_kit.db.Utc(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('messages_expire', 'messages', ['expires_at'], unique=False)
    op.create_index('messages_of_project', 'messages', ['project_id', 'created_at', 'id'], unique=False)
    op.create_table('qos_specs',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('name', sa.String(length=255), nullable=False),
    sa.Column('consumer', sa.String(length=16), nullable=False),
    sa.Column('specs', sa.JSON(), nullable=False),
    sa.Column('created_at', pileus_kit.db.Utc(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('name')
    )
    op.create_table('quota_classes',
    sa.Column('class_name', sa.String(length=255), nullable=False),
    sa.Column('resource', sa.String(length=300), nullable=False),
    sa.Column('hard_limit', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('class_name', 'resource')
    )
    op.create_table('quotas',
    sa.Column('project_id', sa.String(length=64), nullable=False),
    sa.Column('resource', sa.String(length=300), nullable=False),
    sa.Column('hard_limit', sa.Integer(), nullable=False),
    sa.PrimaryKeyConstraint('project_id', 'resource')
    )
    op.create_table('storage_hosts',
    sa.Column('name', sa.String(length=255), nullable=False),
    sa.Column('pool', sa.String(length=255), nullable=False),
    sa.Column('driver', sa.String(length=64), nullable=False),
    sa.Column('backend_name', sa.String(length=255), nullable=False),
    sa.Column('availability_zone', sa.String(length=255), nullable=False),
    sa.Column('total_gib', sa.Double(), nullable=False),
    sa.Column('free_gib', sa.Double(), nullable=False),
    sa.Column('overcommit', sa.Double(), nullable=False),
    sa.Column('directory', sa.String(length=1024), nullable=False),
    sa.Column('disk_format', sa.String(length=16), nullable=False),
    sa.Column('nbd_host', sa.String(length=255), nullable=False),
    sa.Column('nbd_port', sa.Integer(), nullable=False),
    sa.Column('nbd_tls', sa.Boolean(), nullable=False),
    sa.Column('generation', sa.Integer(), nullable=False),
    sa.Column('disabled', sa.Boolean(), nullable=False),
    sa.Column('disabled_reason', sa.String(length=255), nullable=True),
    sa.Column('frozen', sa.Boolean(), nullable=False),
    sa.Column('seen_at', pileus_kit.db.Utc(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('name')
    )
    op.create_table('volume_types',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('name', sa.String(length=255), nullable=False),
    sa.Column('description', sa.String(length=255), nullable=True),
    sa.Column('is_public', sa.Boolean(), nullable=False),
    sa.Column('extra_specs', sa.JSON(), nullable=False),
    sa.Column('qos_id', sa.String(length=36), nullable=True),
    sa.Column('created_at', pileus_kit.db.Utc(timezone=True), nullable=False),
    sa.Column('updated_at', pileus_kit.db.Utc(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['qos_id'], ['qos_specs.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('name')
    )
    op.create_table('default_types',
    sa.Column('project_id', sa.String(length=64), nullable=False),
    sa.Column('type_id', sa.String(length=36), nullable=False),
    sa.ForeignKeyConstraint(['type_id'], ['volume_types.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('project_id')
    )
    op.create_table('volume_type_access',
    sa.Column('type_id', sa.String(length=36), nullable=False),
    sa.Column('project_id', sa.String(length=64), nullable=False),
    sa.ForeignKeyConstraint(['type_id'], ['volume_types.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('type_id', 'project_id')
    )
    op.create_table('volumes',
    sa.Column('size', sa.Integer(), nullable=False),
    sa.Column('claimed', sa.Integer(), nullable=False),
    sa.Column('status', sa.String(length=32), nullable=False),
    sa.Column('previous_status', sa.String(length=32), nullable=True),
    sa.Column('attach_status', sa.String(length=32), nullable=False),
    sa.Column('migration_status', sa.String(length=32), nullable=True),
    sa.Column('type_id', sa.String(length=36), nullable=False),
    sa.Column('availability_zone', sa.String(length=255), nullable=True),
    sa.Column('host', sa.String(length=255), nullable=True),
    sa.Column('bootable', sa.Boolean(), nullable=False),
    sa.Column('multiattach', sa.Boolean(), nullable=False),
    sa.Column('readonly', sa.Boolean(), nullable=True),
    sa.Column('snapshot_id', sa.String(length=36), nullable=True),
    sa.Column('source_volid', sa.String(length=36), nullable=True),
    sa.Column('meta', sa.JSON(), nullable=False),
    sa.Column('image_meta', sa.JSON(), nullable=True),
    sa.Column('launched_at', pileus_kit.db.Utc(timezone=True), nullable=True),
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('project_id', sa.String(length=64), nullable=False),
    sa.Column('user_id', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=255), nullable=True),
    sa.Column('description', sa.String(length=255), nullable=True),
    sa.Column('created_at', pileus_kit.db.Utc(timezone=True), nullable=False),
    sa.Column('updated_at', pileus_kit.db.Utc(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['type_id'], ['volume_types.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('volumes_in_order', 'volumes', ['created_at', 'id'], unique=False)
    op.create_index('volumes_of_host', 'volumes', ['host'], unique=False)
    op.create_index('volumes_of_project', 'volumes', ['project_id', 'created_at', 'id'], unique=False)
    op.create_index('volumes_of_type', 'volumes', ['type_id'], unique=False)
    op.create_table('attachments',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('volume_id', sa.String(length=36), nullable=False),
    sa.Column('project_id', sa.String(length=64), nullable=False),
    sa.Column('instance_id', sa.String(length=36), nullable=True),
    sa.Column('attached_host', sa.String(length=255), nullable=True),
    sa.Column('mountpoint', sa.String(length=255), nullable=True),
    sa.Column('attach_status', sa.String(length=32), nullable=False),
    sa.Column('attach_mode', sa.String(length=4), nullable=True),
    sa.Column('connector', sa.JSON(), nullable=True),
    sa.Column('connection', sa.JSON(), nullable=True),
    sa.Column('export_host', sa.String(length=255), nullable=True),
    sa.Column('export_name', sa.String(length=128), nullable=True),
    sa.Column('attached_at', pileus_kit.db.Utc(timezone=True), nullable=True),
    sa.Column('created_at', pileus_kit.db.Utc(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['volume_id'], ['volumes.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('attachments_exported', 'attachments', ['export_host'], unique=False)
    op.create_index('attachments_of_instance', 'attachments', ['instance_id'], unique=False)
    op.create_index('attachments_of_project', 'attachments', ['project_id', 'created_at', 'id'], unique=False)
    op.create_index('attachments_of_volume', 'attachments', ['volume_id'], unique=False)
    op.create_table('snapshots',
    sa.Column('volume_id', sa.String(length=36), nullable=False),
    sa.Column('volume_size', sa.Integer(), nullable=False),
    sa.Column('status', sa.String(length=32), nullable=False),
    sa.Column('progress', sa.String(length=8), nullable=False),
    sa.Column('type_id', sa.String(length=36), nullable=False),
    sa.Column('meta', sa.JSON(), nullable=False),
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('project_id', sa.String(length=64), nullable=False),
    sa.Column('user_id', sa.String(length=64), nullable=False),
    sa.Column('name', sa.String(length=255), nullable=True),
    sa.Column('description', sa.String(length=255), nullable=True),
    sa.Column('created_at', pileus_kit.db.Utc(timezone=True), nullable=False),
    sa.Column('updated_at', pileus_kit.db.Utc(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['volume_id'], ['volumes.id'], ),
    sa.PrimaryKeyConstraint('id')
    )
    op.create_index('snapshots_in_order', 'snapshots', ['created_at', 'id'], unique=False)
    op.create_index('snapshots_of_project', 'snapshots', ['project_id', 'created_at', 'id'], unique=False)
    op.create_index('snapshots_of_volume', 'snapshots', ['volume_id'], unique=False)
    op.create_table('transfers',
    sa.Column('id', sa.String(length=36), nullable=False),
    sa.Column('volume_id', sa.String(length=36), nullable=False),
    sa.Column('name', sa.String(length=255), nullable=True),
    sa.Column('key_hash', sa.String(length=64), nullable=False),
    sa.Column('no_snapshots', sa.Boolean(), nullable=False),
    sa.Column('source_project_id', sa.String(length=64), nullable=False),
    sa.Column('created_at', pileus_kit.db.Utc(timezone=True), nullable=False),
    sa.ForeignKeyConstraint(['volume_id'], ['volumes.id'], ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('volume_id')
    )
    op.create_index('transfers_of_project', 'transfers', ['source_project_id', 'created_at'], unique=False)
    kinds = sa.table("volume_types", sa.column("id"), sa.column("name"), sa.column("description"),
                     sa.column("is_public"), sa.column("extra_specs", sa.JSON()),
                     sa.column("created_at", pileus_kit.db.Utc()))
    op.bulk_insert(kinds, [{"id": pileus_kit.db.new_id(), "name": "__DEFAULT__", "description": "Default Volume Type",
                            "is_public": True, "extra_specs": {}, "created_at": pileus_kit.db.now()}])
