"""The options of network's API, worker and agents."""

from dataclasses import dataclass

from pileus_kit.config import ServiceConfig, option


@dataclass(frozen=True, kw_only=True)
class Config(ServiceConfig):
    service_user: str = option("This service's user in project `service`", "network")
    bind: str = option("Address and port of the API", "127.0.0.1:9696")
    physical_mtu: int = option("MTU of the physical network in bytes; VXLAN networks have 50 less", 1500)
    vni_first: int = option("The lowest VXLAN network identifier that is allocated", 4097)
    vni_last: int = option("The highest VXLAN network identifier that is allocated", 16777215)
    vlan_ranges: tuple[str, ...] = option(
        "VLANs that are allocated, as physical:first:last; empty: all VLANs of every physical network", ()
    )
    quotas: tuple[str, ...] = option("Limits of projects that have none of their own, as resource:limit", ())
    bridge_mappings: tuple[str, ...] = option("Physical networks of this host, as name:bridge", ())
    dns_domain: str = option("Domain name that DHCP gives to guests", "openstacklocal")
    prefix: str = option("Prefix of the names of everything that the agent creates on its host", "pl")
    driver: str = option("Driver of this host, by entry point name", "linux")
    heartbeat_s: float = option(
        "Seconds between heartbeats of this host; where another host is to take over its routers, at most 5", 15.0
    )
    tunnel_address: str = option("Address of this host for VXLAN; empty: the host takes no part in VXLAN networks", "")
    metadata_url: str = option("Where compute serves metadata", "http://127.0.0.1:8774/metadata")
    metadata_secret: str = option(
        "This host's own secret, derived from compute's; signs the identity of a server that asks for metadata",
        "",
        secret=True,
    )
