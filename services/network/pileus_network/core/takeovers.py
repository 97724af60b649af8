"""Hosts take over the DHCP ports and routers of one that fell silent.

What no other host can serve, because it isn't connected to the physical network, stays where it is.
"""

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_network.core import dhcp_ports, routers, scheduler
from pileus_network.core.scheduler import Candidate
from pileus_network.db.models import Network, Port, Router
from pileus_network.rpc import DHCP_OWNER

MAX_MOVED = 200
"""DHCP ports, and routers, that move in one transaction; the next one takes more."""


def are_due(session: Session) -> bool:
    """Whether a silent host has anything that another one could take over."""
    silent = scheduler.silent_hosts(session)
    if not silent:
        return False
    ports = select(Port.id).where(Port.host.in_(silent), Port.device_owner == DHCP_OWNER)
    return session.scalar(ports.limit(1)) is not None or (
        session.scalar(select(Router.id).where(Router.host.in_(silent)).limit(1)) is not None
    )


def take_over(session: Session, silent: Collection[str]) -> dict[str, int]:
    """Move DHCP ports and routers away from these hosts. Return {host: how many moved}."""
    candidates = scheduler.candidates(session, excluded=silent)
    moved: dict[str, int] = defaultdict(int)
    if candidates:
        _move_dhcp_ports(session, silent, candidates, moved)
        _move_routers(session, silent, candidates, moved)
    return dict(moved)


def _move_dhcp_ports(
    session: Session, silent: Collection[str], candidates: list[Candidate], moved: dict[str, int]
) -> None:
    found = session.execute(
        select(Port, Network)
        .join(Network, Network.id == Port.network_id)
        .where(Port.host.in_(silent), Port.device_owner == DHCP_OWNER)
        .order_by(Port.id)
        .limit(MAX_MOVED)
    ).all()
    for port, network in found:
        required = dhcp_ports.required_physical_networks(network)
        chosen = scheduler.choose(candidates, required, tunnels=network.network_type == "vxlan")
        if chosen is not None:
            moved[port.host] += 1
            dhcp_ports.move_port(session, port, chosen.name)
            chosen.load += 1


def _move_routers(
    session: Session, silent: Collection[str], candidates: list[Candidate], moved: dict[str, int]
) -> None:
    found = session.scalars(select(Router).where(Router.host.in_(silent)).order_by(Router.id).limit(MAX_MOVED)).all()
    required = routers.required_physical_networks(session, [router.id for router in found])
    for router in found:
        chosen = scheduler.choose(candidates, required[router.id], tunnels=True)
        if chosen is not None:
            moved[router.host] += 1
            routers.move_to_host(session, router, chosen.name)
            chosen.load += 1
