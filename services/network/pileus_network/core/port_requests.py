"""Requests about ports."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Required, TypedDict

from pileus_network.core.fixed_ips import RequestedIps
from pileus_network.db.models import Document


@dataclass(frozen=True)
class DeviceClaim:
    """The device that a port of a project says it belongs to."""

    project_id: str
    device_id: str
    device_owner: str


class AddressPair(TypedDict, total=False):
    """An allowed address pair; without a MAC, the port's own is meant."""

    ip_address: Required[str]
    """An address or a CIDR."""
    mac_address: str | None


@dataclass(frozen=True, kw_only=True)
class NewPort:
    """A request to create a port."""

    project_id: str
    network_id: str
    name: str = ""
    description: str = ""
    admin_state_up: bool = True
    mac_address: str | None = None
    fixed_ips: RequestedIps | None = None
    """None: one address of each family."""
    device_id: str = ""
    device_owner: str = ""
    security_groups: Sequence[str] | None = None
    """None: the project's default group."""
    allowed_address_pairs: Sequence[AddressPair] = ()
    extra_dhcp_opts: Sequence[Document] = ()
    dns_name: str = ""
    port_security_enabled: bool | None = None
    """None: as the network says."""
    binding_host_id: str | None = ""
    binding_vnic_type: str = "normal"
    binding_profile: Document | None = None


class PortUpdate(TypedDict, total=False):
    """The attributes that an update may set."""

    name: str
    description: str
    admin_state_up: bool
    mac_address: str | None
    fixed_ips: RequestedIps | None
    device_id: str
    device_owner: str
    security_groups: list[str] | None
    allowed_address_pairs: list[AddressPair]
    extra_dhcp_opts: list[Document]
    dns_name: str
    port_security_enabled: bool | None
    binding_host_id: str | None
    binding_vnic_type: str
    binding_profile: Document | None
