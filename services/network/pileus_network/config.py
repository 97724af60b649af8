"""The options of network's API, worker and agents."""

from dataclasses import dataclass

from pileus_kit.config import ServiceConfig, option


@dataclass(frozen=True, kw_only=True)
class Config(ServiceConfig):
    service_user: str = option("This service's user in project `service`", "network")
    bind: str = option("Address and port of the API", "127.0.0.1:9696")
    physical_mtu: int = option("MTU of the wire below in bytes; a VXLAN network offers 50 less", 1500)
    vni_first: int = option("The lowest VXLAN network identifier to give out", 4097)
    vni_last: int = option("The highest VXLAN network identifier to give out", 16777215)
    vlan_ranges: tuple[str, ...] = option(
        "VLANs for networks that name none, as physical:first:last; empty: all on every physical network", ()
    )
    quotas: tuple[str, ...] = option("Limits of projects that have none of their own, as resource:limit", ())
    bridge_mappings: tuple[str, ...] = option("Physical networks of this host, as name:bridge", ())
    dns_domain: str = option("Domain that DHCP tells the guests", "openstacklocal")
    prefix: str = option("What the names of all things made on the host begin with", "pl")
    driver: str = option("Driver of this host, by entry point name", "linux")
    tunnel_address: str = option("Address of this host for VXLAN; empty: no tunnels on it", "")
    metadata_url: str = option("Where compute serves metadata", "http://127.0.0.1:8774/metadata")
    metadata_secret: str = option(
        "Agents: this host's own, derived from compute's; signs the identity of a server that asks for metadata",
        "",
        secret=True,
    )
