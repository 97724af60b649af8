"""The calls that compute answers, a module for each noun."""

from pileus_compute.api import (
    aggregates,
    assisted_snapshots,
    consoles,
    discovery,
    disk_actions,
    extensions,
    external_events,
    flavor_access,
    flavor_extra_specs,
    flavors,
    hypervisors,
    instance_actions,
    interfaces,
    keypairs,
    legacy_hosts,
    legacy_images,
    legacy_networks,
    legacy_security_groups,
    legacy_volumes,
    metadata_service,
    migrations,
    power_actions,
    quotas,
    server_actions,
    server_groups,
    server_images,
    server_ips,
    server_metadata,
    server_passwords,
    server_security_groups,
    server_tags,
    server_topology,
    servers,
    services,
    size_actions,
    usage,
    usage_audit,
    volume_attachments,
    zones,
)
from pileus_compute.db.models import Event, Job
from pileus_kit import operations

# imported for the actions that they declare
ACTION_MODULES = (power_actions, disk_actions, server_images, size_actions, migrations, consoles,
                  server_security_groups, legacy_networks, external_events)
RESOURCES = (
    discovery.resource, extensions.resource, flavors.resource, flavor_access.resource, flavor_extra_specs.resource,
    keypairs.resource, servers.resource, server_actions.resource, server_metadata.resource, server_tags.resource,
    server_ips.resource, server_topology.resource,
    server_security_groups.resource, server_passwords.resource, volume_attachments.resource, interfaces.resource,
    instance_actions.resource, consoles.resource, server_groups.resource, quotas.resource, usage.resource,
    zones.resource, hypervisors.resource, services.resource, aggregates.resource, external_events.resource,
    assisted_snapshots.resource, migrations.resource, metadata_service.resource,
    legacy_images.resource, legacy_security_groups.resource, legacy_networks.resource, legacy_volumes.resource,
    legacy_hosts.resource, usage_audit.resource, operations.resource(Job, Event))
