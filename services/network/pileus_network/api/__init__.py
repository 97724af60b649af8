"""The routes of Networking v2.0."""

from pileus_kit import operations
from pileus_kit.web import Resource
from pileus_network.api import (
    address_scopes,
    agents,
    auto_allocated_topologies,
    availability_zones,
    dhcp_agent_schedulers,
    extensions,
    floatingips,
    l3_agent_schedulers,
    network_ip_availabilities,
    networks,
    ports,
    quotas,
    rbac_policies,
    routers,
    security_group_rules,
    security_groups,
    service_providers,
    subnetpools,
    subnets,
    tags,
    versions,
)
from pileus_network.db.models import Event, Job

RESOURCES: tuple[Resource, ...] = (
    versions.resource,
    extensions.resource,
    networks.resource,
    subnets.resource,
    ports.resource,
    routers.resource,
    floatingips.resource,
    security_groups.resource,
    security_group_rules.resource,
    subnetpools.resource,
    address_scopes.resource,
    rbac_policies.resource,
    quotas.resource,
    agents.resource,
    dhcp_agent_schedulers.resource,
    l3_agent_schedulers.resource,
    availability_zones.resource,
    service_providers.resource,
    network_ip_availabilities.resource,
    auto_allocated_topologies.resource,
    *tags.RESOURCES,
    operations.resource(Job, Event),
)
