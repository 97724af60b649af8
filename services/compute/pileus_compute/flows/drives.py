"""A guest's description with its config drive, which tells of subnets that the network service has to be asked for."""

from collections.abc import Mapping

from pileus_compute.clients import network
from pileus_compute.core import guests
from pileus_compute.core.guests import ImageTicket
from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Server
from pileus_compute.rpc import Guest


def with_drive(tools: Tools, server_id: str, tickets: Mapping[str, ImageTicket] | None = None) -> Guest:
    """`tickets`: see core.guests.describe."""
    with tools.sessions.read() as session:
        if not session.get_one(Server, server_id).config_drive:
            return guests.describe(session, server_id, tickets)
        ports = guests.load(session, server_id)[1]
    subnets = network.list_subnets(tools.peers, sorted({a["subnet_id"] for port in ports for a in port.fixed_ips}))
    with tools.sessions.read() as session:
        return guests.describe(session, server_id, tickets, files=True, subnets=subnets)
