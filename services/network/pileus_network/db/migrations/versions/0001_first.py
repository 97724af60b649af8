"""All tables of the first version."""

import sqlalchemy as sa
from alembic import op

from pileus_kit.db import Utc
from pileus_network.db.columns import Tags

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table('address_scopes',
        sa.Column('name', sa.String(length=255), nullable=False),
        sa.Column('ip_version', sa.Integer(), nullable=False),
        sa.Column('shared', sa.Boolean(), nullable=False),
        sa.Column('id', sa.String(length=36), nullable=False),
        sa.Column('project_id', sa.String(length=255), nullable=False),
        sa.Column('description', sa.String(length=255), nullable=False),
        sa.Column('revision_number', sa.Integer(), nullable=False),
        sa.Column('created_at', Utc(), nullable=False),
        sa.Column('updated_at', Utc(), nullable=False),
        sa.PrimaryKeyConstraint('id')
        )
    op.create_index('address_scopes_of_project', 'address_scopes', ['project_id', 'id'], unique=False)
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
    op.create_table('hosts',
        sa.Column('name', sa.String(length=255), nullable=False),
        sa.Column('id', sa.String(length=36), nullable=False),
        sa.Column('generation', sa.Integer(), nullable=False),
        sa.Column('applied', sa.Integer(), nullable=False),
        sa.Column('admin_state_up', sa.Boolean(), nullable=False),
        sa.Column('description', sa.String(length=255), nullable=False),
        sa.Column('agent_version', sa.String(length=64), nullable=False),
        sa.Column('driver', sa.String(length=64), nullable=False),
        sa.Column('tunnel_address', sa.String(length=64), nullable=False),
        sa.Column('physical_networks', sa.JSON(), nullable=False),
        sa.Column('failures', sa.JSON(), nullable=False),
        sa.Column('created_at', Utc(), nullable=False),
        sa.Column('started_at', Utc(), nullable=False),
        sa.Column('seen_at', Utc(), nullable=False),
        sa.PrimaryKeyConstraint('name'),
        sa.UniqueConstraint('id')
        )
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
    op.create_table('networks',
        sa.Column('name', sa.String(length=255), nullable=False),
        sa.Column('admin_state_up', sa.Boolean(), nullable=False),
        sa.Column('external', sa.Boolean(), nullable=False),
        sa.Column('is_default', sa.Boolean(), nullable=False),
        sa.Column('port_security_enabled', sa.Boolean(), nullable=False),
        sa.Column('mtu', sa.Integer(), nullable=False),
        sa.Column('network_type', sa.String(length=16), nullable=False),
        sa.Column('physical_network', sa.String(length=64), nullable=False),
        sa.Column('segmentation_id', sa.Integer(), nullable=False),
        sa.Column('tags', Tags(), nullable=False),
        sa.Column('id', sa.String(length=36), nullable=False),
        sa.Column('project_id', sa.String(length=255), nullable=False),
        sa.Column('description', sa.String(length=255), nullable=False),
        sa.Column('revision_number', sa.Integer(), nullable=False),
        sa.Column('created_at', Utc(), nullable=False),
        sa.Column('updated_at', Utc(), nullable=False),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('network_type', 'physical_network', 'segmentation_id', name='one_network_a_segment')
        )
    op.create_index(op.f('ix_networks_external'), 'networks', ['external'], unique=False)
    op.create_index('networks_of_project', 'networks', ['project_id', 'id'], unique=False)
    op.create_table('security_groups',
        sa.Column('name', sa.String(length=255), nullable=False),
        sa.Column('stateful', sa.Boolean(), nullable=False),
        sa.Column('tags', Tags(), nullable=False),
        sa.Column('id', sa.String(length=36), nullable=False),
        sa.Column('project_id', sa.String(length=255), nullable=False),
        sa.Column('description', sa.String(length=255), nullable=False),
        sa.Column('revision_number', sa.Integer(), nullable=False),
        sa.Column('created_at', Utc(), nullable=False),
        sa.Column('updated_at', Utc(), nullable=False),
        sa.PrimaryKeyConstraint('id')
        )
    op.create_index('security_groups_of_project', 'security_groups', ['project_id', 'id'], unique=False)
    op.create_table('ports',
        sa.Column('network_id', sa.String(length=36), nullable=False),
        sa.Column('name', sa.String(length=255), nullable=False),
        sa.Column('mac_address', sa.String(length=32), nullable=False),
        sa.Column('admin_state_up', sa.Boolean(), nullable=False),
        sa.Column('status', sa.String(length=16), nullable=False),
        sa.Column('device_id', sa.String(length=255), nullable=False),
        sa.Column('device_owner', sa.String(length=255), nullable=False),
        sa.Column('host', sa.String(length=255), nullable=False),
        sa.Column('vif_type', sa.String(length=64), nullable=False),
        sa.Column('vnic_type', sa.String(length=64), nullable=False),
        sa.Column('profile', sa.JSON(), nullable=False),
        sa.Column('port_security_enabled', sa.Boolean(), nullable=False),
        sa.Column('allowed_address_pairs', sa.JSON(), nullable=False),
        sa.Column('extra_dhcp_opts', sa.JSON(), nullable=False),
        sa.Column('tags', Tags(), nullable=False),
        sa.Column('id', sa.String(length=36), nullable=False),
        sa.Column('project_id', sa.String(length=255), nullable=False),
        sa.Column('description', sa.String(length=255), nullable=False),
        sa.Column('revision_number', sa.Integer(), nullable=False),
        sa.Column('created_at', Utc(), nullable=False),
        sa.Column('updated_at', Utc(), nullable=False),
        sa.ForeignKeyConstraint(['network_id'], ['networks.id'], ),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('network_id', 'mac_address', name='one_port_a_mac')
        )
    op.create_index('ports_of_device', 'ports', ['device_id', 'device_owner'], unique=False)
    op.create_index('ports_of_host', 'ports', ['host', 'network_id'], unique=False)
    op.create_index('ports_of_network', 'ports', ['network_id', 'device_owner'], unique=False)
    op.create_index('ports_of_project', 'ports', ['project_id', 'id'], unique=False)
    op.create_table('projects',
        sa.Column('id', sa.String(length=255), nullable=False),
        sa.Column('quotas', sa.JSON(), nullable=False),
        sa.Column('default_group_id', sa.String(length=36), nullable=True),
        sa.ForeignKeyConstraint(['default_group_id'], ['security_groups.id'], ondelete='SET NULL'),
        sa.PrimaryKeyConstraint('id')
        )
    op.create_table('security_rules',
        sa.Column('group_id', sa.String(length=36), nullable=False),
        sa.Column('direction', sa.String(length=8), nullable=False),
        sa.Column('ethertype', sa.String(length=8), nullable=False),
        sa.Column('protocol', sa.String(length=16), nullable=True),
        sa.Column('port_range_min', sa.Integer(), nullable=True),
        sa.Column('port_range_max', sa.Integer(), nullable=True),
        sa.Column('remote_ip_prefix', sa.String(length=64), nullable=True),
        sa.Column('remote_group_id', sa.String(length=36), nullable=True),
        sa.Column('id', sa.String(length=36), nullable=False),
        sa.Column('project_id', sa.String(length=255), nullable=False),
        sa.Column('description', sa.String(length=255), nullable=False),
        sa.Column('revision_number', sa.Integer(), nullable=False),
        sa.Column('created_at', Utc(), nullable=False),
        sa.Column('updated_at', Utc(), nullable=False),
        sa.ForeignKeyConstraint(['group_id'], ['security_groups.id'], ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['remote_group_id'], ['security_groups.id'], ),
        sa.PrimaryKeyConstraint('id')
        )
    op.create_index(op.f('ix_security_rules_group_id'), 'security_rules', ['group_id'], unique=False)
    op.create_index(op.f('ix_security_rules_remote_group_id'), 'security_rules', ['remote_group_id'], unique=False)
    op.create_index('security_rules_of_project', 'security_rules', ['project_id', 'id'], unique=False)
    op.create_table('shares',
        sa.Column('id', sa.String(length=36), nullable=False),
        sa.Column('project_id', sa.String(length=255), nullable=False),
        sa.Column('network_id', sa.String(length=36), nullable=False),
        sa.Column('action', sa.String(length=32), nullable=False),
        sa.Column('target_project', sa.String(length=255), nullable=False),
        sa.ForeignKeyConstraint(['network_id'], ['networks.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('network_id', 'action', 'target_project')
        )
    op.create_index(op.f('ix_shares_project_id'), 'shares', ['project_id'], unique=False)
    op.create_index('shares_with_project', 'shares', ['target_project', 'action', 'network_id'], unique=False)
    op.create_table('subnet_pools',
        sa.Column('name', sa.String(length=255), nullable=False),
        sa.Column('ip_version', sa.Integer(), nullable=False),
        sa.Column('prefixes', sa.JSON(), nullable=False),
        sa.Column('min_prefixlen', sa.Integer(), nullable=False),
        sa.Column('max_prefixlen', sa.Integer(), nullable=False),
        sa.Column('default_prefixlen', sa.Integer(), nullable=False),
        sa.Column('default_quota', sa.Integer(), nullable=True),
        sa.Column('address_scope_id', sa.String(length=36), nullable=True),
        sa.Column('shared', sa.Boolean(), nullable=False),
        sa.Column('is_default', sa.Boolean(), nullable=False),
        sa.Column('tags', Tags(), nullable=False),
        sa.Column('id', sa.String(length=36), nullable=False),
        sa.Column('project_id', sa.String(length=255), nullable=False),
        sa.Column('description', sa.String(length=255), nullable=False),
        sa.Column('revision_number', sa.Integer(), nullable=False),
        sa.Column('created_at', Utc(), nullable=False),
        sa.Column('updated_at', Utc(), nullable=False),
        sa.ForeignKeyConstraint(['address_scope_id'], ['address_scopes.id'], ),
        sa.PrimaryKeyConstraint('id')
        )
    op.create_index(op.f('ix_subnet_pools_address_scope_id'), 'subnet_pools', ['address_scope_id'], unique=False)
    op.create_index('subnet_pools_of_project', 'subnet_pools', ['project_id', 'id'], unique=False)
    op.create_table('port_groups',
        sa.Column('port_id', sa.String(length=36), nullable=False),
        sa.Column('group_id', sa.String(length=36), nullable=False),
        sa.ForeignKeyConstraint(['group_id'], ['security_groups.id'], ),
        sa.ForeignKeyConstraint(['port_id'], ['ports.id'], ondelete='CASCADE'),
        sa.PrimaryKeyConstraint('port_id', 'group_id')
        )
    op.create_index(op.f('ix_port_groups_group_id'), 'port_groups', ['group_id'], unique=False)
    op.create_table('routers',
        sa.Column('name', sa.String(length=255), nullable=False),
        sa.Column('admin_state_up', sa.Boolean(), nullable=False),
        sa.Column('status', sa.String(length=16), nullable=False),
        sa.Column('host', sa.String(length=255), nullable=False),
        sa.Column('gateway_port_id', sa.String(length=36), nullable=True),
        sa.Column('enable_snat', sa.Boolean(), nullable=False),
        sa.Column('routes', sa.JSON(), nullable=False),
        sa.Column('tags', Tags(), nullable=False),
        sa.Column('id', sa.String(length=36), nullable=False),
        sa.Column('project_id', sa.String(length=255), nullable=False),
        sa.Column('description', sa.String(length=255), nullable=False),
        sa.Column('revision_number', sa.Integer(), nullable=False),
        sa.Column('created_at', Utc(), nullable=False),
        sa.Column('updated_at', Utc(), nullable=False),
        sa.ForeignKeyConstraint(['gateway_port_id'], ['ports.id'], ),
        sa.PrimaryKeyConstraint('id')
        )
    op.create_index(op.f('ix_routers_gateway_port_id'), 'routers', ['gateway_port_id'], unique=False)
    op.create_index(op.f('ix_routers_host'), 'routers', ['host'], unique=False)
    op.create_index('routers_of_project', 'routers', ['project_id', 'id'], unique=False)
    op.create_table('subnets',
        sa.Column('network_id', sa.String(length=36), nullable=False),
        sa.Column('name', sa.String(length=255), nullable=False),
        sa.Column('ip_version', sa.Integer(), nullable=False),
        sa.Column('cidr', sa.String(length=64), nullable=False),
        sa.Column('gateway_ip', sa.String(length=64), nullable=True),
        sa.Column('enable_dhcp', sa.Boolean(), nullable=False),
        sa.Column('ipv6_address_mode', sa.String(length=32), nullable=True),
        sa.Column('ipv6_ra_mode', sa.String(length=32), nullable=True),
        sa.Column('subnetpool_id', sa.String(length=36), nullable=True),
        sa.Column('allocation_pools', sa.JSON(), nullable=False),
        sa.Column('dns_nameservers', sa.JSON(), nullable=False),
        sa.Column('host_routes', sa.JSON(), nullable=False),
        sa.Column('service_types', sa.JSON(), nullable=False),
        sa.Column('tags', Tags(), nullable=False),
        sa.Column('id', sa.String(length=36), nullable=False),
        sa.Column('project_id', sa.String(length=255), nullable=False),
        sa.Column('description', sa.String(length=255), nullable=False),
        sa.Column('revision_number', sa.Integer(), nullable=False),
        sa.Column('created_at', Utc(), nullable=False),
        sa.Column('updated_at', Utc(), nullable=False),
        sa.ForeignKeyConstraint(['network_id'], ['networks.id'], ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['subnetpool_id'], ['subnet_pools.id'], ),
        sa.PrimaryKeyConstraint('id')
        )
    op.create_index(op.f('ix_subnets_network_id'), 'subnets', ['network_id'], unique=False)
    op.create_index(op.f('ix_subnets_subnetpool_id'), 'subnets', ['subnetpool_id'], unique=False)
    op.create_index('subnets_of_project', 'subnets', ['project_id', 'id'], unique=False)
    op.create_table('fixed_ips',
        sa.Column('subnet_id', sa.String(length=36), nullable=False),
        sa.Column('address', sa.String(length=64), nullable=False),
        sa.Column('port_id', sa.String(length=36), nullable=False),
        sa.Column('position', sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(['port_id'], ['ports.id'], ondelete='CASCADE'),
        sa.ForeignKeyConstraint(['subnet_id'], ['subnets.id'], ),
        sa.PrimaryKeyConstraint('subnet_id', 'address')
        )
    op.create_index(op.f('ix_fixed_ips_port_id'), 'fixed_ips', ['port_id'], unique=False)
    op.create_table('floating_ips',
        sa.Column('floating_network_id', sa.String(length=36), nullable=False),
        sa.Column('floating_ip_address', sa.String(length=64), nullable=False),
        sa.Column('floating_port_id', sa.String(length=36), nullable=False),
        sa.Column('port_id', sa.String(length=36), nullable=True),
        sa.Column('fixed_ip_address', sa.String(length=64), nullable=True),
        sa.Column('router_id', sa.String(length=36), nullable=True),
        sa.Column('status', sa.String(length=16), nullable=False),
        sa.Column('tags', Tags(), nullable=False),
        sa.Column('id', sa.String(length=36), nullable=False),
        sa.Column('project_id', sa.String(length=255), nullable=False),
        sa.Column('description', sa.String(length=255), nullable=False),
        sa.Column('revision_number', sa.Integer(), nullable=False),
        sa.Column('created_at', Utc(), nullable=False),
        sa.Column('updated_at', Utc(), nullable=False),
        sa.ForeignKeyConstraint(['floating_network_id'], ['networks.id'], ),
        sa.ForeignKeyConstraint(['floating_port_id'], ['ports.id'], ),
        sa.ForeignKeyConstraint(['port_id'], ['ports.id'], ),
        sa.ForeignKeyConstraint(['router_id'], ['routers.id'], ),
        sa.PrimaryKeyConstraint('id'),
        sa.UniqueConstraint('floating_port_id'),
        sa.UniqueConstraint('port_id', 'fixed_ip_address', 'floating_network_id', name='one_floating_ip_a_fixed_ip')
        )
    op.create_index('floating_ips_of_project', 'floating_ips', ['project_id', 'id'], unique=False)
    op.create_index(op.f('ix_floating_ips_floating_ip_address'), 'floating_ips', ['floating_ip_address'], unique=False)
    op.create_index(op.f('ix_floating_ips_floating_network_id'), 'floating_ips', ['floating_network_id'], unique=False)
    op.create_index(op.f('ix_floating_ips_router_id'), 'floating_ips', ['router_id'], unique=False)
