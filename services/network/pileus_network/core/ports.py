"""Ports: created whole (MAC, addresses, groups, binding) in one transaction; wired by the agent of their host."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy import update as sql_update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from pileus_network.core import addresses, dhcp, nouns, projects, scopes, securitygroups, tidings
from pileus_network.core.fixed_ips import Addresser
from pileus_network.core.generations import HELD, MEMBER, PORT, REMOTE, SERVED, concern
from pileus_network.core.scopes import Scope
from pileus_network.db.models import FloatingIp, Host, Network, Port, PortGroup, Router
from pileus_network.errors import (
    AddressPairAndPortSecurityRequired,
    DeviceIDNotOwnedByTenant,
    InvalidInput,
    MacAddressInUse,
    PortBoundMacFixed,
    PortNotFound,
    PortSecurityAndIPRequiredForSecurityGroups,
    PortSecurityPortHasSecurityGroup,
    ServicePortInUse,
    UnsupportedPortDeviceOwner,
)
from pileus_network.rpc import DHCP_OWNER, GATEWAY_OWNER, INTERFACE_OWNER

LOADED = (selectinload(Port.fixed_ips), selectinload(Port.groups))
PLAIN = ("name", "description", "admin_state_up", "device_id", "device_owner", "extra_dhcp_opts", "dns_name")
FLOATING_OWNER = "network:floatingip"
ROUTER_OWNERS = (INTERFACE_OWNER, GATEWAY_OWNER)
OURS = {
    INTERFACE_OWNER: "has device owner network:router_interface",
    GATEWAY_OWNER: "has device owner network:router_gateway",
    FLOATING_OWNER: "has device owner network:floatingip",
}
"""Owners whose ports live and die with a router or a floating IP."""
MOST_PAIRS = 10


def get(session: Session, port_id: str, scope: Scope, loaded: bool = True) -> Port:
    """`loaded`: with its addresses and groups."""

    def missing() -> PortNotFound:
        return PortNotFound(port_id=port_id)

    return nouns.find(session, Port, port_id, scopes.ports(scope), missing, LOADED if loaded else ())


def create(
    session: Session, networks: dict[str, Network], wishes: Sequence[dict[str, Any]], scope: Scope
) -> list[Port]:
    """All or none of them. `networks` are those that the wishes name, with their subnets loaded."""
    for project_id in {wish["project_id"] for wish in wishes}:
        number = sum(wish["project_id"] == project_id for wish in wishes)
        projects.reserve(session, projects.locked(session, project_id), "port", number)
    _check_devices(session, wishes, scope)
    groups = _groups(session, wishes, networks, scope)
    known = _hosts(session, [wish["binding:host_id"] for wish in wishes])
    addressers = {network_id: Addresser(session, network) for network_id, network in networks.items()}
    made = [
        _create(session, addressers[wish["network_id"]], wish, chosen, known)
        for wish, chosen in zip(wishes, groups, strict=True)
    ]
    try:
        session.flush()
    except IntegrityError as err:
        _say_mac(err, wishes)
        raise
    for port in made:
        note(session, port)
    return made


def _create(session: Session, addresser: Addresser, wish: dict[str, Any], groups: list[str], hosts: set[str]) -> Port:
    network = addresser.network
    port = Port(
        network_id=network.id,
        project_id=wish["project_id"],
        mac_address=wish["mac_address"] or addresses.new_mac(),
        port_security_enabled=_secured(wish, network),
        allowed_address_pairs=[],
        groups=[],
        fixed_ips=[],
        vnic_type=wish["binding:vnic_type"],
        profile=wish["binding:profile"] or {},
        **{name: wish[name] for name in PLAIN},
    )
    addresser.assign(port, wish["fixed_ips"])
    _set_pairs(port, wish["allowed_address_pairs"] or [])
    _check_groups(port, groups, asked=wish["security_groups"])
    port.groups = [PortGroup(group_id=group_id) for group_id in groups]
    _bind(port, wish["binding:host_id"], hosts)
    session.add(port)
    return port


def _say_mac(err: IntegrityError, wishes: Sequence[dict[str, Any]]) -> None:
    """A MAC that was asked for can't be tried again; everything else that clashed was our own guess."""
    text = str(err.orig)
    if "one_port_a_mac" in text or "mac_address" in text:
        for wish in wishes:
            if wish.get("mac_address"):
                raise MacAddressInUse(net_id=wish["network_id"], mac=wish["mac_address"]) from None


def _check_devices(session: Session, wishes: Sequence[dict[str, Any]], scope: Scope) -> None:
    """A port of a network device may name a router of its own project only: another's would plug into the network."""
    claims = {
        wish["device_id"]: wish["project_id"] for wish in wishes if wish["device_id"] and _trusted(wish["device_owner"])
    }
    if not claims or scope.everything:
        return
    for router_id, owner in session.execute(select(Router.id, Router.project_id).where(Router.id.in_(claims))):
        if owner != claims[router_id]:
            raise DeviceIDNotOwnedByTenant(device_id=router_id)


# -- security ------------------------------------------------------------------------------------------------------


def _trusted(owner: str) -> bool:
    return owner.startswith("network:")


def _secured(wish: dict[str, Any], network: Network) -> bool:
    if wish["port_security_enabled"] is not None:
        return bool(wish["port_security_enabled"])
    return network.port_security_enabled and not _trusted(wish["device_owner"])


def _groups(
    session: Session, wishes: Sequence[dict[str, Any]], networks: dict[str, Network], scope: Scope
) -> list[list[str]]:
    """The security groups of each port: those asked for (which must be visible), or its project's default one."""
    asked = {group for wish in wishes for group in wish["security_groups"] or ()}
    securitygroups.check_visible(session, asked, scope)
    for wish in wishes:
        if len(wish["security_groups"] or ()) > 1:
            securitygroups.check_one_kind(session, wish["security_groups"])
    chosen = []
    for wish in wishes:
        if wish["security_groups"] is not None:
            chosen.append(list(dict.fromkeys(wish["security_groups"])))
        elif _secured(wish, networks[wish["network_id"]]) and wish["fixed_ips"] != []:
            chosen.append([securitygroups.default(session, wish["project_id"])])
        else:
            chosen.append([])
    return chosen


def _check_groups(port: Port, groups: Sequence[str], asked: Sequence[str] | None) -> None:
    if groups and asked and not port.port_security_enabled:
        raise PortSecurityAndIPRequiredForSecurityGroups()


def _set_pairs(port: Port, pairs: Sequence[dict[str, Any]]) -> None:
    if pairs and not port.port_security_enabled:
        raise AddressPairAndPortSecurityRequired()
    if len(pairs) > MOST_PAIRS:
        raise InvalidInput(error_message=f"Exceeded maximum amount of address pairs: {MOST_PAIRS}")
    full = [
        {"ip_address": pair["ip_address"], "mac_address": pair.get("mac_address") or port.mac_address} for pair in pairs
    ]
    if len({(pair["ip_address"], pair["mac_address"]) for pair in full}) < len(full):
        raise InvalidInput(error_message="Request contains duplicate address pair")
    port.allowed_address_pairs = full


# -- binding -------------------------------------------------------------------------------------------------------


def _hosts(session: Session, names: Sequence[str | None]) -> set[str]:
    wanted = {name for name in names if name}
    return set(session.scalars(select(Host.name).where(Host.name.in_(wanted)))) if wanted else set()


def _bind(port: Port, host: str | None, known: set[str]) -> None:
    """Bind to a host, or to none (""). A host without an agent can't wire it: OpenStack's `binding_failed` says so."""
    port.host = host or ""
    port.vif_type = "unbound" if not port.host else "bridge" if port.host in known else "binding_failed"
    port.status = "DOWN"


def note(session: Session, port: Port) -> None:
    """A port came, went or changed: its host, its peers, DHCP, and whoever names its groups must hear of it."""
    noted = concern(session)
    if port.device_owner.startswith("compute:"):
        noted.server_project = port.project_id
    (noted.networks if port.host else noted.dhcp).add(port.network_id)
    noted.hosts.add(port.host)
    noted.remotes.update(group.group_id for group in port.groups)
    noted.touch(PORT, port.id)
    members = [ip.address for ip in port.fixed_ips] + [pair["ip_address"] for pair in port.allowed_address_pairs]
    for group in port.groups:
        noted.touch(HELD, group.group_id)
        noted.touch(MEMBER, *(f"{group.group_id}/{address}" for address in members))
    if port.device_owner in (DHCP_OWNER, INTERFACE_OWNER):
        noted.touch(SERVED, port.network_id)


# -- update, delete ------------------------------------------------------------------------------------------------


def update(session: Session, port: Port, network: Network, wish: dict[str, Any], scope: Scope) -> None:
    """Apply the attributes that are in `wish`."""
    note(session, port)
    if _held(session, port) and wish.get("device_owner", port.device_owner) != port.device_owner:
        raise UnsupportedPortDeviceOwner(op="update", device_owner=port.device_owner, port_id=port.id)
    _update_mac(port, wish)
    if not port.router_id:
        claim = {name: wish.get(name, getattr(port, name)) for name in ("device_id", "device_owner", "project_id")}
        _check_devices(session, [claim], scope)
    for name in PLAIN:
        if name in wish:
            setattr(port, name, wish[name])
    if "fixed_ips" in wish:
        _readdress(session, port, network, wish["fixed_ips"])
    _update_security(session, port, wish, scope)
    _update_binding(session, port, wish)
    nouns.revise(port)
    try:
        session.flush()
    except IntegrityError as err:
        _say_mac(err, [wish | {"network_id": port.network_id}])
        raise
    note(session, port)


def _update_mac(port: Port, wish: dict[str, Any]) -> None:
    mac = wish.get("mac_address")
    if mac and mac != port.mac_address:
        if port.host:
            raise PortBoundMacFixed(port_id=port.id, host=port.host)
        port.mac_address = mac


def _readdress(session: Session, port: Port, network: Network, wishes: Sequence[dict[str, str]] | None) -> None:
    before = {ip.address for ip in port.fixed_ips}
    Addresser(session, network).assign(port, wishes or [])
    gone = before - {ip.address for ip in port.fixed_ips}
    if gone:
        disassociate(session, port, gone)
    if before != {ip.address for ip in port.fixed_ips}:
        tidings.changed(session, port)


def _update_security(session: Session, port: Port, wish: dict[str, Any], scope: Scope) -> None:
    if wish.get("port_security_enabled") is not None:
        port.port_security_enabled = wish["port_security_enabled"]
    groups = wish.get("security_groups", [group.group_id for group in port.groups]) or []
    if "security_groups" in wish:
        securitygroups.check_visible(session, set(groups) - {group.group_id for group in port.groups}, scope)
        securitygroups.check_one_kind(session, groups)
        _check_groups(port, groups, asked=groups)
    elif groups and not port.port_security_enabled:
        raise PortSecurityPortHasSecurityGroup()
    pairs = wish.get("allowed_address_pairs", port.allowed_address_pairs) or []
    if "allowed_address_pairs" in wish or "port_security_enabled" in wish:
        _set_pairs(port, pairs)
    kept = {group.group_id: group for group in port.groups}
    port.groups[:] = [kept.get(group_id) or PortGroup(group_id=group_id) for group_id in dict.fromkeys(groups)]
    if set(kept) != set(groups):
        tidings.changed(session, port)


def _update_binding(session: Session, port: Port, wish: dict[str, Any]) -> None:
    if wish.get("binding:vnic_type"):
        port.vnic_type = wish["binding:vnic_type"]
    if "binding:profile" in wish:
        port.profile = wish["binding:profile"] or {}
    host = wish.get("binding:host_id", port.host) or ""
    if host != port.host:
        _bind(port, host, _hosts(session, [host]))


def delete(session: Session, port: Port, network: Network) -> None:
    """A floating IP that leads to it stays, and leads nowhere. A DHCP port that is still needed is made anew."""
    if _held(session, port):
        raise ServicePortInUse(port_id=port.id, reason=OURS[port.device_owner])
    remove(session, port)
    if port.device_owner == DHCP_OWNER:
        dhcp.ensure(session, network)


def _held(session: Session, port: Port) -> bool:
    """Whether a router or a floating IP lives by the port; one that only calls itself so is like any other."""
    if port.device_owner == FLOATING_OWNER:
        return bool(session.scalar(select(exists().where(FloatingIp.floating_port_id == port.id))))
    return port.router_id is not None


def remove(session: Session, port: Port) -> None:
    """Delete a port whoever owns it."""
    note(session, port)
    disassociate(session, port)
    session.delete(port)
    session.flush()


def disassociate(session: Session, port: Port, only: set[str] | None = None) -> None:
    """Let go the floating IPs that lead to the port, or to these addresses of it."""
    where = [FloatingIp.port_id == port.id]
    if only is not None:
        where.append(FloatingIp.fixed_ip_address.in_(only))
    concern(session).routers.update(session.scalars(select(FloatingIp.router_id).where(*where).distinct()))
    session.execute(
        sql_update(FloatingIp)
        .where(*where)
        .values(
            port_id=None,
            fixed_ip_address=None,
            router_id=None,
            status="DOWN",
            revision_number=FloatingIp.revision_number + 1,
        )
        .execution_options(synchronize_session=False)
    )


def note_addresses(session: Session, port_ids: Sequence[str]) -> None:
    """Ports got or lost addresses: they changed, and so did what rules mean that name their groups."""
    noted = concern(session)
    noted.touch(PORT, *port_ids)
    held = select(PortGroup.group_id).where(PortGroup.port_id.in_(port_ids)).distinct()
    groups = session.scalars(held).all() if port_ids else ()
    noted.remotes.update(groups)
    noted.touch(REMOTE, *groups)
