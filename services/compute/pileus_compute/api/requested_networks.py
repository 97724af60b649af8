"""Which networks a new server gets: asked of the network service with the user's own rights."""

from typing import Any

from pileus_kit.errors import BadRequest, Conflict, Forbidden
from pileus_kit.peers import PeerRefused
from pileus_kit.web import allowed, caller, tools, version

NETWORK_FIELDS = "&".join(
    f"fields={name}"
    for name in (
        "id",
        "name",
        "mtu",
        "shared",
        "project_id",
        "router:external",
        "status",
        "subnets",
        "port_security_enabled",
    )
)


class NetworkAmbiguous(Conflict):
    text = "Multiple possible networks found, use a Network ID to be more specific."


class ExternalNetworkAttachForbidden(Forbidden):
    text = "It is not allowed to create an interface on external network {network}"


class PortInUse(Conflict):
    text = "Port {port} is still in use."


def wanted(asked: Any, count: int) -> tuple[dict[str, Any], ...]:
    """What core.servers.ServerRequest.networks holds, from the `networks` of a request (None: it has none)."""
    if asked == "none":
        return ()
    if asked is None or asked == "auto" or asked == []:
        return _default(required=asked == "auto")
    return _named(asked, count)


def _get(path: str) -> Any:
    return tools().peers.call("network", "GET", f"/v2.0{path}", caller=caller())


def _default(required: bool) -> tuple[dict[str, Any], ...]:
    """The project's only network, or with "auto" one that is made for it."""
    project = caller().project_id
    listed = _get(f"/networks?{NETWORK_FIELDS}")["networks"]
    usable = [n for n in listed if (n.get("project_id") == project or n.get("shared")) and not _closed(n)]
    if len(usable) > 1:
        raise NetworkAmbiguous()
    if usable:
        return (_of(usable[0]),)
    return (_allocated(project or ""),) if required else ()


def _closed(network: dict[str, Any]) -> bool:
    """External networks are there for routers; only one that is shared takes everybody's servers."""
    return bool(network.get("router:external")) and not network.get("shared")


def _allocated(project_id: str) -> dict[str, Any]:
    try:
        topology = _get(f"/auto-allocated-topology/{project_id}")["auto_allocated_topology"]
    except PeerRefused as err:
        raise BadRequest(why=f"Unable to automatically allocate a network for project {project_id}: {err}") from None
    network = _get(f"/networks/{topology['id']}")["network"]
    return _of(network)


def _of(network: dict[str, Any]) -> dict[str, Any]:
    return {
        "network_id": network["id"],
        "network_name": network["name"],
        "mtu": network.get("mtu") or 1500,
        "port_security": network.get("port_security_enabled", True),
    }


def _named(asked: list[dict[str, Any]], count: int) -> tuple[dict[str, Any], ...]:
    port_ids = [n["port"] for n in asked if n.get("port")]
    if port_ids and count > 1:
        raise BadRequest(
            why="Unable to launch multiple instances with a single configured port ID. Please launch your "
            "instance one by one with different ports."
        )
    if any(n.get("fixed_ip") for n in asked) and count > 1:
        raise BadRequest(why="max_count cannot be greater than 1 if a fixed_ip is specified.")
    if len(set(port_ids)) < len(port_ids):
        raise BadRequest(why="Network port is duplicated in the request")
    ports = _ports(port_ids)
    ids = {n["uuid"] for n in asked if n.get("uuid") and not n.get("port")} | {p["network_id"] for p in ports.values()}
    networks = _networks(ids)
    found = []
    for wish in asked:
        port = ports.get(wish.get("port") or "")
        network_id = port["network_id"] if port else wish.get("uuid")
        if not network_id:
            raise BadRequest(why="Bad networks format: network uuid is not in proper format")
        one = _of(networks[network_id])
        if port:
            one |= {"port_id": port["id"], "groups": port.get("security_groups", [])}
        elif wish.get("fixed_ip"):
            one["fixed_ip"] = wish["fixed_ip"]
        if wish.get("tag") and version() >= (2, 32):
            one["tag"] = wish["tag"]
        found.append(one)
    return tuple(found)


def _ports(port_ids: list[str]) -> dict[str, dict[str, Any]]:
    if not port_ids:
        return {}
    listed = _get("/ports?" + "&".join(f"id={p}" for p in port_ids))["ports"]
    ports = {p["id"]: p for p in listed}
    for port_id in port_ids:
        if port_id not in ports:
            raise BadRequest(why=f"Port id {port_id} could not be found.")
        if ports[port_id].get("device_id"):
            raise PortInUse(port=port_id)
    return ports


def _networks(ids: set[str]) -> dict[str, dict[str, Any]]:
    if not ids:
        return {}
    listed = _get(f"/networks?{NETWORK_FIELDS}&" + "&".join(f"id={n}" for n in sorted(ids)))["networks"]
    networks = {n["id"]: n for n in listed}
    for network_id in ids:
        if network_id not in networks:
            raise BadRequest(why=f"Network {network_id} could not be found.")
        if networks[network_id].get("subnets") == []:
            raise BadRequest(why=f"Network {network_id} requires a subnet in order to boot instances on.")
        if _closed(networks[network_id]) and not allowed("network:attach_external_network"):
            raise ExternalNetworkAttachForbidden(network=network_id)
    return networks


def security_groups(
    asked: list[dict[str, str]], networks: tuple[dict[str, Any], ...]
) -> tuple[tuple[str, ...] | None, list[str]]:
    """Ids for the ports that are made (None: leave it to the network service), and the names that the server shows:
    also those of the ports that it is given. A network without port security has none.
    """
    names = list(dict.fromkeys(g["name"] for g in asked if "name" in g))
    fresh = [n for n in networks if "port_id" not in n]
    guarded, by_default = any(n["port_security"] for n in fresh), not names or names == ["default"]
    if not by_default and not all(n["port_security"] for n in fresh):
        raise BadRequest(
            why="Network requires port_security_enabled and subnet associated in order to apply security groups."
        )
    held = {g for n in networks for g in n.get("groups", ())}
    listed = (
        _get("/security-groups?fields=id&fields=name&fields=project_id")["security_groups"]
        if (held or not by_default)
        else []
    )
    given = sorted(g["name"] for g in listed if g["id"] in held)
    if by_default:
        return None, list(dict.fromkeys((["default"] if guarded else []) + given))
    mine = [g for g in listed if g.get("project_id") in (None, caller().project_id)]
    chosen = [_group(mine, name) for name in names]
    shown = [g["name"] for g in chosen] if fresh else []
    return tuple(g["id"] for g in chosen), list(dict.fromkeys(shown + given))


def _group(groups: list[dict[str, Any]], name: str) -> dict[str, Any]:
    hits = [g for g in groups if name in (g["id"], g["name"])]
    if not hits:
        raise BadRequest(why=f"Security group {name} not found.")
    if len({g["id"] for g in hits}) > 1:
        raise Conflict(why=f"Multiple security groups found matching '{name}'. Use an ID to be more specific.")
    return hits[0]
