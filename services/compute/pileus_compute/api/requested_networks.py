"""Which networks a new server gets: the network service is asked with the user's own rights."""

from collections.abc import Collection, Mapping, Sequence

from pileus_compute.clients import network
from pileus_compute.clients.network import Network, Port, SecurityGroup
from pileus_compute.core.job_data import RequestedNetwork
from pileus_compute.core.tools import Tools
from pileus_kit.errors import BadRequest, Conflict, Forbidden
from pileus_kit.json_types import JsonObject
from pileus_kit.peers import PeerRefused
from pileus_kit.web import allowed, caller, tools_of, version

tools = tools_of(Tools)

TAGGED_INTERFACES = (2, 32)
DEFAULT_GROUP = "default"


class NetworkAmbiguous(Conflict):
    text = "Multiple possible networks found, use a Network ID to be more specific."


class ExternalNetworkAttachForbidden(Forbidden):
    text = "It is not allowed to create an interface on external network {network}"


class PortInUse(Conflict):
    text = "Port {port} is still in use."


def parse(asked: Sequence[JsonObject] | str | None, count: int) -> tuple[RequestedNetwork, ...]:
    """The interfaces of each of `count` servers, from the `networks` of a request (None: it has none)."""
    if asked == "none":
        return ()
    if asked is None or asked == "auto" or asked == []:
        return _default(required=asked == "auto")
    assert not isinstance(asked, str)
    return _named(asked, count)


def _default(required: bool) -> tuple[RequestedNetwork, ...]:
    """The project's only network, or with "auto" one that is made for it."""
    project = caller().project_id
    listed = network.list_networks(tools().peers, caller=caller())
    usable = [n for n in listed if (n.project_id == project or n.shared) and not _for_routers_only(n)]
    if len(usable) > 1:
        raise NetworkAmbiguous()
    if usable:
        return (_requested(usable[0]),)
    return (_allocated(project or ""),) if required else ()


def _for_routers_only(found: Network) -> bool:
    """External networks are for routers, except for a shared one, which takes any project's servers."""
    return found.external and not found.shared


def _allocated(project_id: str) -> RequestedNetwork:
    try:
        return _requested(network.auto_allocate_network(tools().peers, project_id, caller()))
    except PeerRefused as err:
        raise BadRequest(why=f"Unable to automatically allocate a network for project {project_id}: {err}") from None


def _requested(
    found: Network, port: Port | None = None, fixed_ip: str | None = None, tag: str | None = None
) -> RequestedNetwork:
    return RequestedNetwork(
        found.id,
        found.name,
        found.mtu,
        port_id=port.id if port else None,
        fixed_ip=None if port else fixed_ip,
        tag=tag if version() >= TAGGED_INTERFACES else None,
        port_security=found.port_security,
        groups=port.security_groups if port else (),
    )


def _named(asked: Sequence[JsonObject], count: int) -> tuple[RequestedNetwork, ...]:
    port_ids: list[str] = [n["port"] for n in asked if n.get("port")]
    if port_ids and count > 1:
        raise BadRequest(
            why="Unable to launch multiple instances with a single configured port ID. Please launch your "
            "instance one by one with different ports."
        )
    if any(n.get("fixed_ip") for n in asked) and count > 1:
        raise BadRequest(why="max_count cannot be greater than 1 if a fixed_ip is specified.")
    if len(set(port_ids)) < len(port_ids):
        raise BadRequest(why="Network port is duplicated in the request")
    ports = _free_ports(port_ids)
    named = {n["uuid"] for n in asked if n.get("uuid") and not n.get("port")}
    networks = _networks(named | {port.network_id for port in ports.values()})
    found = []
    for one in asked:
        port = ports.get(one.get("port") or "")
        network_id = port.network_id if port else one.get("uuid")
        if not network_id:
            raise BadRequest(why="Bad networks format: network uuid is not in proper format")
        found.append(_requested(networks[network_id], port, one.get("fixed_ip") or None, one.get("tag") or None))
    return tuple(found)


def _free_ports(port_ids: Collection[str]) -> Mapping[str, Port]:
    ports = network.find_ports(tools().peers, port_ids, caller())
    for port_id in port_ids:
        if port_id not in ports:
            raise BadRequest(why=f"Port id {port_id} could not be found.")
        if ports[port_id].device_id:
            raise PortInUse(port=port_id)
    return ports


def _networks(ids: set[str]) -> Mapping[str, Network]:
    if not ids:
        return {}
    networks = {n.id: n for n in network.list_networks(tools().peers, ids=sorted(ids), caller=caller())}
    for network_id in ids:
        if network_id not in networks:
            raise BadRequest(why=f"Network {network_id} could not be found.")
        if not networks[network_id].has_subnets:
            raise BadRequest(why=f"Network {network_id} requires a subnet in order to boot instances on.")
        if _for_routers_only(networks[network_id]) and not allowed("network:attach_external_network"):
            raise ExternalNetworkAttachForbidden(network=network_id)
    return networks


def security_groups(
    asked: Sequence[JsonObject], networks: Sequence[RequestedNetwork]
) -> tuple[tuple[str, ...] | None, list[str]]:
    """Ids for the ports that are made (None: the network service's default), and the names that the server shows, with
    those of the ports that it is given. A network without port security has none."""
    names = list(dict.fromkeys(g["name"] for g in asked if "name" in g))
    fresh = [n for n in networks if n.port_id is None]
    guarded, by_default = any(n.port_security for n in fresh), not names or names == [DEFAULT_GROUP]
    if not by_default and not all(n.port_security for n in fresh):
        raise BadRequest(
            why="Network requires port_security_enabled and subnet associated in order to apply security groups."
        )
    held = {group_id for n in networks for group_id in n.groups}
    listed = []
    if held or not by_default:
        listed = network.list_security_groups(tools().peers, fields=(*network.BRIEF, "project_id"), caller=caller())
    given = sorted(group.name for group in listed if group.id in held)
    if by_default:
        return None, list(dict.fromkeys(([DEFAULT_GROUP] if guarded else []) + given))
    mine = [group for group in listed if group.project_id in (None, caller().project_id)]
    chosen = [_group(mine, name) for name in names]
    shown = [group.name for group in chosen] if fresh else []
    return tuple(group.id for group in chosen), list(dict.fromkeys(shown + given))


def _group(groups: Sequence[SecurityGroup], name: str) -> SecurityGroup:
    hits = [group for group in groups if name in (group.id, group.name)]
    if not hits:
        raise BadRequest(why=f"Security group {name} not found.")
    if len({group.id for group in hits}) > 1:
        raise Conflict(why=f"Multiple security groups found matching '{name}'. Use an ID to be more specific.")
    return hits[0]
