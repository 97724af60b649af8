"""/v2.0/extensions: the extensions of the core API that work here. Clients decide by the aliases, so no other is
listed.
"""

from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource
from pileus_network.errors import ExtensionNotFound

resource = Resource("extensions", __name__, url_prefix="/v2.0/extensions")

UPDATED = "2026-11-22T00:00:00-00:00"
EXTENSIONS = {
    "address-scope": "Address scope",
    "agent": "agent",
    "allowed-address-pairs": "Allowed Address Pairs",
    "auto-allocated-topology": "Auto Allocated Topology Services",
    "availability_zone": "Availability Zone",
    "binding": "Port Binding",
    "default-subnetpools": "Default Subnetpools",
    "dhcp_agent_scheduler": "DHCP Agent Scheduler",
    "ext-gw-mode": "Neutron L3 Configurable external gateway mode",
    "external-net": "Neutron external network",
    "extra_dhcp_opt": "Neutron Extra DHCP options",
    "extraroute": "Neutron Extra Route",
    "extraroute-atomic": "Atomically add/remove extra routes",
    "filter-validation": "Filter parameters validation",
    "fip-port-details": "Floating IP Port Details Extension",
    "ip-substring-filtering": "IP address substring filtering",
    "l3_agent_scheduler": "L3 Agent Scheduler",
    "net-mtu": "Network MTU",
    "net-mtu-writable": "Network MTU (writable)",
    "network-ip-availability": "Network IP Availability",
    "network_availability_zone": "Network Availability Zone",
    "pagination": "Pagination support",
    "port-security": "Port Security",
    "project-id": "project_id field enabled",
    "provider": "Provider Network",
    "quota-check-limit": "Quota management support - check quota limit",
    "quota_details": "Quota details management support",
    "quotas": "Quota management support",
    "rbac-policies": "RBAC Policies",
    "revision-if-match": "If-Match constraints based on revision_number",
    "router": "Neutron L3 Router",
    "router_availability_zone": "Router Availability Zone",
    "security-group": "security-group",
    "security-groups-normalized-cidr": "Normalized CIDR field for security group rules",
    "service-type": "Neutron Service Type Management",
    "sorting": "Sorting support",
    "standard-attr-description": "standard-attr-description",
    "standard-attr-revisions": "Resource revision numbers",
    "standard-attr-tag": "Tag support for resources with standard attribute",
    "standard-attr-timestamp": "Resource timestamps",
    "tag": "Tag support",
    "stateful-security-group": "Stateful security group",
    "subnet-service-types": "Subnet service types",
    "subnet_allocation": "Subnet Allocation",
    "subnetpool-prefix-ops": "Subnet Pool Prefix Operations",
}


def _view(alias: str) -> JsonObject:
    return {
        "alias": alias,
        "name": EXTENSIONS[alias],
        "description": EXTENSIONS[alias],
        "updated": UPDATED,
        "links": [],
    }


@resource.endpoint("GET", "", policy="get_extension")
def index() -> Answer:
    return {"extensions": [_view(alias) for alias in EXTENSIONS]}


@resource.endpoint("GET", "/<alias>", policy="get_extension")
def show(alias: str) -> Answer:
    if alias not in EXTENSIONS:
        raise ExtensionNotFound(alias=alias)
    return {"extension": _view(alias)}
