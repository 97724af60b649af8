"""Port security: the security groups and allowed address pairs of ports."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from pileus_network.core import compute_events, security_groups
from pileus_network.core.port_requests import AddressPair, NewPort, PortUpdate
from pileus_network.core.visibility import Viewer
from pileus_network.db.models import Network, Port, PortSecurityGroup
from pileus_network.errors import InvalidInput
from pileus_network.errors.ports import (
    AddressPairAndPortSecurityRequired,
    PortSecurityAndIPRequiredForSecurityGroups,
    PortSecurityPortHasSecurityGroup,
)


def is_network_device(owner: str) -> bool:
    """Whether the device owner is one of the network service."""
    return owner.startswith("network:")


MAX_ADDRESS_PAIRS = 10


def is_port_security_enabled(requested: NewPort, network: Network) -> bool:
    """Whether the new port has port security: as requested, or as the network says for ports of servers."""
    if requested.port_security_enabled is not None:
        return bool(requested.port_security_enabled)
    return network.port_security_enabled and not is_network_device(requested.device_owner)


def choose_security_groups(
    session: Session, requests: Sequence[NewPort], networks: dict[str, Network], viewer: Viewer
) -> list[list[str]]:
    """Return the security groups of each port: the requested ones, which the viewer must see, or the project's
    default group.
    """
    asked = {group for requested in requests for group in requested.security_groups or ()}
    security_groups.check_visible(session, asked, viewer)
    for requested in requests:
        if requested.security_groups and len(requested.security_groups) > 1:
            security_groups.check_same_statefulness(session, requested.security_groups)
    chosen = []
    for requested in requests:
        if requested.security_groups is not None:
            chosen.append(list(dict.fromkeys(requested.security_groups)))
        elif is_port_security_enabled(requested, networks[requested.network_id]) and requested.fixed_ips != []:
            chosen.append([security_groups.find_or_create_default(session, requested.project_id)])
        else:
            chosen.append([])
    return chosen


def check_groups(port: Port, groups: Sequence[str], asked: Sequence[str] | None) -> None:
    """Refuse requested security groups on a port without port security."""
    if groups and asked and not port.port_security_enabled:
        raise PortSecurityAndIPRequiredForSecurityGroups()


def set_address_pairs(port: Port, pairs: Sequence[AddressPair]) -> None:
    """Set the allowed address pairs, with MACs filled in. Raises InvalidInput for duplicates and too many."""
    if pairs and not port.port_security_enabled:
        raise AddressPairAndPortSecurityRequired()
    if len(pairs) > MAX_ADDRESS_PAIRS:
        raise InvalidInput(error_message=f"Exceeded maximum amount of address pairs: {MAX_ADDRESS_PAIRS}")
    full = [
        {"ip_address": pair["ip_address"], "mac_address": pair.get("mac_address") or port.mac_address} for pair in pairs
    ]
    if len({(pair["ip_address"], pair["mac_address"]) for pair in full}) < len(full):
        raise InvalidInput(error_message="Request contains duplicate address pair")
    port.allowed_address_pairs = full


def update(session: Session, port: Port, requested: PortUpdate, viewer: Viewer) -> None:
    """Apply port security, security groups and allowed address pairs of an update request."""
    secured = requested.get("port_security_enabled")
    if secured is not None:
        port.port_security_enabled = secured
    groups = requested.get("security_groups", [group.security_group_id for group in port.security_groups]) or []
    if "security_groups" in requested:
        security_groups.check_visible(
            session, set(groups) - {group.security_group_id for group in port.security_groups}, viewer
        )
        security_groups.check_same_statefulness(session, groups)
        check_groups(port, groups, asked=groups)
    elif groups and not port.port_security_enabled:
        raise PortSecurityPortHasSecurityGroup()
    if "allowed_address_pairs" in requested:
        set_address_pairs(port, requested["allowed_address_pairs"] or [])
    elif "port_security_enabled" in requested and port.allowed_address_pairs and not port.port_security_enabled:
        raise AddressPairAndPortSecurityRequired()
    kept = {group.security_group_id: group for group in port.security_groups}
    port.security_groups[:] = [
        kept.get(group_id) or PortSecurityGroup(security_group_id=group_id) for group_id in dict.fromkeys(groups)
    ]
    if set(kept) != set(groups):
        compute_events.record_port_change(session, port)
