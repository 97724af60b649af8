"""Read the ports of a server again in the network service: addresses, floating addresses, security groups."""

from dataclasses import asdict

from pileus_compute.clients import network, security_groups
from pileus_compute.core import server_jobs, server_ports
from pileus_compute.core.server_ports import REFRESH_FLOW, CurrentPort, CurrentPorts
from pileus_compute.core.tools import Tools
from pileus_compute.db.models import Server
from pileus_kit.flow import Again, Flow, Remote, Work
from pileus_kit.peers import PeerRefused

PATIENCE_S = 3600.0  # as long as the build of a server may take


def current_ports(tools: Tools, server_id: str) -> CurrentPorts:
    """What the network service says now; nothing if the ports went meanwhile."""
    try:
        ports = {port.id: port for port in network.list_ports(tools.peers, server_id)}
        if not ports:
            return CurrentPorts()
        ids = sorted({group_id for port in ports.values() for group_id in port.security_groups})
        groups = security_groups.list_groups(tools.peers, ids=ids, fields=network.BRIEF) if ids else []
        floating = network.floating_addresses(tools.peers, ports)
    except PeerRefused as err:
        if err.status == 404:
            return CurrentPorts()
        raise
    return CurrentPorts(
        {
            port.id: CurrentPort(port.mac_address, [asdict(ip) for ip in port.fixed_ips], floating.get(port.id, {}))
            for port in ports.values()
        },
        frozenset(group.name for group in groups),
    )


def refresh(tools: Tools, work: Work) -> None:
    """Take over what the network service says. While a flow works on the server and there is a port that no step has
    recorded yet, wait for it; otherwise the port isn't ours to know."""
    server_id = server_jobs.server_id_of(work.subject)
    current = current_ports(tools, server_id)
    with tools.sessions.begin() as session:
        if session.get(Server, server_id) is None:
            return
        unknown = server_ports.update(session, server_id, current)
        running = [job for job in server_jobs.unfinished_jobs(session, server_id) if job.flow != REFRESH_FLOW]
    if unknown and running:
        raise Again(after=0.5, why="a port of the server is not recorded yet")


refresh_addresses = Flow(REFRESH_FLOW, Remote(refresh, patience_s=PATIENCE_S))
