"""Networks, subnets and ports."""

from pileus_cli.commands import arg
from pileus_cli.crud import commands
from pileus_cli.kinds import Kind

UP = (
    arg("--enable", into="admin_state_up", action="store_true", default=None),
    arg("--disable", into="admin_state_up", action="store_false", default=None, dest="admin_state_down"),
)
DESCRIPTION = arg("--description", into="description")
PROJECT = arg("--project", into="project_id", kind="project")
NETWORK_OF = arg("--network", into="network_id", kind="network", required=True)

NETWORK = Kind(
    "network",
    "network",
    "/networks",
    "network",
    "networks",
    {"ID": "id", "Name": "name", "Subnets": "subnets"},
    {
        "Status": "status",
        "Project": "project_id",
        "State": "admin_state_up",
        "Shared": "shared",
        "External": "router:external",
    },
    filters=(arg("--external", into="router:external", action="store_true"), arg("--name", into="name"), PROJECT),
    create=(
        arg("name", into="name"),
        DESCRIPTION,
        PROJECT,
        *UP,
        arg("--share", into="shared", action="store_true"),
        arg("--external", into="router:external", action="store_true"),
        arg("--mtu", into="mtu", type=int),
        arg("--disable-port-security", into="port_security_enabled", action="store_false", default=None),
        arg("--provider-network-type", into="provider:network_type"),
        arg("--provider-physical-network", into="provider:physical_network"),
        arg("--provider-segment", into="provider:segmentation_id", type=int),
    ),
    change=(arg("--name", into="name"), DESCRIPTION, *UP),
    examples={
        "list": ("pileus network list", "pileus network list --external"),
        "create": (
            "pileus network create example-net",
            "pileus subnet create example-subnet --network example-net --subnet-range 10.99.0.0/24",
            "pileus port create example-port --network example-net",
            "pileus port delete example-port",
            "pileus network delete example-net",
        ),
        "show": ("pileus network show private",),
    },
)
SUBNET = Kind(
    "subnet",
    "network",
    "/subnets",
    "subnet",
    "subnets",
    {"ID": "id", "Name": "name", "Network": "network_id", "Subnet": "cidr"},
    {"Project": "project_id", "DHCP": "enable_dhcp", "Gateway": "gateway_ip", "IP Version": "ip_version"},
    filters=(arg("--network", into="network_id", kind="network"), arg("--name", into="name")),
    create=(
        arg("name", into="name"),
        NETWORK_OF,
        arg("--subnet-range", "10.0.0.0/24", into="cidr"),
        arg("--subnet-pool", into="subnetpool_id", kind="subnet pool"),
        arg("--prefix-length", into="prefixlen", type=int),
        arg("--ip-version", into="ip_version", type=int, default=4, choices=(4, 6)),
        arg("--gateway", into="gateway_ip"),
        arg("--no-dhcp", into="enable_dhcp", action="store_false", default=None),
        arg("--dns-nameserver", into="dns_nameservers", action="append"),
        arg("--ipv6-ra-mode", into="ipv6_ra_mode"),
        arg("--ipv6-address-mode", into="ipv6_address_mode"),
        DESCRIPTION,
    ),
    change=(
        arg("--name", into="name"),
        DESCRIPTION,
        arg("--gateway", into="gateway_ip"),
        arg("--dns-nameserver", into="dns_nameservers", action="append"),
    ),
    examples={"list": ("pileus subnet list",)},
)
POOL = Kind(
    "subnet pool",
    "network",
    "/subnetpools",
    "subnetpool",
    "subnetpools",
    {"ID": "id", "Name": "name", "Prefixes": "prefixes"},
    create=(
        arg("name", into="name"),
        arg("--pool-prefix", into="prefixes", action="append", required=True),
        arg("--default-prefix-length", into="default_prefixlen", type=int),
        arg("--share", into="shared", action="store_true"),
    ),
    change=(arg("--name", into="name"), DESCRIPTION),
)
PORT = Kind(
    "port",
    "network",
    "/ports",
    "port",
    "ports",
    {
        "ID": "id",
        "Name": "name",
        "MAC Address": "mac_address",
        "Fixed IP Addresses": lambda row: [one["ip_address"] for one in row["fixed_ips"]],
        "Status": "status",
    },
    {
        "Security Groups": "security_groups",
        "Device Owner": "device_owner",
        "Device ID": "device_id",
        "Host": "binding:host_id",
    },
    filters=(
        arg("--network", into="network_id", kind="network"),
        arg("--server", into="device_id", kind="server"),
        arg("--router", into="device_id", kind="router"),
        arg("--device-owner", into="device_owner"),
    ),
    create=(
        arg("name", into="name"),
        NETWORK_OF,
        DESCRIPTION,
        *UP,
        arg("--mac-address", into="mac_address"),
        arg("--security-group", into="security_groups", action="append", kind="security group"),
        arg("--disable-port-security", into="port_security_enabled", action="store_false", default=None),
    ),
    change=(
        arg("--name", into="name"),
        DESCRIPTION,
        *UP,
        arg("--security-group", into="security_groups", action="append", kind="security group"),
    ),
    examples={"list": ("pileus port list --long",)},
)
AGENT = Kind(
    "network agent",
    "network",
    "/agents",
    "agent",
    "agents",
    {
        "ID": "id",
        "Agent Type": "agent_type",
        "Host": "host",
        "Availability Zone": "availability_zone",
        "Alive": "alive",
        "State": "admin_state_up",
        "Binary": "binary",
    },
    named=False,
    name_filter="",
)

COMMANDS = [*commands(NETWORK), *commands(SUBNET), *commands(POOL), *commands(PORT), *commands(AGENT, ("list", "show"))]
