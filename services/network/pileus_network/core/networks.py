"""Networks: segments, sharing, deletion."""

import secrets
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import delete as sql_delete
from sqlalchemy import exists, select
from sqlalchemy.orm import Session, selectinload

from pileus_network.config import Config
from pileus_network.core import quotas, standard_attributes, visibility, vlans
from pileus_network.core.affected_hosts import NETWORK, PORT, affected
from pileus_network.core.visibility import EXTERNAL, SHARED, Viewer
from pileus_network.db.models import FloatingIp, Network, Port, RbacPolicy
from pileus_network.errors import (
    ExternalNetworkInUse,
    FlatNetworkInUse,
    InvalidInput,
    InvalidSharedSetting,
    NetworkInUse,
    NetworkMTUSubnetConflict,
    NetworkNotFound,
    NoNetworkAvailable,
    TunnelIdInUse,
    VlanIdInUse,
)
from pileus_network.rpc import DHCP_OWNER, GATEWAY_OWNER

MIN_MTU = {4: 68, 6: 1280}
VXLAN_HEADERS = 50
"""Bytes that VXLAN over IPv4 adds to a frame: outer Ethernet 14, IPv4 20, UDP 8, VXLAN 8 (RFC 7348)."""
CANDIDATES = 32
LOADED = (selectinload(Network.subnets), selectinload(Network.rbac_policies))
PLAIN_ATTRIBUTES = ("name", "description", "admin_state_up", "port_security_enabled", "is_default")
FLOATING_OWNER = "network:floatingip"


def find(session: Session, network_id: str, viewer: Viewer, loaded: bool = True) -> Network:
    return standard_attributes.find(
        session,
        Network,
        network_id,
        visibility.networks(viewer),
        lambda: NetworkNotFound(net_id=network_id),
        LOADED if loaded else (),
    )


def create(session: Session, config: Config, requests: Sequence[dict[str, Any]]) -> list[Network]:
    """All or none of them. Each requested has every attribute of the API, defaults filled in."""
    made = [_create(session, config, requested) for requested in requests]
    session.flush()
    return made


def _create(session: Session, config: Config, requested: dict[str, Any]) -> Network:
    project = quotas.lock_project(session, requested["project_id"])
    quotas.check(session, project, "network")
    kind, physical, segment = _choose_segment(session, config, requested)
    largest = config.physical_mtu - (VXLAN_HEADERS if kind == "vxlan" else 0)
    mtu = requested["mtu"] or largest
    _check_mtu(mtu, largest)
    network = Network(
        project_id=requested["project_id"],
        network_type=kind,
        physical_network=physical,
        segmentation_id=segment,
        mtu=mtu,
        external=requested["router:external"],
        subnets=[],
        rbac_policies=[],
        **{name: requested[name] for name in PLAIN_ATTRIBUTES},
    )
    _set_wildcard_policy(network, SHARED, requested["shared"])
    _set_wildcard_policy(network, EXTERNAL, network.external)
    session.add(network)
    return network


def check_subnets_mtu(network: Network, mtu: int, versions: Iterable[int]) -> None:
    """IPv4 needs packets of 68 bytes, IPv6 of 1280 (RFC 791, RFC 8200): nobody can speak it with less."""
    least = max((MIN_MTU[version] for version in versions), default=0)
    if mtu < least:
        raise NetworkMTUSubnetConflict(net_id=network.id, mtu=least)


def _check_mtu(mtu: int, largest: int) -> None:
    if mtu > largest:
        raise InvalidInput(error_message=f"Requested MTU is too big, maximum is {largest}")


def _choose_segment(session: Session, config: Config, requested: dict[str, Any]) -> tuple[str, str, int]:
    kind, physical, segment = (
        requested[f"provider:{name}"] for name in ("network_type", "physical_network", "segmentation_id")
    )
    if kind in (None, "vxlan"):
        if kind is None and (physical or segment is not None):
            raise InvalidInput(error_message="network_type required")
        if physical:
            raise InvalidInput(error_message="provider:physical_network specified for vxlan network")
        return "vxlan", "", _choose_vni(session, config, segment)
    if kind == "vlan" and segment is None:
        return "vlan", *vlans.find_free(session, config, physical)
    if not physical:
        raise InvalidInput(error_message=f"physical_network required for {kind} provider network")
    if kind == "flat":
        if segment is not None:
            raise InvalidInput(error_message="segmentation_id specified for flat provider network")
        if _used_segments(session, "flat", physical, [0]):
            raise FlatNetworkInUse(physical_network=physical)
        return "flat", physical, 0
    if kind == "vlan":
        if not 1 <= segment <= 4094:
            raise InvalidInput(error_message="segmentation_id out of range (1 through 4094)")
        if _used_segments(session, "vlan", physical, [segment]):
            raise VlanIdInUse(vlan_id=segment, physical_network=physical)
        return "vlan", physical, segment
    raise InvalidInput(error_message=f"Network type {kind} is not supported; there are vxlan, flat and vlan")


def _choose_vni(session: Session, config: Config, wanted: int | None) -> int:
    """This VNI, or a free one out of the configured range; `one_network_a_segment` decides between two writers."""
    if wanted is not None:
        if not 1 <= wanted < 1 << 24:
            raise InvalidInput(error_message="segmentation_id out of range (1 through 16777215)")
        if _used_segments(session, "vxlan", "", [wanted]):
            raise TunnelIdInUse(tunnel_id=wanted)
        return wanted
    size = config.vni_last - config.vni_first + 1
    guesses = (
        {config.vni_first + secrets.randbelow(size) for _ in range(CANDIDATES)}
        if size > CANDIDATES
        else set(range(config.vni_first, config.vni_last + 1))
    )
    free = guesses - _used_segments(session, "vxlan", "", sorted(guesses))
    if not free:
        raise NoNetworkAvailable()
    return free.pop()


def _used_segments(session: Session, kind: str, physical: str, segments: Sequence[int]) -> set[int]:
    return set(
        session.scalars(
            select(Network.segmentation_id).where(
                Network.network_type == kind,
                Network.physical_network == physical,
                Network.segmentation_id.in_(segments),
            )
        )
    )


def update(session: Session, config: Config, network: Network, requested: dict[str, Any]) -> None:
    """Apply the attributes that are in `requested`."""
    for name in PLAIN_ATTRIBUTES:
        if name in requested:
            setattr(network, name, requested[name])
    if requested.get("mtu"):
        _check_mtu(requested["mtu"], config.physical_mtu - (VXLAN_HEADERS if network.network_type == "vxlan" else 0))
        check_subnets_mtu(network, requested["mtu"], [subnet.ip_version for subnet in network.subnets])
        network.mtu = requested["mtu"]
    if any(name.startswith("provider:") for name in requested):
        raise InvalidInput(
            error_message="Plugin does not support updating the following provider network attributes: "
            + ", ".join(name for name in requested if name.startswith("provider:"))
        )
    if "router:external" in requested and requested["router:external"] != network.external:
        _set_external(session, network, requested["router:external"])
    if "shared" in requested:
        _set_shared(session, network, requested["shared"])
    standard_attributes.bump_revision(network)
    affected(session).networks.add(network.id)


def _set_external(session: Session, network: Network, external: bool) -> None:
    if not external:
        ports = select(Port.id).where(
            Port.network_id == network.id, Port.device_owner.in_((GATEWAY_OWNER, FLOATING_OWNER))
        )
        if session.scalar(select(exists(ports))):
            raise ExternalNetworkInUse(net_id=network.id)
    network.external = external
    _set_wildcard_policy(network, EXTERNAL, external)


def _set_shared(session: Session, network: Network, shared: bool) -> None:
    if is_shared(network) == shared:
        return
    if not shared and is_used_by_others(session, network, exempt=()):
        raise InvalidSharedSetting(network=network.name)
    _set_wildcard_policy(network, SHARED, shared)


def is_used_by_others(session: Session, network: Network, exempt: Sequence[str]) -> bool:
    """Whether projects other than the owner and `exempt` have ports on it."""
    users = (network.project_id, "", *exempt)
    return bool(
        session.scalar(
            select(
                exists(
                    select(Port.id).where(
                        Port.network_id == network.id,
                        Port.project_id.not_in(users),
                        Port.device_owner.not_in((GATEWAY_OWNER, FLOATING_OWNER, DHCP_OWNER)),
                    )
                )
            )
        )
    )


def _set_wildcard_policy(network: Network, action: str, wanted: bool) -> None:
    """Let everybody have it, or nobody but those it is shared with by name."""
    kept = [share for share in network.rbac_policies if not (share.action == action and share.target_project == "*")]
    if wanted:
        kept.append(RbacPolicy(project_id=network.project_id, action=action, target_project="*"))
    network.rbac_policies[:] = kept


def is_shared(network: Network, project_id: str | None = None) -> bool:
    """Shared with everybody, or (asked for a project) with this one."""
    return any(share.action == SHARED and share.target_project in ("*", project_id) for share in network.rbac_policies)


def _delete_idle_floating_ips(session: Session, network: Network) -> None:
    """Those of an external network that lead nowhere, with the ports that hold their addresses."""
    if not network.external:
        return
    gone = session.execute(
        sql_delete(FloatingIp)
        .where(FloatingIp.floating_network_id == network.id, FloatingIp.port_id.is_(None))
        .returning(FloatingIp.floating_port_id)
        .execution_options(synchronize_session=False)
    ).all()
    if gone:
        session.execute(sql_delete(Port).where(Port.id.in_([port_id for (port_id,) in gone])))


def delete(session: Session, network: Network) -> None:
    """Refused while somebody's port is on it; subnets, its DHCP port and idle floating IPs go along."""
    _delete_idle_floating_ips(session, network)
    rows = session.execute(select(Port.id, Port.device_owner, Port.host).where(Port.network_id == network.id)).all()
    busy = [port_id for port_id, owner, _ in rows if owner != DHCP_OWNER]
    if busy:
        raise NetworkInUse(net_id=network.id, ports=busy[:10])
    affected(session).hosts.update(host for _, _, host in rows)
    affected(session).record_change(NETWORK, network.id)
    affected(session).record_change(PORT, *(port_id for port_id, _, _ in rows))
    session.execute(sql_delete(Port).where(Port.network_id == network.id, Port.device_owner == DHCP_OWNER))
    session.execute(sql_delete(Network).where(Network.id == network.id))
