"""Addresses of a server, and its security groups."""

from typing import Any

from sqlalchemy import select

from pileus_compute.api import server_views
from pileus_compute.api.requests import find_server, server_target
from pileus_compute.db.models import ServerPort
from pileus_kit.errors import NotFound
from pileus_kit.web import Resource, tools

resource = Resource("server_ips", __name__, url_prefix="/v2.1/servers/<server_id>")


def _addresses(server_id: str) -> dict[str, list[dict[str, Any]]]:
    with tools().sessions.read() as session:
        find_server(session, server_id)
        ports = list(
            session.scalars(select(ServerPort).where(ServerPort.server_id == server_id).order_by(ServerPort.position))
        )
    full = server_views.addresses(ports)
    return {name: [{"version": a["version"], "addr": a["addr"]} for a in rows] for name, rows in full.items()}


@resource.endpoint("GET", "/ips", policy="os_compute_api:ips:index", target=server_target)
def index(server_id: str) -> Any:
    return {"addresses": _addresses(server_id)}


@resource.endpoint("GET", "/ips/<network>", policy="os_compute_api:ips:show", target=server_target)
def show(server_id: str, network: str) -> Any:
    found = _addresses(server_id)
    if network not in found:
        raise NotFound(why="Instance is not a member of specified network")
    return {network: found[network]}
