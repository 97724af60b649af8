"""A guest's description with its config drive, which tells of subnets that the network service has to be asked for."""

from typing import Any

from pileus_compute.core import guests
from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Server
from pileus_compute.rpc import Guest


def with_drive(tools: Tools, server_id: str, tickets: dict[str, dict[str, Any]] | None = None) -> Guest:
    """`tickets`: see core.guests.describe."""
    with tools.sessions.read() as session:
        if not session.get_one(Server, server_id).config_drive:
            return guests.describe(session, server_id, tickets)
        ports = guests.load(session, server_id)[1]
    subnets = subnets_of(tools, sorted({a["subnet_id"] for port in ports for a in port.fixed_ips}))
    with tools.sessions.read() as session:
        return guests.describe(session, server_id, tickets, files=True, subnets=subnets)


def subnets_of(tools: Tools, ids: list[str]) -> list[dict[str, Any]]:
    if not ids:
        return []
    found: list[dict[str, Any]] = tools.peers.call(
        "network", "GET", "/v2.0/subnets?" + "&".join(f"id={subnet_id}" for subnet_id in ids)
    )["subnets"]
    return found
