"""What a deployment must know of this service."""

from pileus_kit.service import CatalogEntry, Service

AGENT_CAPABILITIES = (
    "chown",
    "dac_override",
    "fowner",
    "kill",
    "setgid",
    "setuid",
    "setpcap",
    "net_admin",
    "net_raw",
    "net_bind_service",
    "sys_admin",
    "sys_chroot",
    "sys_ptrace",  # to recognize its own dnsmasq and radvd processes, which don't run as root
)

SERVICE = Service(
    "network",
    port=9696,
    catalog=(CatalogEntry("network", "neutron"),),
    has_worker=True,
    has_agent=True,
    uses_bus=True,
    agent_capabilities=AGENT_CAPABILITIES,
)
