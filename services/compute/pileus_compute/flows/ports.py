"""Ports of a server in the network service: made or bound, recorded, unbound or deleted again."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from pileus_compute.core.tools import Tools
from pileus_compute.db.models import ServerPort
from pileus_kit.errors import CloudError
from pileus_kit.flow import Work
from pileus_kit.peers import PeerRefused

OWNER = "compute:nova"
FREE = {"device_id": "", "device_owner": "", "binding:host_id": "", "dns_name": ""}


class BindingFailed(CloudError):
    text = "Binding failed for port {port}: the network has no agent on host {host}."


class PortTaken(CloudError):
    status = 409
    text = "Port {port} is still in use."


def server_id_of(work: Work) -> str:
    """Subjects are `SERVER` or `SERVER/part`."""
    return work.subject.partition("/")[0]


def make(
    tools: Tools,
    work: Work,
    project_id: str,
    host: str,
    wanted: list[dict[str, Any]],
    security_groups: Any,
    hostname: str = "",
) -> list[dict[str, Any]]:
    """Have a port for each of `wanted` (see `ServerRequest.networks`) on `host`; those that exist are found again."""
    if not wanted:
        return []
    server_id = server_id_of(work)
    here = of_server(tools, server_id)
    bound: dict[int, dict[str, Any]] = {}
    fresh: list[int] = []
    for index, wish in enumerate(wanted):
        if wish.get("port_id"):
            bound[index] = bind(tools, server_id, host, wish["port_id"], hostname)
            continue
        again = next((p for p in here if p.get("description") == mark(work, index)), None)
        if again:
            bound[index] = again
        else:
            fresh.append(index)
    if fresh:
        body = {
            "ports": [
                _wish(project_id, server_id, host, wanted[i], security_groups, mark(work, i), hostname) for i in fresh
            ]
        }
        made = tools.peers.call("network", "POST", "/v2.0/ports", json=body)["ports"]
        bound |= dict(zip(fresh, made, strict=True))
    floating = floating_of(tools, [w["port_id"] for w in wanted if w.get("port_id")])
    return [facts(bound_well(bound[i]), wish, floating) for i, wish in enumerate(wanted)]


def floating_of(tools: Tools, port_ids: Collection[str]) -> dict[str, dict[str, str]]:
    """Port id -> its fixed addresses -> the floating address that leads to each: a user's port may have had one before
    a server has the port."""
    found: dict[str, dict[str, str]] = {}
    if not port_ids:
        return found
    wanted = "&".join(f"port_id={port_id}" for port_id in port_ids)
    for ip in tools.peers.call("network", "GET", f"/v2.0/floatingips?{wanted}")["floatingips"]:
        found.setdefault(ip["port_id"], {})[ip["fixed_ip_address"]] = ip["floating_ip_address"]
    return found


def mark(work: Work, index: int) -> str:
    """Says which wish of which job a port fulfils, so that a repeated step finds it."""
    return f"server port {index} ({work.id[:8]})"


def _wish(
    project_id: str,
    server_id: str,
    host: str,
    wish: dict[str, Any],
    security_groups: Any,
    description: str,
    hostname: str,
) -> dict[str, Any]:
    port: dict[str, Any] = {
        "network_id": wish["network_id"],
        "project_id": project_id,
        "tenant_id": project_id,
        "device_id": server_id,
        "device_owner": OWNER,
        "binding:host_id": host,
        "admin_state_up": True,
        "description": description,
        "dns_name": hostname[:63],
    }
    if wish.get("fixed_ip"):
        port["fixed_ips"] = [{"ip_address": wish["fixed_ip"]}]
    if security_groups is not None:
        port["security_groups"] = list(security_groups)
    return port


def bind(tools: Tools, server_id: str, host: str, port_id: str, hostname: str = "") -> dict[str, Any]:
    """Give an existing port to the server. Raises PortTaken if another device has it."""
    port = tools.peers.call("network", "GET", f"/v2.0/ports/{port_id}")["port"]
    if port.get("device_id") not in ("", None, server_id):
        raise PortTaken(port=port_id)
    change = {"device_id": server_id, "device_owner": OWNER, "binding:host_id": host}
    if hostname:
        change["dns_name"] = hostname[:63]
    if all(port.get(k) == v for k, v in change.items()):
        return port
    return tools.peers.call("network", "PUT", f"/v2.0/ports/{port_id}", json={"port": change})["port"]


def bound_well(port: dict[str, Any]) -> dict[str, Any]:
    """Raises BindingFailed if the network can't serve the port on its host: waiting would not help."""
    if port.get("binding:vif_type") == "binding_failed":
        raise BindingFailed(port=port["id"], host=port.get("binding:host_id"))
    return port


def facts(port: dict[str, Any], wish: dict[str, Any], floating: dict[str, dict[str, str]]) -> dict[str, Any]:
    """What we remember of a port."""
    return {
        "id": port["id"],
        "network_id": port["network_id"],
        "network_name": wish["network_name"],
        "mac": port["mac_address"],
        "mtu": wish.get("mtu") or 1500,
        "fixed_ips": port.get("fixed_ips", []),
        "floating_ips": floating.get(port["id"], {}),
        "delete_on_termination": not wish.get("port_id"),
        "tag": wish.get("tag"),
    }


def of_server(tools: Tools, server_id: str) -> list[dict[str, Any]]:
    return tools.peers.call("network", "GET", f"/v2.0/ports?device_id={server_id}")["ports"]


def let_go(tools: Tools, server_id: str, foreign: set[str], only: set[str] | None = None) -> None:
    """Delete the server's ports that we made, unbind those of the user (`foreign`); `only` these, if given."""
    for port in of_server(tools, server_id):
        if only is not None and port["id"] not in only:
            continue
        try:
            if port["id"] in foreign:
                tools.peers.call("network", "PUT", f"/v2.0/ports/{port['id']}", json={"port": FREE})
            else:
                tools.peers.call("network", "DELETE", f"/v2.0/ports/{port['id']}")
        except PeerRefused as err:
            if err.status != 404:
                raise


def record(session: Session, server_id: str, ports: list[dict[str, Any]], start: int = 0) -> None:
    """Keep what we know of the server's ports: this is what lists, metadata and guests are made of."""
    session.add_all(
        ServerPort(
            **port,
            server_id=server_id,
            position=start + i,
            addresses=searchable(port["fixed_ips"], port.get("floating_ips", {})),
        )
        for i, port in enumerate(ports)
    )


def searchable(fixed_ips: list[Any], floating: dict[str, Any]) -> str:
    return " ".join([a["ip_address"] for a in fixed_ips] + [str(f) for f in floating.values()])


def erase(session: Session, server_id: str) -> None:
    session.execute(delete(ServerPort).where(ServerPort.server_id == server_id))


def foreign_of(session: Session, server_id: str) -> set[str]:
    """Ports of the server that the user had made before."""
    return set(
        session.scalars(
            select(ServerPort.id).where(ServerPort.server_id == server_id, ServerPort.delete_on_termination.is_(False))
        )
    )


def rebind(tools: Tools, server_id: str, host: str) -> None:
    """All ports of the server now belong to this host (none: "")."""
    for port in of_server(tools, server_id):
        if (port.get("binding:host_id") or "") != host:
            tools.peers.call("network", "PUT", f"/v2.0/ports/{port['id']}", json={"port": {"binding:host_id": host}})
