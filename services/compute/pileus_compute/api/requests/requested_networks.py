"""Finds the networks, ports and security groups that a request names, with the rights of the user who names them."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from pileus_compute.api.tools import tools
from pileus_compute.clients import network
from pileus_compute.clients import security_groups as security_groups_client
from pileus_compute.clients.network import Network, Port
from pileus_compute.clients.security_groups import SecurityGroup
from pileus_compute.core.job_data import RequestedNetwork
from pileus_compute.core.servers import ServerNetworks
from pileus_kit.errors import BadRequest, Conflict, Forbidden
from pileus_kit.peers import PeerRefused
from pileus_kit.web import allowed, caller

DEFAULT_GROUP = "default"


class NetworkAmbiguous(Conflict):
    text = "Multiple possible networks found, use a Network ID to be more specific."


class ExternalNetworkAttachForbidden(Forbidden):
    text = "It is not allowed to create an interface on external network {network}"


class PortInUse(Conflict):
    text = "Port {port} is still in use."


@dataclass(frozen=True)
class NetworkRequest:
    """One element of the `networks` of a request."""

    network_id: str | None = None
    port_id: str | None = None
    fixed_ip: str | None = None
    tag: str | None = None


NetworkRequests = tuple[NetworkRequest, ...] | Literal["auto", "none"]
"""An empty tuple: the request doesn't say, so the project's only network is used, if it has one."""


def find(requested: NetworkRequests, group_names: Sequence[str], server_count: int) -> ServerNetworks:
    """Return the interfaces of `server_count` new servers. Raises BadRequest, Conflict or Forbidden."""
    networks = find_networks(requested, server_count)
    ids, names = _find_groups(group_names, networks)
    return ServerNetworks(networks, ids, names)


def find_networks(requested: NetworkRequests, server_count: int = 1) -> tuple[RequestedNetwork, ...]:
    """Return what the requests name, as the network service shows it to the user."""
    if requested == "none":
        return ()
    if requested == "auto" or not requested:
        return _default_network(required=requested == "auto")
    return _named_networks(requested, server_count)


# -- the default network -------------------------------------------------------------------------------------------


def _default_network(required: bool) -> tuple[RequestedNetwork, ...]:
    """Return the project's only network; if one is required, it is made for a project that has none."""
    project_id = caller().project_id or ""
    listed = network.list_networks(tools().peers, caller=caller())
    usable = [n for n in listed if (n.project_id == project_id or n.shared) and not _is_for_routers(n)]
    if len(usable) > 1:
        raise NetworkAmbiguous()
    if usable:
        return (_requested(usable[0]),)
    return (_requested(_allocate_network(project_id)),) if required else ()


def _is_for_routers(found: Network) -> bool:
    """Return whether it is an external network that isn't shared: such a network takes no servers of its users."""
    return found.external and not found.shared


def _allocate_network(project_id: str) -> Network:
    try:
        return network.auto_allocate_network(tools().peers, project_id, caller())
    except PeerRefused as err:
        raise BadRequest(why=f"Unable to automatically allocate a network for project {project_id}: {err}") from None


# -- named networks and ports --------------------------------------------------------------------------------------


def _named_networks(requested: Sequence[NetworkRequest], server_count: int) -> tuple[RequestedNetwork, ...]:
    port_ids = [r.port_id for r in requested if r.port_id]
    if port_ids and server_count > 1:
        raise BadRequest(
            why="Unable to launch multiple instances with a single configured port ID. Please launch your "
            "instance one by one with different ports."
        )
    if any(r.fixed_ip for r in requested) and server_count > 1:
        raise BadRequest(why="max_count cannot be greater than 1 if a fixed_ip is specified.")
    if len(set(port_ids)) < len(port_ids):
        raise BadRequest(why="Network port is duplicated in the request")
    ports = _find_ports(port_ids)
    ids = {r.network_id for r in requested if r.network_id and not r.port_id} | {p.network_id for p in ports.values()}
    networks = _find_networks(ids)
    return tuple(_resolve(r, ports, networks) for r in requested)


def _resolve(request: NetworkRequest, ports: dict[str, Port], networks: dict[str, Network]) -> RequestedNetwork:
    port = ports.get(request.port_id or "")
    network_id = port.network_id if port else request.network_id
    if not network_id:
        raise BadRequest(why="Bad networks format: network uuid is not in proper format")
    return _requested(networks[network_id], request, port)


def _requested(found: Network, request: NetworkRequest | None = None, port: Port | None = None) -> RequestedNetwork:
    request = request or NetworkRequest()
    return RequestedNetwork(
        network_id=found.id,
        network_name=found.name,
        mtu=found.mtu,
        port_id=port.id if port else None,
        fixed_ip=None if port else request.fixed_ip,
        tag=request.tag,
        port_security=found.port_security,
        groups=port.security_groups if port else (),
    )


def _find_ports(port_ids: Collection[str]) -> dict[str, Port]:
    ports = network.find_ports(tools().peers, port_ids, caller())
    for port_id in port_ids:
        if port_id not in ports:
            raise BadRequest(why=f"Port id {port_id} could not be found.")
        if ports[port_id].device_id:
            raise PortInUse(port=port_id)
    return ports


def _find_networks(ids: Collection[str]) -> dict[str, Network]:
    if not ids:
        return {}
    networks = {n.id: n for n in network.list_networks(tools().peers, ids=sorted(ids), caller=caller())}
    for network_id in ids:
        if network_id not in networks:
            raise BadRequest(why=f"Network {network_id} could not be found.")
        if not networks[network_id].has_subnets:
            raise BadRequest(why=f"Network {network_id} requires a subnet in order to boot instances on.")
        if _is_for_routers(networks[network_id]) and not allowed("network:attach_external_network"):
            raise ExternalNetworkAttachForbidden(network=network_id)
    return networks


# -- security groups -----------------------------------------------------------------------------------------------


def _find_groups(
    names: Sequence[str], networks: Iterable[RequestedNetwork]
) -> tuple[tuple[str, ...] | None, tuple[str, ...]]:
    """Return the ids for new ports and the names that the server shows. Without port security a port has no groups."""
    networks = list(networks)
    new = [n for n in networks if n.port_id is None]
    by_default = not names or list(names) == [DEFAULT_GROUP]
    if not by_default and not all(n.port_security for n in new):
        raise BadRequest(
            why="Network requires port_security_enabled and subnet associated in order to apply security groups."
        )
    held = {group_id for n in networks for group_id in n.groups}
    listed = list_groups() if held or not by_default else []
    given = sorted(g.name for g in listed if g.id in held)
    if by_default:
        shown = [DEFAULT_GROUP] if any(n.port_security for n in new) else []
        return None, tuple(dict.fromkeys(shown + given))
    own = [g for g in listed if g.project_id in (None, caller().project_id)]
    chosen = [_choose_group(own, name) for name in names]
    shown = [g.name for g in chosen] if new else []
    return tuple(g.id for g in chosen), tuple(dict.fromkeys(shown + given))


def list_groups() -> list[SecurityGroup]:
    """Return the ids, names and projects of the groups that the user sees."""
    return security_groups_client.list_groups(tools().peers, fields=("id", "name", "project_id"), caller=caller())


def _choose_group(groups: Iterable[SecurityGroup], name: str) -> SecurityGroup:
    found = {g.id: g for g in groups if name in (g.id, g.name)}
    if not found:
        raise BadRequest(why=f"Security group {name} not found.")
    if len(found) > 1:
        raise Conflict(why=f"Multiple security groups found matching '{name}'. Use an ID to be more specific.")
    return next(iter(found.values()))
