"""The calls that compute answers, a module for each noun."""

from pileus_compute.api import (
    discovery,
    flavor_access,
    flavor_extra_specs,
    flavors,
    keypairs,
    power_actions,
    server_actions,
    servers,
)

ACTION_MODULES = (power_actions,)  # imported for what they declare
RESOURCES = (discovery.resource, flavors.resource, flavor_access.resource, flavor_extra_specs.resource,
             keypairs.resource, servers.resource, server_actions.resource)
