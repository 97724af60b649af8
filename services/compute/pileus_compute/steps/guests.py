"""A server's guest on its host: described, booted, destroyed; and what becomes of the server."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from sqlalchemy.orm import Session

from pileus_compute.clients import network
from pileus_compute.core import faults, guests, server_volumes, states
from pileus_compute.core.guests import ImageTicket
from pileus_compute.core.job_data import Added, as_json
from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Host, Server
from pileus_compute.rpc import Booted, Guest, HostAgent
from pileus_kit import hosts as host_rows
from pileus_kit.errors import HostDown
from pileus_kit.flow import Work


def agent_of(tools: Tools, server_id: str) -> HostAgent:
    """The agent of the server's host."""
    with tools.sessions.read() as session:
        return tools.agent(str(session.get_one(Server, server_id).host))


def load(tools: Tools, server_id: str) -> tuple[HostAgent, Guest]:
    """The agent of the server's host, and the guest as the server's rows say, with the config drive that it has."""
    with tools.sessions.read() as session:
        host = str(session.get_one(Server, server_id).host)
        guest = guests.describe(session, server_id)
    return tools.agent(host), guest


def describe_with_config_drive(tools: Tools, server_id: str, tickets: Mapping[str, ImageTicket] | None = None) -> Guest:
    """The guest with the content of a new config drive, if the server has one. Its subnets are asked for at the
    network service. `tickets`: by image id, for the images that the host has to fetch."""
    with tools.sessions.read() as session:
        if not session.get_one(Server, server_id).config_drive:
            return guests.describe(session, server_id, tickets)
        ports = guests.load(session, server_id)[1]
    subnets = network.list_subnets(tools.peers, sorted({a["subnet_id"] for port in ports for a in port.fixed_ips}))
    with tools.sessions.read() as session:
        return guests.describe(session, server_id, tickets, files=True, subnets=subnets)


def boot(tools: Tools, server_id: str) -> Added:
    """Boot the guest on its server's host."""
    agent, guest = load(tools, server_id)
    return booted(agent.boot(guest))


def booted(result: Booted) -> Added:
    """What a step adds that has booted the guest."""
    return {"booted": as_json(result)}


def record_devices(session: Session, server_id: str, result: Booted | None) -> None:
    """Remember under which name the guest has each volume, and where it finds its devices."""
    if result is not None:
        server_volumes.set_device_addresses(session, server_id, result.addresses)
        server_volumes.set_device_names(session, server_id, result.devices)


@contextmanager
def unless_gone(tools: Tools, server_id: str) -> Iterator[None]:
    """For an undo that asks the server's host: if the server is being deleted and the host is down, nothing has to be
    put in order there, as everything of the server is destroyed when the host reports. Otherwise raises HostDown."""
    try:
        yield
    except HostDown:
        with tools.sessions.read() as session:
            server = session.get(Server, server_id)
            row = session.get(Host, server.host) if server and server.host else None
            if server is None or not server.deleting or (row and host_rows.is_up(row, tools.config.host_silence_s)):
                raise


def boot_if_it_ran(tools: Tools, work: Work) -> None:
    """Undo of a power off."""
    with tools.sessions.read() as session:
        server = session.get_one(Server, work.subject)
        guest = guests.describe(session, work.subject)
    if server.power_state == states.RUNNING:
        with unless_gone(tools, server.id):
            tools.agent(str(server.host)).boot(guest)


def destroy_on(tools: Tools, host: str, server_id: str) -> None:
    """Make sure that nothing of the server is on the host. A host that is down isn't waited for: when it comes back,
    the worker has the guests removed that its agent reports and that shouldn't be there."""
    try:
        tools.agent(host).destroy(server_id)
    except HostDown:
        with tools.sessions.read() as session:
            row = session.get(Host, host)
            if row and host_rows.is_up(row, tools.config.host_silence_s):
                raise


def mark_failed(session: Session, work: Work, otherwise: str) -> None:
    """Show the server in ERROR with the cause of the failure (`otherwise`, if there is none); a job that a deletion
    has cancelled changes nothing."""
    if not work.cancelled:
        states.move(session, work.subject, "failed", fault=faults.new_fault(500, work.error or otherwise))
