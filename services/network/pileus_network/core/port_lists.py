"""Lists of ports, and what their views need besides the rows."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy.orm import Session

from pileus_network.core import standard_attributes, visibility
from pileus_network.core.listing import Listing
from pileus_network.db.models import FixedIp, Port, PortSecurityGroup
from pileus_network.errors import HTTPBadRequest


def _fixed_ips_clause(texts: list[str]) -> ColumnElement[bool]:
    """`ip_address=10.0.0.3`, `subnet_id=…`, `ip_address_substr=10.0`: all must hold for one address of the port."""
    wanted: dict[str, list[str]] = {}
    for text in texts:
        name, _, value = text.partition("=")
        wanted.setdefault(name, []).append(value)
    columns = {"ip_address": FixedIp.address, "subnet_id": FixedIp.subnet_id}
    clauses: list[ColumnElement[bool]] = [FixedIp.port_id == Port.id]
    for name, values in wanted.items():
        if name == "ip_address_substr":
            clauses.append(or_(*[FixedIp.address.contains(value, autoescape=True) for value in values]))
        elif name in columns:
            clauses.append(columns[name].in_(values))
        else:
            raise HTTPBadRequest(why=f"['{name}'] is invalid attribute for filtering")
    return exists(select(FixedIp.port_id).where(*clauses))


def _security_groups_clause(ids: list[str]) -> ColumnElement[bool]:
    return exists(
        select(PortSecurityGroup.port_id).where(
            PortSecurityGroup.port_id == Port.id, PortSecurityGroup.security_group_id.in_(ids)
        )
    )


LISTING = Listing(
    Port,
    visibility.ports,
    columns=standard_attributes.columns_of(Port)
    | {
        "name": Port.name,
        "network_id": Port.network_id,
        "mac_address": Port.mac_address,
        "admin_state_up": Port.admin_state_up,
        "status": Port.status,
        "device_id": Port.device_id,
        "device_owner": Port.device_owner,
        "dns_name": Port.dns_name,
        "binding:host_id": Port.host,
        "binding:vnic_type": Port.vnic_type,
        "binding:vif_type": Port.vif_type,
        "port_security_enabled": Port.port_security_enabled,
    },
    clauses={"fixed_ips": _fixed_ips_clause, "security_groups": _security_groups_clause},
)


@dataclass(frozen=True)
class PortChildren:
    """The fixed IPs (subnet id, address) and the security groups of one port."""

    fixed_ips: Sequence[tuple[str, str]]
    security_groups: Sequence[str]


def list_children(session: Session, ids: Sequence[str]) -> dict[str, PortChildren]:
    """Return the children of all these ports as plain values, in two statements: lists of a thousand are cheap."""
    fixed_ips: dict[str, list[tuple[str, str]]] = {port_id: [] for port_id in ids}
    groups: dict[str, list[str]] = {port_id: [] for port_id in ids}
    for port_id, subnet_id, address in session.execute(
        select(FixedIp.port_id, FixedIp.subnet_id, FixedIp.address)
        .where(FixedIp.port_id.in_(ids))
        .order_by(FixedIp.port_id, FixedIp.position)
    ):
        fixed_ips[port_id].append((subnet_id, address))
    for port_id, group_id in session.execute(
        select(PortSecurityGroup.port_id, PortSecurityGroup.security_group_id).where(PortSecurityGroup.port_id.in_(ids))
    ):
        groups[port_id].append(group_id)
    return {port_id: PortChildren(fixed_ips[port_id], groups[port_id]) for port_id in ids}
