"""Who may do what: OpenStack Networking's rule names and defaults.

A rule for an attribute (`create_port:fixed_ips`) is asked when a request sets it to something else than its default; an
attribute whose `get_…` rule denies is left out of what the caller sees. Targets: the row's `project_id`, its network's
as `network:project_id`, and whether that is shared as `network:shared`.
"""

from collections.abc import Iterator

from pileus_kit import operations
from pileus_kit.policy import (
    ADMIN,
    ADMIN_OR_SERVICE,
    ANYONE,
    PROJECT_MEMBER_OR_ADMIN,
    PROJECT_READER_OR_ADMIN,
    SERVICE,
    Rule,
)

NET_OWNER_MEMBER = "(role:member and project_id:%(network:project_id)s)"
NET_OWNER_READER = "(role:reader and project_id:%(network:project_id)s)"
SHARED = "True:%(network:shared)s"
SHARED_READER = f"(role:reader and {SHARED})"
EXTERNAL_READER = "(role:reader and True:%(network:external)s)"
NOT_A_NETWORK_DEVICE = "False:%(port:network_device)s"

MEMBER = PROJECT_MEMBER_OR_ADMIN
READER = PROJECT_READER_OR_ADMIN
MEMBER_OR_SERVICE = f"{MEMBER} or {SERVICE}"
NET_OWNER_OR_SERVICE = f"{ADMIN_OR_SERVICE} or {NET_OWNER_MEMBER}"

NETWORKS = {
    "create_network": MEMBER_OR_SERVICE,
    "get_network": f"{READER} or {SHARED_READER} or {EXTERNAL_READER} or {SERVICE}",
    "update_network": MEMBER,
    "delete_network": MEMBER_OR_SERVICE,
    "create_network:shared": ADMIN,
    "create_network:router:external": ADMIN,
    "create_network:is_default": ADMIN,
    "create_network:port_security_enabled": MEMBER,
    "create_network:mtu": ANYONE,
    "create_network:provider:network_type": ADMIN,
    "create_network:provider:physical_network": ADMIN,
    "create_network:provider:segmentation_id": ADMIN,
    "get_network:provider:network_type": ADMIN_OR_SERVICE,
    "get_network:provider:physical_network": ADMIN_OR_SERVICE,
    "get_network:provider:segmentation_id": ADMIN_OR_SERVICE,
    "update_network:shared": ADMIN,
    "update_network:router:external": ADMIN,
    "update_network:is_default": ADMIN,
    "update_network:port_security_enabled": MEMBER,
    "update_network:mtu": ANYONE,
    "update_network:provider:network_type": ADMIN,
    "update_network:provider:physical_network": ADMIN,
    "update_network:provider:segmentation_id": ADMIN,
}

SUBNETS = {
    "create_subnet": f"{MEMBER_OR_SERVICE} or {NET_OWNER_MEMBER}",
    "get_subnet": f"{READER} or {SHARED_READER} or {NET_OWNER_READER} or {SERVICE}",
    "update_subnet": f"{MEMBER} or {NET_OWNER_MEMBER}",
    "delete_subnet": f"{MEMBER_OR_SERVICE} or {NET_OWNER_MEMBER}",
    "create_subnet:service_types": ADMIN,
    "update_subnet:service_types": ADMIN,
}

SUBNET_POOLS = {
    "create_subnetpool": MEMBER,
    "create_subnetpool:shared": ADMIN,
    "create_subnetpool:is_default": ADMIN,
    "get_subnetpool": f"{READER} or role:reader and True:%(shared)s",
    "update_subnetpool": MEMBER,
    "update_subnetpool:is_default": ADMIN,
    "delete_subnetpool": MEMBER,
    "create_address_scope": MEMBER,
    "create_address_scope:shared": ADMIN,
    "get_address_scope": f"{READER} or role:reader and True:%(shared)s",
    "update_address_scope": MEMBER,
    "update_address_scope:shared": ADMIN,
    "delete_address_scope": MEMBER,
}

PORTS = {
    "create_port": MEMBER_OR_SERVICE,
    "create_port:device_id": ANYONE,
    "create_port:device_owner": f"{NOT_A_NETWORK_DEVICE} or {NET_OWNER_OR_SERVICE}",
    "create_port:mac_address": NET_OWNER_OR_SERVICE,
    "create_port:fixed_ips": f"{NET_OWNER_OR_SERVICE} or {SHARED}",
    "create_port:fixed_ips:ip_address": NET_OWNER_OR_SERVICE,
    "create_port:fixed_ips:subnet_id": f"{NET_OWNER_OR_SERVICE} or {SHARED}",
    "create_port:port_security_enabled": NET_OWNER_OR_SERVICE,
    "create_port:binding:host_id": ADMIN_OR_SERVICE,
    "create_port:binding:profile": ADMIN_OR_SERVICE,
    "create_port:binding:vnic_type": MEMBER_OR_SERVICE,
    "create_port:allowed_address_pairs": f"{ADMIN} or {NET_OWNER_MEMBER}",
    "create_port:allowed_address_pairs:mac_address": f"{ADMIN} or {NET_OWNER_MEMBER}",
    "create_port:allowed_address_pairs:ip_address": f"{ADMIN} or {NET_OWNER_MEMBER}",
    "get_port": f"{READER} or {SERVICE} or {NET_OWNER_READER}",
    "get_port:binding:vif_type": ADMIN_OR_SERVICE,
    "get_port:binding:vif_details": ADMIN_OR_SERVICE,
    "get_port:binding:host_id": ADMIN_OR_SERVICE,
    "get_port:binding:profile": ADMIN_OR_SERVICE,
    "update_port": MEMBER_OR_SERVICE,
    "update_port:device_id": MEMBER_OR_SERVICE,
    "update_port:device_owner": f"{NOT_A_NETWORK_DEVICE} or {NET_OWNER_OR_SERVICE}",
    "update_port:mac_address": ADMIN_OR_SERVICE,
    "update_port:fixed_ips": NET_OWNER_OR_SERVICE,
    "update_port:fixed_ips:ip_address": NET_OWNER_OR_SERVICE,
    "update_port:fixed_ips:subnet_id": f"{NET_OWNER_OR_SERVICE} or {SHARED}",
    "update_port:port_security_enabled": NET_OWNER_OR_SERVICE,
    "update_port:binding:host_id": ADMIN_OR_SERVICE,
    "update_port:binding:profile": ADMIN_OR_SERVICE,
    "update_port:binding:vnic_type": MEMBER_OR_SERVICE,
    "update_port:allowed_address_pairs": f"{ADMIN} or {NET_OWNER_MEMBER}",
    "update_port:allowed_address_pairs:mac_address": f"{ADMIN} or {NET_OWNER_MEMBER}",
    "update_port:allowed_address_pairs:ip_address": f"{ADMIN} or {NET_OWNER_MEMBER}",
    "delete_port": f"{MEMBER_OR_SERVICE} or {NET_OWNER_MEMBER}",
}

ROUTERS = {
    "create_router": MEMBER,
    "create_router:external_gateway_info": MEMBER,
    "create_router:external_gateway_info:network_id": MEMBER,
    "create_router:external_gateway_info:enable_snat": ADMIN,
    "create_router:external_gateway_info:external_fixed_ips": ADMIN,
    "get_router": READER,
    "update_router": MEMBER,
    "update_router:external_gateway_info": MEMBER,
    "update_router:external_gateway_info:network_id": MEMBER,
    "update_router:external_gateway_info:enable_snat": ADMIN,
    "update_router:external_gateway_info:external_fixed_ips": ADMIN,
    "delete_router": MEMBER,
    "add_router_interface": MEMBER,
    "remove_router_interface": MEMBER,
    "add_extraroutes": MEMBER,
    "remove_extraroutes": MEMBER,
    "create_floatingip": MEMBER,
    "create_floatingip:floating_ip_address": ADMIN,
    "get_floatingip": READER,
    "update_floatingip": MEMBER,
    "delete_floatingip": MEMBER,
}

SECURITY_GROUPS = {
    "create_security_group": MEMBER,
    "get_security_group": READER,
    "update_security_group": MEMBER,
    "delete_security_group": MEMBER,
    "create_security_group_rule": MEMBER,
    "get_security_group_rule": f"{READER} or (role:reader and project_id:%(group:project_id)s)",
    "delete_security_group_rule": MEMBER,
}

OTHERS = {
    "create_rbac_policy": MEMBER,
    "create_rbac_policy:target_tenant": f"{ADMIN} or not '*':%(rbac:target)s",
    "get_rbac_policy": READER,
    "update_rbac_policy": MEMBER,
    "update_rbac_policy:target_tenant": f"{ADMIN} or not '*':%(rbac:target)s",
    "delete_rbac_policy": MEMBER,
    "get_quota": READER,
    "update_quota": ADMIN,
    "delete_quota": ADMIN,
    "get_agent": ADMIN,
    "get_agents": ANYONE,
    "update_agent": ADMIN,
    "delete_agent": ADMIN,
    "get_dhcp-networks": ADMIN,
    "create_dhcp-network": ADMIN,
    "delete_dhcp-network": ADMIN,
    "get_dhcp-agents": ADMIN,
    "get_l3-routers": ADMIN,
    "create_l3-router": ADMIN,
    "delete_l3-router": ADMIN,
    "get_l3-agents": ADMIN,
    "get_availability_zone": "role:reader",
    "get_service_provider": "role:reader",
    "get_network_ip_availability": ADMIN,
    "get_extension": ANYONE,
    "get_auto_allocated_topology": READER,
    "delete_auto_allocated_topology": MEMBER,
}


def _tags() -> Iterator[tuple[str, str]]:
    """Each tagged noun has its own rules for its tags."""
    for noun in ("networks", "subnets", "ports", "subnetpools", "routers", "floatingips", "security_groups"):
        yield f"get_{noun}_tags", READER
        for action in ("create", "update", "delete"):
            yield f"{action}_{noun}_tags", MEMBER


RULES = [
    *operations.RULES,
    *(
        Rule(name, check)
        for table in (NETWORKS, SUBNETS, SUBNET_POOLS, PORTS, ROUTERS, SECURITY_GROUPS, OTHERS, dict(_tags()))
        for name, check in table.items()
    ),
]
