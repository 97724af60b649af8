"""Hosts take over the DHCP ports and routers of one that fell silent.

What no other host can serve, because it isn't connected to the physical network, stays where it is.
"""

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import Select, exists, select
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
    if not silent or not _have_anything(session, silent):
        return False
    candidates = scheduler.candidates(session, excluded=silent)
    return bool(candidates) and (
        session.execute(_dhcp_ports(silent, candidates).limit(1)).first() is not None
        or session.execute(_routers(silent, candidates).limit(1)).first() is not None
    )


def _have_anything(session: Session, silent: Collection[str]) -> bool:
    """Whether these hosts have a DHCP port or a router: one that is off for long has none, and costs little then."""
    dhcp = select(Port.id).where(Port.host.in_(silent), Port.device_owner == DHCP_OWNER).limit(1)
    router = select(Router.id).where(Router.host.in_(silent)).limit(1)
    return session.scalar(dhcp) is not None or session.scalar(router) is not None


def take_over(session: Session, silent: Collection[str]) -> dict[str, int]:
    """Move DHCP ports and routers away from these hosts. Return {host: how many moved}."""
    candidates = scheduler.candidates(session, excluded=silent)
    moved: dict[str, int] = defaultdict(int)
    if candidates:
        _move_dhcp_ports(session, silent, candidates, moved)
        _move_routers(session, silent, candidates, moved)
    return dict(moved)


def _dhcp_ports(silent: Collection[str], candidates: list[Candidate]) -> Select[Port, Network]:
    """The DHCP ports of silent hosts that a candidate can take, in order of their ids."""
    return (
        select(Port, Network)
        .join(Network, Network.id == Port.network_id)
        .where(Port.host.in_(silent), Port.device_owner == DHCP_OWNER)
        .where(Network.physical_network.in_(_reached(candidates)))
        .order_by(Port.id)
    )


def _routers(silent: Collection[str], candidates: list[Candidate]) -> Select[Router]:
    """The routers of silent hosts all of whose physical networks some candidate is connected to."""
    beyond = (
        select(Port.id)
        .join(Network, Network.id == Port.network_id)
        .where(Port.router_id == Router.id, Port.device_owner.in_(routers.ROUTER_OWNERS))
        .where(Network.physical_network.not_in(_reached(candidates)))
    )
    return select(Router).where(Router.host.in_(silent), ~exists(beyond)).order_by(Router.id)


def _reached(candidates: list[Candidate]) -> set[str]:
    """The physical networks that any of them is connected to; tunnels ("") reach all."""
    return {""}.union(*(host.physical_networks for host in candidates))


def _move_dhcp_ports(
    session: Session, silent: Collection[str], candidates: list[Candidate], moved: dict[str, int]
) -> None:
    for port, network in session.execute(_dhcp_ports(silent, candidates).limit(MAX_MOVED)).all():
        required = dhcp_ports.required_physical_networks(network)
        chosen = scheduler.choose(candidates, required, tunnels=network.network_type == "vxlan")
        if chosen is not None:
            moved[port.host] += 1
            dhcp_ports.move_port(session, port, chosen.name)
            chosen.load += 1


def _move_routers(
    session: Session, silent: Collection[str], candidates: list[Candidate], moved: dict[str, int]
) -> None:
    found = session.scalars(_routers(silent, candidates).limit(MAX_MOVED)).all()
    required = routers.required_physical_networks(session, [router.id for router in found])
    for router in found:
        chosen = scheduler.choose(candidates, required[router.id], tunnels=True)
        if chosen is not None:
            moved[router.host] += 1
            routers.move_to_host(session, router, chosen.name)
            chosen.load += 1
