"""All tables of the first version."""

import sqlalchemy as sa
from alembic import op
from pileus_kit.db import Utc
from sqlalchemy import Text

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table('ledger',
        sa.Column('id', sa.Integer(), nullable=False),
        sa.Column('serial', sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint('id')
        )
    op.create_table('projects',
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('name', sa.String(length=255), nullable=False),
        sa.Column('is_domain', sa.Boolean(), nullable=False),
        sa.Column('domain_id', sa.String(length=64), nullable=True),
        sa.Column('parent_id', sa.String(length=64), nullable=True),
        sa.Column('description', sa.Text(), nullable=False),
        sa.Column('enabled', sa.Boolean(), nullable=False),
        sa.Column('options', sa.JSON(), nullable=False),
        sa.Column('extra', sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(['domain_id'], ['projects.id'], ),
        sa.ForeignKeyConstraint(['parent_id'], ['projects.id'], ),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('domain_id', 'name', name='uq_project_name')
        )
    op.create_index('ix_project_name', 'projects', ['name'], unique=False)
    op.create_index(op.f('ix_projects_parent_id'), 'projects', ['parent_id'], unique=False)
    op.create_index('uq_domain_name', 'projects', ['name'], unique=True, sqlite_where=sa.text('is_domain'), postgresql_where=sa.text('is_domain'))
    op.create_table('regions',
        sa.Column('id', sa.String(length=255), nullable=False),
        sa.Column('parent_id', sa.String(length=255), nullable=True),
        sa.Column('description', sa.Text(), nullable=False),
        sa.Column('extra', sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(['parent_id'], ['regions.id'], ),
        sa.PrimaryKeyConstraint('id')
        )
    op.create_index(op.f('ix_regions_parent_id'), 'regions', ['parent_id'], unique=False)
    op.create_table('revocations',
        sa.Column('serial', sa.Integer(), autoincrement=False, nullable=False),
        sa.Column('kills', sa.Boolean(), nullable=False),
        sa.Column('user_id', sa.String(length=64), nullable=True),
        sa.Column('project_id', sa.String(length=64), nullable=True),
        sa.Column('domain_id', sa.String(length=64), nullable=True),
        sa.Column('role_id', sa.String(length=64), nullable=True),
        sa.Column('audit_id', sa.String(length=32), nullable=True),
        sa.Column('before', Utc(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint('serial')
        )
    op.create_index(op.f('ix_revocations_before'), 'revocations', ['before'], unique=False)
    op.create_table('services',
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('type', sa.String(length=255), nullable=False),
        sa.Column('name', sa.String(length=255), nullable=False),
        sa.Column('description', sa.Text(), nullable=True),
        sa.Column('enabled', sa.Boolean(), nullable=False),
        sa.Column('extra', sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint('id')
        )
    op.create_index(op.f('ix_services_type'), 'services', ['type'], unique=False)
    op.create_table('endpoints',
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('service_id', sa.String(length=64), nullable=False),
        sa.Column('region_id', sa.String(length=255), nullable=True),
        sa.Column('interface', sa.String(length=8), nullable=False),
        sa.Column('url', sa.Text(), nullable=False),
        sa.Column('enabled', sa.Boolean(), nullable=False),
        sa.Column('extra', sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(['region_id'], ['regions.id'], ),
        sa.ForeignKeyConstraint(['service_id'], ['services.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id')
        )
    op.create_index(op.f('ix_endpoints_region_id'), 'endpoints', ['region_id'], unique=False)
    op.create_index(op.f('ix_endpoints_service_id'), 'endpoints', ['service_id'], unique=False)
    op.create_table('groups',
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('domain_id', sa.String(length=64), nullable=False),
        sa.Column('name', sa.String(length=255), nullable=False),
        sa.Column('description', sa.Text(), nullable=False),
        sa.Column('extra', sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(['domain_id'], ['projects.id'], ),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('domain_id', 'name', name='uq_group_name')
        )
    op.create_index('ix_group_name', 'groups', ['name'], unique=False)
    op.create_table('lineages',
        sa.Column('project_id', sa.String(length=64), nullable=False),
        sa.Column('ancestor_id', sa.String(length=64), nullable=False),
        sa.Column('distance', sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(['ancestor_id'], ['projects.id'], ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['project_id'], ['projects.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('project_id', 'ancestor_id')
        )
    op.create_index(op.f('ix_lineages_ancestor_id'), 'lineages', ['ancestor_id'], unique=False)
    op.create_table('project_tags',
        sa.Column('project_id', sa.String(length=64), nullable=False),
        sa.Column('name', sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(['project_id'], ['projects.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('project_id', 'name')
        )
    op.create_index(op.f('ix_project_tags_name'), 'project_tags', ['name'], unique=False)
    op.create_table('registered_limits',
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('service_id', sa.String(length=64), nullable=False),
        sa.Column('region_id', sa.String(length=255), nullable=False),
        sa.Column('resource_name', sa.String(length=255), nullable=False),
        sa.Column('default_limit', sa.Integer(), nullable=False),
        sa.Column('description', sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(['service_id'], ['services.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('service_id', 'region_id', 'resource_name', name='uq_registered_limit')
        )
    op.create_table('roles',
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('name', sa.String(length=255), nullable=False),
        sa.Column('domain_id', sa.String(length=64), nullable=True),
        sa.Column('description', sa.Text(), nullable=True),
        sa.Column('options', sa.JSON(), nullable=False),
        sa.Column('extra', sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(['domain_id'], ['projects.id'], ),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('domain_id', 'name', name='uq_role_name')
        )
    op.create_index('uq_global_role_name', 'roles', ['name'], unique=True, sqlite_where=sa.text('domain_id IS NULL'), postgresql_where=sa.text('domain_id IS NULL'))
    op.create_table('users',
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('domain_id', sa.String(length=64), nullable=False),
        sa.Column('name', sa.String(length=255), nullable=False),
        sa.Column('enabled', sa.Boolean(), nullable=False),
        sa.Column('description', sa.Text(), nullable=True),
        sa.Column('default_project_id', sa.String(length=64), nullable=True),
        sa.Column('options', sa.JSON(), nullable=False),
        sa.Column('extra', sa.JSON(), nullable=False),
        sa.Column('created_at', Utc(timezone=True), nullable=False),
        sa.Column('password_hash', sa.String(length=255), nullable=True),
        sa.Column('password_created_at', Utc(timezone=True), nullable=True),
        sa.Column('password_expires_at', Utc(timezone=True), nullable=True),
        sa.Column('password_chosen', sa.Boolean(), nullable=False),
        sa.Column('failures', sa.Integer(), nullable=False),
        sa.Column('failed_at', Utc(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(['domain_id'], ['projects.id'], ),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('domain_id', 'name', name='uq_user_name')
        )
    op.create_index('ix_user_name', 'users', ['name'], unique=False)
    op.create_index(op.f('ix_users_default_project_id'), 'users', ['default_project_id'], unique=False)
    op.create_index(op.f('ix_users_password_expires_at'), 'users', ['password_expires_at'], unique=False)
    op.create_table('access_rules',
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('user_id', sa.String(length=64), nullable=False),
        sa.Column('service', sa.String(length=64), nullable=False),
        sa.Column('method', sa.String(length=16), nullable=False),
        sa.Column('path', sa.String(length=225), nullable=False),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('user_id', 'service', 'method', 'path', name='uq_access_rule')
        )
    op.create_table('application_credentials',
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('user_id', sa.String(length=64), nullable=False),
        sa.Column('project_id', sa.String(length=64), nullable=False),
        sa.Column('name', sa.String(length=255), nullable=False),
        sa.Column('description', sa.Text(), nullable=True),
        sa.Column('secret_hash', sa.String(length=255), nullable=False),
        sa.Column('unrestricted', sa.Boolean(), nullable=False),
        sa.Column('restricted_paths', sa.Boolean(), nullable=False),
        sa.Column('expires_at', Utc(timezone=True), nullable=True),
        sa.Column('created_at', Utc(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['project_id'], ['projects.id'], ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('user_id', 'name', name='uq_application_credential_name')
        )
    op.create_index(op.f('ix_application_credentials_project_id'), 'application_credentials', ['project_id'], unique=False)
    op.create_table('assignments',
        sa.Column('actor_id', sa.String(length=64), nullable=False),
        sa.Column('target_id', sa.String(length=64), nullable=False),
        sa.Column('role_id', sa.String(length=64), nullable=False),
        sa.Column('inherited', sa.Boolean(), nullable=False),
        sa.Column('target', sa.String(length=8), nullable=False),
        sa.Column('actor', sa.String(length=8), nullable=False),
        sa.ForeignKeyConstraint(['role_id'], ['roles.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('actor_id', 'target_id', 'role_id', 'inherited', 'target')
        )
    op.create_index('ix_assignment_target', 'assignments', ['target_id', 'target'], unique=False)
    op.create_index(op.f('ix_assignments_role_id'), 'assignments', ['role_id'], unique=False)
    op.create_table('credentials',
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('user_id', sa.String(length=64), nullable=False),
        sa.Column('project_id', sa.String(length=64), nullable=True),
        sa.Column('type', sa.String(length=255), nullable=False),
        sa.Column('blob', sa.Text(), nullable=False),
        sa.Column('extra', sa.JSON(), nullable=False),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id')
        )
    op.create_index(op.f('ix_credentials_project_id'), 'credentials', ['project_id'], unique=False)
    op.create_index(op.f('ix_credentials_type'), 'credentials', ['type'], unique=False)
    op.create_index(op.f('ix_credentials_user_id'), 'credentials', ['user_id'], unique=False)
    op.create_table('implied_roles',
        sa.Column('prior_id', sa.String(length=64), nullable=False),
        sa.Column('implied_id', sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(['implied_id'], ['roles.id'], ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['prior_id'], ['roles.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('prior_id', 'implied_id')
        )
    op.create_index(op.f('ix_implied_roles_implied_id'), 'implied_roles', ['implied_id'], unique=False)
    op.create_table('limits',
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('registered_limit_id', sa.String(length=64), nullable=False),
        sa.Column('owner_id', sa.String(length=64), nullable=False),
        sa.Column('resource_limit', sa.Integer(), nullable=False),
        sa.Column('description', sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(['owner_id'], ['projects.id'], ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['registered_limit_id'], ['registered_limits.id'], ),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('registered_limit_id', 'owner_id', name='uq_limit')
        )
    op.create_index(op.f('ix_limits_owner_id'), 'limits', ['owner_id'], unique=False)
    op.create_table('memberships',
        sa.Column('user_id', sa.String(length=64), nullable=False),
        sa.Column('group_id', sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(['group_id'], ['groups.id'], ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('user_id', 'group_id')
        )
    op.create_index(op.f('ix_memberships_group_id'), 'memberships', ['group_id'], unique=False)
    op.create_table('old_passwords',
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('user_id', sa.String(length=64), nullable=False),
        sa.Column('hash', sa.String(length=255), nullable=False),
        sa.Column('created_at', Utc(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['user_id'], ['users.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id')
        )
    op.create_index(op.f('ix_old_passwords_user_id'), 'old_passwords', ['user_id'], unique=False)
    op.create_table('trusts',
        sa.Column('id', sa.String(length=64), nullable=False),
        sa.Column('trustor_id', sa.String(length=64), nullable=False),
        sa.Column('trustee_id', sa.String(length=64), nullable=False),
        sa.Column('project_id', sa.String(length=64), nullable=True),
        sa.Column('impersonation', sa.Boolean(), nullable=False),
        sa.Column('expires_at', Utc(timezone=True), nullable=True),
        sa.Column('deleted_at', Utc(timezone=True), nullable=True),
        sa.Column('remaining_uses', sa.Integer(), nullable=True),
        sa.Column('redelegation_count', sa.Integer(), nullable=False),
        sa.Column('redelegated_trust_id', sa.String(length=64), nullable=True),
        sa.Column('created_at', Utc(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(['project_id'], ['projects.id'], ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['trustee_id'], ['users.id'], ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['trustor_id'], ['users.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id')
        )
    op.create_index(op.f('ix_trusts_project_id'), 'trusts', ['project_id'], unique=False)
    op.create_index(op.f('ix_trusts_redelegated_trust_id'), 'trusts', ['redelegated_trust_id'], unique=False)
    op.create_index(op.f('ix_trusts_trustee_id'), 'trusts', ['trustee_id'], unique=False)
    op.create_index(op.f('ix_trusts_trustor_id'), 'trusts', ['trustor_id'], unique=False)
    op.create_table('application_credential_access',
        sa.Column('application_credential_id', sa.String(length=64), nullable=False),
        sa.Column('access_rule_id', sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(['access_rule_id'], ['access_rules.id'], ),
        sa.ForeignKeyConstraint(['application_credential_id'], ['application_credentials.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('application_credential_id', 'access_rule_id')
        )
    op.create_index(op.f('ix_application_credential_access_access_rule_id'), 'application_credential_access', ['access_rule_id'], unique=False)
    op.create_table('application_credential_roles',
        sa.Column('application_credential_id', sa.String(length=64), nullable=False),
        sa.Column('role_id', sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(['application_credential_id'], ['application_credentials.id'], ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['role_id'], ['roles.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('application_credential_id', 'role_id')
        )
    op.create_index(op.f('ix_application_credential_roles_role_id'), 'application_credential_roles', ['role_id'], unique=False)
    op.create_table('trust_roles',
        sa.Column('trust_id', sa.String(length=64), nullable=False),
        sa.Column('role_id', sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(['role_id'], ['roles.id'], ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['trust_id'], ['trusts.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('trust_id', 'role_id')
        )
    op.create_index(op.f('ix_trust_roles_role_id'), 'trust_roles', ['role_id'], unique=False)
