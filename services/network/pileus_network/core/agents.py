"""Agents, as OpenStack's clients know them.

A host has one agent process that does everything; clients know three types of agents. So each host is shown as three
agents, whose ids are derived from the host's: one switches ports, one serves DHCP, one routes.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from pileus_network.core import dhcp_ports, hosts, networks, routers, scheduler
from pileus_network.core.visibility import ELEVATED
from pileus_network.db.models import Host, Network, Port, Router
from pileus_network.errors import (
    AgentInUse,
    AgentNotFound,
    HTTPBadRequest,
    NetworkSchedulingFailed,
    RouterSchedulingFailed,
)
from pileus_network.rpc import DHCP_OWNER

SWITCH, DHCP, L3 = "Linux bridge agent", "DHCP agent", "L3 agent"
AGENT_TYPES = (SWITCH, DHCP, L3)


@dataclass(frozen=True)
class Agent:
    """One of the three agents that a host is shown as."""

    host: Host
    agent_type: str
    is_alive: bool

    @property
    def id(self) -> str:
        """The id that is derived from the host's."""
        return derive_id(self.host, self.agent_type)


class AgentUpdate(TypedDict, total=False):
    """The attributes that an update may set."""

    admin_state_up: bool
    description: str | None


def derive_id(host: Host, agent_type: str) -> str:
    """Return the id of a host's agent of this type."""
    return str(uuid.uuid5(uuid.UUID(host.id), agent_type))


def list_all(session: Session) -> list[Agent]:
    """Return the agents of all hosts."""
    since = scheduler.alive_since(session)
    return [
        Agent(host, agent_type, scheduler.is_alive(host, since))
        for host in hosts.list_all(session)
        for agent_type in AGENT_TYPES
    ]


def find(session: Session, agent_id: str, agent_type: str | None = None) -> Agent:
    """Return the agent with this id, of this type if one is given."""
    for agent in list_all(session):
        if agent.id == agent_id and agent_type in (None, agent.agent_type):
            return agent
    raise AgentNotFound(id=agent_id)


def _of_host(session: Session, name: str, agent_type: str) -> list[Agent]:
    host = session.get(Host, name) if name else None
    if host is None:
        return []
    return [Agent(host, agent_type, scheduler.is_alive_now(session, host))]


def update(session: Session, agent_id: str, requested: AgentUpdate) -> Agent:
    """`admin_state_up` false keeps new DHCP ports and routers away from the host."""
    agent = find(session, agent_id)
    host = agent.host
    if requested.get("admin_state_up", host.admin_state_up) != host.admin_state_up:
        host.admin_state_up = requested["admin_state_up"]
        session.flush()
        hosts.reschedule_unhosted(session)
    if "description" in requested:
        host.description = requested["description"] or ""
    return agent


def delete(session: Session, agent_id: str) -> None:
    """Delete a dead host; its DHCP ports and routers are rescheduled."""
    agent = find(session, agent_id)
    if agent.is_alive:
        raise AgentInUse(id=agent_id)
    hosts.delete(session, agent.host)


# -- DHCP --------------------------------------------------------------------------------------------------------------


def list_dhcp_networks(session: Session, agent_id: str) -> Sequence[Network]:
    """Return the networks whose DHCP is served by the agent's host."""
    host = find(session, agent_id, DHCP).host
    return session.scalars(
        select(Network)
        .join(Port, Port.network_id == Network.id)
        .options(*networks.LOADED)
        .where(Port.host == host.name, Port.device_owner == DHCP_OWNER)
        .order_by(Network.id)
    ).all()


def list_dhcp_agents(session: Session, network_id: str) -> list[Agent]:
    """Return the agent that serves the network's DHCP, if there is one."""
    networks.find(session, network_id, ELEVATED)
    port = dhcp_ports.find(session, network_id)
    return _of_host(session, port.host, DHCP) if port else []


def add_dhcp_network(session: Session, agent_id: str, network_id: str) -> None:
    """Serve the network's DHCP from this agent's host. Raises NetworkSchedulingFailed if that isn't connected to it."""
    host, network = find(session, agent_id, DHCP).host, networks.find(session, network_id, ELEVATED)
    if not dhcp_ports.required_physical_networks(network) <= set(host.physical_networks):
        raise NetworkSchedulingFailed(network_id=network_id, agent_id=agent_id)
    dhcp_ports.move_to_host(session, network, host.name)


def remove_dhcp_network(session: Session, agent_id: str, network_id: str) -> None:
    """Leave the network's DHCP unscheduled. Raises HTTPBadRequest if the agent doesn't serve it."""
    host = find(session, agent_id, DHCP).host
    network = networks.find(session, network_id, ELEVATED)
    port = dhcp_ports.find(session, network.id)
    if port is None or port.host != host.name:
        raise HTTPBadRequest(why=f"The network {network_id} is not hosted by the DHCP agent {agent_id}")
    dhcp_ports.move_to_host(session, network, "")


# -- routers -----------------------------------------------------------------------------------------------------------


def list_l3_routers(session: Session, agent_id: str) -> Sequence[Router]:
    """Return the routers on the agent's host."""
    host = find(session, agent_id, L3).host
    return session.scalars(
        select(Router)
        .where(Router.host == host.name)
        .options(selectinload(Router.gateway).selectinload(Port.fixed_ips))
        .order_by(Router.id)
    ).all()


def list_l3_agents(session: Session, router_id: str) -> list[Agent]:
    """Return the agent of the host that the router is on, if it is on one."""
    return _of_host(session, routers.find(session, router_id, ELEVATED).host, L3)


def add_l3_router(session: Session, agent_id: str, router_id: str) -> None:
    """Move the router to this agent's host. Raises RouterSchedulingFailed if that isn't connected to its networks."""
    host = find(session, agent_id, L3).host
    router = routers.find(session, router_id, ELEVATED)
    if not routers.required_physical_networks(session, [router.id])[router.id] <= set(host.physical_networks):
        raise RouterSchedulingFailed(router_id=router_id, agent_id=agent_id)
    routers.move_to_host(session, router, host.name)


def remove_l3_router(session: Session, agent_id: str, router_id: str) -> None:
    """Leave the router unscheduled. Raises HTTPBadRequest if it isn't on the agent's host."""
    host = find(session, agent_id, L3).host
    router = routers.find(session, router_id, ELEVATED)
    if router.host != host.name:
        raise HTTPBadRequest(why=f"The router {router_id} is not hosted by L3 agent {agent_id}")
    routers.move_to_host(session, router, "")
