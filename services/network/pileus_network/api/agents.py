"""/v2.0/agents, and what lives where: DHCP and routers.

A host has one agent process; OpenStack's clients know three kinds, so each host shows as three, with ids derived from
the host's: switching ports, serving DHCP, routing.
"""

import uuid
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from pileus_kit.web import allowed
from pileus_network.api import converters, in_memory_lists
from pileus_network.api import networks as network_views
from pileus_network.api import routers as router_views
from pileus_network.api.attributes import JSON_OBJECT, READ_ONLY, Attribute, AttributeMap
from pileus_network.api.resources import Resource, own_target
from pileus_network.api.transactions import read, write
from pileus_network.api.views import format_time
from pileus_network.core import dhcp_ports, hosts, networks, routers, scheduler
from pileus_network.core.visibility import ELEVATED
from pileus_network.db.models import Host, Network, Port, Router
from pileus_network.errors import AgentInUse, AgentNotFound, HTTPBadRequest
from pileus_network.rpc import DHCP_OWNER

resource = Resource("agents", __name__, get="get_agent", url_prefix="/v2.0")

SWITCH, DHCP, L3 = "Linux bridge agent", "DHCP agent", "L3 agent"
BINARIES = {SWITCH: "pileus-network-agent", DHCP: "pileus-network-agent", L3: "pileus-network-agent"}
SHOWN = (
    "id",
    "agent_type",
    "binary",
    "host",
    "topic",
    "alive",
    "availability_zone",
    "configurations",
    "created_at",
    "started_at",
    "heartbeat_timestamp",
    "resources_synced",
)
ATTRIBUTE_MAP = AttributeMap(
    "agent",
    "agents",
    {
        "admin_state_up": Attribute(converters.boolean, allow_post=False),
        "description": Attribute(converters.nullable(converters.text()), allow_post=False),
    }
    | dict.fromkeys(SHOWN, READ_ONLY),
)


def agent_id(host: Host, kind: str) -> str:
    return str(uuid.uuid5(uuid.UUID(host.id), kind))


def view(host: Host, kind: str, since: datetime) -> dict[str, Any]:
    return {
        "id": agent_id(host, kind),
        "agent_type": kind,
        "binary": BINARIES[kind],
        "host": host.name,
        "topic": "N/A",
        "alive": scheduler.is_alive(host, since),
        "admin_state_up": host.admin_state_up,
        "description": host.description or None,
        "availability_zone": None if kind == SWITCH else network_views.AVAILABILITY_ZONE,
        "resources_synced": None,
        "created_at": _format_time(host.created_at),
        "started_at": _format_time(host.started_at),
        "heartbeat_timestamp": _format_time(host.seen_at),
        "configurations": {
            "driver": host.driver,
            "tunneling_ip": host.tunnel_address,
            "physical_networks": host.physical_networks,
            "generation": host.generation,
            "applied": host.applied,
            "failures": host.failures,
        },
    }


def _format_time(when: Any) -> str:
    """Agents write their times with a blank, unlike everything else."""
    return format_time(when).replace("T", " ").removesuffix("Z")


def _find(session: Session, wanted: str, kind: str | None = None) -> tuple[Host, str]:
    for host in hosts.list_all(session):
        for known in (SWITCH, DHCP, L3):
            if agent_id(host, known) == wanted and kind in (None, known):
                return host, known
    raise AgentNotFound(id=wanted)


# -- agents --------------------------------------------------------------------------------------------------------


@resource.endpoint("GET", "/agents", policy="get_agents")
def index() -> dict[str, Any]:
    """Empty, not refused, for those who may see none."""
    if not allowed("get_agent"):
        return {"agents": []}

    def work(session: Session) -> list[dict[str, Any]]:
        since = scheduler.alive_since(session)
        return [view(host, kind, since) for host in hosts.list_all(session) for kind in (SWITCH, DHCP, L3)]

    views = read(work)
    return in_memory_lists.respond("agents", views, tuple(ATTRIBUTE_MAP.attributes))


@resource.endpoint("GET", "/agents/<wanted>", policy="get_agent")
def show(wanted: str) -> dict[str, Any]:
    return ATTRIBUTE_MAP.response(read(lambda session: view(*_find(session, wanted), scheduler.alive_since(session))))


@resource.endpoint("PUT", "/agents/<wanted>", policy="update_agent", body=JSON_OBJECT)
def update(body: dict[str, Any], wanted: str) -> dict[str, Any]:
    """`admin_state_up` false keeps new DHCP and routers away from the host."""
    requested = ATTRIBUTE_MAP.parse_put(body)

    def work(session: Session) -> dict[str, Any]:
        host, kind = _find(session, wanted)
        if requested.get("admin_state_up", host.admin_state_up) != host.admin_state_up:
            host.admin_state_up = requested["admin_state_up"]
            session.flush()
            hosts.reschedule_unhosted(session)
        if "description" in requested:
            host.description = requested["description"] or ""
        return view(host, kind, scheduler.alive_since(session))

    return ATTRIBUTE_MAP.response(write(work))


@resource.endpoint("DELETE", "/agents/<wanted>", policy="delete_agent")
def delete(wanted: str) -> tuple[str, int]:
    """Forget a dead host; what lived there is taken elsewhere."""

    def work(session: Session) -> None:
        host, _ = _find(session, wanted)
        if scheduler.is_alive(host, scheduler.alive_since(session)):
            raise AgentInUse(id=wanted)
        hosts.delete(session, host)

    write(work)
    return "", 204


# -- what lives where ----------------------------------------------------------------------------------------------


def _networks_at(session: Session, host: Host) -> Sequence[Network]:
    return session.scalars(
        select(Network)
        .join(Port, Port.network_id == Network.id)
        .options(*networks.LOADED)
        .where(Port.host == host.name, Port.device_owner == DHCP_OWNER)
        .order_by(Network.id)
    ).all()


@resource.endpoint("GET", "/agents/<wanted>/dhcp-networks", policy="get_dhcp-networks", target=own_target)
def dhcp_networks(wanted: str) -> dict[str, Any]:
    return {
        "networks": read(
            lambda session: [network_views.view(row) for row in _networks_at(session, _find(session, wanted, DHCP)[0])]
        )
    }


@resource.endpoint(
    "POST", "/agents/<wanted>/dhcp-networks", policy="create_dhcp-network", target=own_target, body=JSON_OBJECT
)
def add_dhcp_network(body: dict[str, Any], wanted: str) -> tuple[dict[str, Any], int]:
    network_id = _parse_id(body, "network_id")

    def work(session: Session) -> None:
        host, _ = _find(session, wanted, DHCP)
        network = networks.find(session, network_id, ELEVATED)
        dhcp_ports.move_to_host(session, network, host.name)

    write(work)
    return {}, 201


@resource.endpoint(
    "DELETE", "/agents/<wanted>/dhcp-networks/<network_id>", policy="delete_dhcp-network", target=own_target
)
def remove_dhcp_network(wanted: str, network_id: str) -> tuple[str, int]:
    def work(session: Session) -> None:
        host, _ = _find(session, wanted, DHCP)
        network = networks.find(session, network_id, ELEVATED)
        port = dhcp_ports.find(session, network.id)
        if port is None or port.host != host.name:
            raise HTTPBadRequest(why=f"The network {network_id} is not hosted by the DHCP agent {wanted}")
        dhcp_ports.move_to_host(session, network, "")

    write(work)
    return "", 204


@resource.endpoint("GET", "/networks/<network_id>/dhcp-agents", policy="get_dhcp-agents", target=own_target)
def dhcp_agents(network_id: str) -> dict[str, Any]:
    def work(session: Session) -> list[dict[str, Any]]:
        networks.find(session, network_id, ELEVATED)
        port = dhcp_ports.find(session, network_id)
        host = session.get(Host, port.host) if port else None
        return [view(host, DHCP, scheduler.alive_since(session))] if host else []

    return {"agents": read(work)}


@resource.endpoint("GET", "/agents/<wanted>/l3-routers", policy="get_l3-routers", target=own_target)
def l3_routers(wanted: str) -> dict[str, Any]:
    def work(session: Session) -> list[dict[str, Any]]:
        host, _ = _find(session, wanted, L3)
        rows = session.scalars(
            select(Router)
            .where(Router.host == host.name)
            .options(selectinload(Router.gateway).selectinload(Port.fixed_ips))
            .order_by(Router.id)
        )
        return [router_views.view(row) for row in rows]

    return {"routers": read(work)}


@resource.endpoint(
    "POST", "/agents/<wanted>/l3-routers", policy="create_l3-router", target=own_target, body=JSON_OBJECT
)
def add_l3_router(body: dict[str, Any], wanted: str) -> tuple[dict[str, Any], int]:
    router_id = _parse_id(body, "router_id")

    def work(session: Session) -> None:
        host, _ = _find(session, wanted, L3)
        routers.move_to_host(session, routers.find(session, router_id, ELEVATED), host.name)

    write(work)
    return {}, 201


@resource.endpoint("DELETE", "/agents/<wanted>/l3-routers/<router_id>", policy="delete_l3-router", target=own_target)
def remove_l3_router(wanted: str, router_id: str) -> tuple[str, int]:
    def work(session: Session) -> None:
        host, _ = _find(session, wanted, L3)
        router = routers.find(session, router_id, ELEVATED)
        if router.host != host.name:
            raise HTTPBadRequest(why=f"The router {router_id} is not hosted by L3 agent {wanted}")
        routers.move_to_host(session, router, "")

    write(work)
    return "", 204


@resource.endpoint("GET", "/routers/<router_id>/l3-agents", policy="get_l3-agents", target=own_target)
def l3_agents(router_id: str) -> dict[str, Any]:
    def work(session: Session) -> list[dict[str, Any]]:
        router = routers.find(session, router_id, ELEVATED)
        host = session.get(Host, router.host) if router.host else None
        return [view(host, L3, scheduler.alive_since(session)) | {"ha_state": None}] if host else []

    return {"agents": read(work)}


def _parse_id(body: dict[str, Any], key: str) -> str:
    if set(body) != {key}:
        raise HTTPBadRequest(why=f"The body must hold {key} and nothing else")
    try:
        found: str = converters.uuid(body[key])
    except ValueError as err:
        raise HTTPBadRequest(why=f"Invalid input for {key}. Reason: {err}.") from None
    return found
