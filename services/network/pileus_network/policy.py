"""The policy: OpenStack Networking's rule names, scopes and defaults.

A rule for an attribute (`create_port:fixed_ips`) is checked if a request sets it to a value other than the default; an
attribute whose `get_…` rule denies is left out of what the caller sees. Targets: the row's `project_id`, its network's
as `network:project_id` and its security group's as `security_group:project_id`, whether it or its network is shared
(`shared`, `network:shared`) or external (`network:external`), and the part of a port's `device_owner`
before the colon. The rules are compared with the published ones in tests/unit/test_published_policies.py.
"""

from pileus_kit import host_inspections, operations
from pileus_kit.policy import (
    ADMIN,
    ADMIN_OR_SERVICE,
    ANYONE,
    PROJECT_MANAGER_OR_ADMIN,
    PROJECT_MEMBER,
    PROJECT_MEMBER_OR_ADMIN,
    PROJECT_READER,
    PROJECT_READER_OR_ADMIN,
    READER,
    SERVICE,
    Rule,
)

NET_OWNER_MANAGER = "(role:manager and project_id:%(network:project_id)s)"
NET_OWNER_MEMBER = "(role:member and project_id:%(network:project_id)s)"
NET_OWNER_READER = "(role:reader and project_id:%(network:project_id)s)"
GROUP_OWNER_MEMBER = "(role:member and project_id:%(security_group:project_id)s)"
GROUP_OWNER_READER = "(role:reader and project_id:%(security_group:project_id)s)"
SHARED = "True:%(shared)s"
NETWORK_SHARED = "True:%(network:shared)s"
NETWORK_EXTERNAL = "True:%(network:external)s"
ADVISORY_SERVICE = "role:advsvc"

MEMBERS = PROJECT_MEMBER_OR_ADMIN
READERS = PROJECT_READER_OR_ADMIN
OWNERS_OR_SERVICE = f"{ADMIN_OR_SERVICE} or {NET_OWNER_MEMBER}"
PAIRS = f"{ADMIN} or {NET_OWNER_MEMBER} or {SERVICE}"
NO_NETWORK_DEVICE = f"not 'network':%(device_owner)s or {OWNERS_OR_SERVICE}"

NETWORKS = {
    "create_network": MEMBERS,
    "create_network:shared": ADMIN,
    "create_network:router:external": ADMIN,
    "create_network:is_default": ADMIN,
    "create_network:port_security_enabled": MEMBERS,
    "create_network:provider:network_type": ADMIN,
    "create_network:provider:physical_network": ADMIN,
    "create_network:provider:segmentation_id": ADMIN,
    "create_network:tags": MEMBERS,
    "get_network": f"{READERS} or {SERVICE} or {NETWORK_SHARED} or {NETWORK_EXTERNAL} or {ADVISORY_SERVICE}",
    "get_network:provider:network_type": ADMIN,
    "get_network:provider:physical_network": ADMIN,
    "get_network:provider:segmentation_id": ADMIN,
    "get_network:tags": f"{READERS} or {NETWORK_SHARED} or {NETWORK_EXTERNAL} or {ADVISORY_SERVICE}",
    "update_network": MEMBERS,
    "update_network:shared": ADMIN,
    "update_network:router:external": ADMIN,
    "update_network:is_default": ADMIN,
    "update_network:port_security_enabled": MEMBERS,
    "update_network:provider:network_type": ADMIN,
    "update_network:provider:physical_network": ADMIN,
    "update_network:provider:segmentation_id": ADMIN,
    "update_network:tags": MEMBERS,
    "delete_network": MEMBERS,
    "delete_network:tags": MEMBERS,
}

SUBNET_MEMBERS = f"({PROJECT_MEMBER}) or {ADMIN} or {NET_OWNER_MEMBER}"
SUBNET_READERS = f"({PROJECT_READER}) or {NETWORK_SHARED} or {NETWORK_EXTERNAL} or {ADMIN} or {NET_OWNER_READER}"
SUBNETS = {
    "create_subnet": f"{ADMIN} or {NET_OWNER_MEMBER}",
    "create_subnet:service_types": ADMIN,
    "create_subnet:tags": SUBNET_MEMBERS,
    "get_subnet": f"{SUBNET_READERS} or {SERVICE}",
    "get_subnet:tags": SUBNET_READERS,
    "update_subnet": SUBNET_MEMBERS,
    "update_subnet:service_types": ADMIN,
    "update_subnet:tags": SUBNET_MEMBERS,
    "delete_subnet": SUBNET_MEMBERS,
    "delete_subnet:tags": SUBNET_MEMBERS,
}

SUBNET_POOLS = {
    "create_subnetpool": MEMBERS,
    "create_subnetpool:shared": ADMIN,
    "create_subnetpool:is_default": ADMIN,
    "create_subnetpool:tags": MEMBERS,
    "get_subnetpool": f"{READERS} or {SHARED}",
    "get_subnetpool:tags": f"{READERS} or {SHARED}",
    "update_subnetpool": MEMBERS,
    "update_subnetpool:is_default": ADMIN,
    "update_subnetpool:tags": MEMBERS,
    "delete_subnetpool": MEMBERS,
    "delete_subnetpool:tags": MEMBERS,
    "add_prefixes": MEMBERS,
    "remove_prefixes": MEMBERS,
    "create_address_scope": MEMBERS,
    "create_address_scope:shared": ADMIN,
    "get_address_scope": f"{READERS} or {SHARED}",
    "update_address_scope": MEMBERS,
    "update_address_scope:shared": ADMIN,
    "delete_address_scope": MEMBERS,
}

PORTS = {
    "create_port": f"{OWNERS_OR_SERVICE} or {NETWORK_SHARED}",
    "create_port:device_id": f"{MEMBERS} or {SERVICE}",
    "create_port:device_owner": NO_NETWORK_DEVICE,
    "create_port:mac_address": OWNERS_OR_SERVICE,
    "create_port:fixed_ips": f"{OWNERS_OR_SERVICE} or {NETWORK_SHARED}",
    "create_port:fixed_ips:ip_address": OWNERS_OR_SERVICE,
    "create_port:fixed_ips:subnet_id": f"{OWNERS_OR_SERVICE} or {NETWORK_SHARED}",
    "create_port:port_security_enabled": OWNERS_OR_SERVICE,
    "create_port:binding:host_id": ADMIN_OR_SERVICE,
    "create_port:binding:profile": SERVICE,
    "create_port:binding:vnic_type": f"{MEMBERS} or {SERVICE}",
    "create_port:allowed_address_pairs": PAIRS,
    "create_port:allowed_address_pairs:mac_address": PAIRS,
    "create_port:allowed_address_pairs:ip_address": PAIRS,
    "create_port:tags": f"{MEMBERS} or {ADVISORY_SERVICE}",
    "get_port": f"{ADMIN_OR_SERVICE} or {NET_OWNER_READER} or ({PROJECT_READER})",
    "get_port:binding:vif_type": ADMIN_OR_SERVICE,
    "get_port:binding:vif_details": ADMIN_OR_SERVICE,
    "get_port:binding:host_id": ADMIN_OR_SERVICE,
    "get_port:binding:profile": ADMIN_OR_SERVICE,
    "get_port:tags": f"{ADVISORY_SERVICE} or {ADMIN} or {NET_OWNER_READER} or ({PROJECT_READER})",
    "update_port": f"{MEMBERS} or {SERVICE}",
    "update_port:device_id": f"{MEMBERS} or {SERVICE}",
    "update_port:device_owner": NO_NETWORK_DEVICE,
    "update_port:mac_address": f"{ADMIN_OR_SERVICE} or {NET_OWNER_MANAGER}",
    "update_port:fixed_ips": OWNERS_OR_SERVICE,
    "update_port:fixed_ips:ip_address": OWNERS_OR_SERVICE,
    "update_port:fixed_ips:subnet_id": f"{OWNERS_OR_SERVICE} or {NETWORK_SHARED}",
    "update_port:port_security_enabled": OWNERS_OR_SERVICE,
    "update_port:binding:host_id": ADMIN_OR_SERVICE,
    "update_port:binding:profile": SERVICE,
    "update_port:binding:vnic_type": f"{MEMBERS} or {SERVICE}",
    "update_port:allowed_address_pairs": PAIRS,
    "update_port:allowed_address_pairs:mac_address": PAIRS,
    "update_port:allowed_address_pairs:ip_address": PAIRS,
    "update_port:tags": f"{MEMBERS} or {ADVISORY_SERVICE}",
    "delete_port": f"{ADMIN_OR_SERVICE} or {NET_OWNER_MEMBER} or ({PROJECT_MEMBER})",
    "delete_port:tags": f"{ADVISORY_SERVICE} or ({PROJECT_MEMBER}) or {ADMIN} or {NET_OWNER_MEMBER}",
}

ROUTERS = {
    "create_router": MEMBERS,
    "create_router:external_gateway_info": MEMBERS,
    "create_router:external_gateway_info:network_id": MEMBERS,
    "create_router:external_gateway_info:enable_snat": ADMIN,
    "create_router:external_gateway_info:external_fixed_ips": ADMIN,
    "create_router:tags": MEMBERS,
    "get_router": READERS,
    "get_router:tags": READERS,
    "update_router": MEMBERS,
    "update_router:external_gateway_info": MEMBERS,
    "update_router:external_gateway_info:network_id": MEMBERS,
    "update_router:external_gateway_info:enable_snat": ADMIN,
    "update_router:external_gateway_info:external_fixed_ips": ADMIN,
    "update_router:tags": MEMBERS,
    "delete_router": MEMBERS,
    "delete_router:tags": MEMBERS,
    "add_router_interface": MEMBERS,
    "remove_router_interface": MEMBERS,
    "add_extraroutes": MEMBERS,
    "remove_extraroutes": MEMBERS,
    "create_floatingip": MEMBERS,
    "create_floatingip:floating_ip_address": PROJECT_MANAGER_OR_ADMIN,
    "create_floatingip:tags": MEMBERS,
    "get_floatingip": f"{READERS} or {SERVICE}",
    "get_floatingip:tags": READERS,
    "update_floatingip": MEMBERS,
    "update_floatingip:tags": MEMBERS,
    "delete_floatingip": MEMBERS,
    "delete_floatingip:tags": MEMBERS,
}

SECURITY_GROUPS = {
    "create_security_group": MEMBERS,
    "create_security_group:tags": MEMBERS,
    "get_security_group": f"{READERS} or {SHARED} or {SERVICE}",
    "get_security_group:tags": f"{READERS} or {SHARED}",
    "update_security_group": MEMBERS,
    "update_security_group:tags": MEMBERS,
    "delete_security_group": MEMBERS,
    "delete_security_group:tags": MEMBERS,
    "create_security_group_rule": f"{ADMIN} or {GROUP_OWNER_MEMBER}",
    "get_security_group_rule": f"{ADMIN} or {GROUP_OWNER_READER}",
    "delete_security_group_rule": f"{ADMIN} or {GROUP_OWNER_MEMBER}",
}

OTHERS = {
    "create_rbac_policy": MEMBERS,
    "create_rbac_policy:target_tenant": f"{ADMIN} or not '*':%(rbac:target)s",
    "get_rbac_policy": READERS,
    "update_rbac_policy": MEMBERS,
    "update_rbac_policy:target_tenant": f"{ADMIN} or not '*':%(rbac:target)s",
    "delete_rbac_policy": MEMBERS,
    "get_quota": READERS,
    "get_quota:project": ANYONE,
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
    "get_availability_zone": READER,
    "get_service_provider": READER,
    "get_network_ip_availability": ADMIN_OR_SERVICE,
    "get_auto_allocated_topology": READERS,
    "delete_auto_allocated_topology": MEMBERS,
}

RULES = [
    *operations.RULES,
    *host_inspections.RULES,
    Rule("get_extension", ANYONE),
    *(
        Rule(name, check, scopes=("project",))
        for table in (NETWORKS, SUBNETS, SUBNET_POOLS, PORTS, ROUTERS, SECURITY_GROUPS, OTHERS)
        for name, check in table.items()
    ),
]
