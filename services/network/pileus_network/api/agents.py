"""/v2.0/agents"""

from datetime import datetime
from typing import TYPE_CHECKING

from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import allowed
from pileus_network.api import converters, in_memory_lists
from pileus_network.api.attributes import JSON_OBJECT, READ_ONLY, Attribute, AttributeMap
from pileus_network.api.resources import Resource
from pileus_network.api.transactions import read, write
from pileus_network.api.views import format_time
from pileus_network.core import agents
from pileus_network.core.agents import SWITCH, Agent, AgentUpdate
from pileus_network.core.networks import AVAILABILITY_ZONE
from pileus_network.errors import HTTPBadRequest

if TYPE_CHECKING:
    pass

resource = Resource("agents", __name__, get="get_agent", url_prefix="/v2.0/agents")

BINARY = "pileus-network-agent"
READ_ONLY_ATTRIBUTES = (
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
    | dict.fromkeys(READ_ONLY_ATTRIBUTES, READ_ONLY),
    dict[str, object],
    AgentUpdate,
)


def view(agent: Agent) -> JsonObject:
    host = agent.host
    return {
        "id": agent.id,
        "agent_type": agent.agent_type,
        "binary": BINARY,
        "host": host.name,
        "topic": "N/A",
        "alive": agent.is_alive,
        "admin_state_up": host.admin_state_up,
        "description": host.description or None,
        "availability_zone": None if agent.agent_type == SWITCH else AVAILABILITY_ZONE,
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


def _format_time(when: datetime) -> str:
    """Agents are the one resource whose times have a blank instead of the T."""
    return format_time(when).replace("T", " ").removesuffix("Z")


def parse_id(body: JsonObject, key: str) -> str:
    """Return the id under the only key of the body."""
    if set(body) != {key}:
        raise HTTPBadRequest(why=f"The body must hold {key} and nothing else")
    try:
        return converters.uuid(body[key])
    except ValueError as err:
        raise HTTPBadRequest(why=f"Invalid input for {key}. Reason: {err}.") from None


@resource.endpoint("GET", "", policy="get_agents")
def index() -> Answer:
    """The list is empty, not refused, for callers who may see no agent."""
    if not allowed("get_agent"):
        return {"agents": []}
    views = read(lambda session: [view(agent) for agent in agents.list_all(session)])
    return in_memory_lists.respond("agents", views, tuple(ATTRIBUTE_MAP.attributes))


@resource.endpoint("GET", "/<agent_id>", policy="get_agent")
def show(agent_id: str) -> Answer:
    return ATTRIBUTE_MAP.response(read(lambda session: view(agents.find(session, agent_id))))


@resource.endpoint("PUT", "/<agent_id>", policy="update_agent", body=JSON_OBJECT)
def update(body: JsonObject, agent_id: str) -> Answer:
    requested = ATTRIBUTE_MAP.parse_put(body)
    return ATTRIBUTE_MAP.response(write(lambda session: view(agents.update(session, agent_id, requested))))


@resource.endpoint("DELETE", "/<agent_id>", policy="delete_agent")
def delete(agent_id: str) -> Answer:
    write(lambda session: agents.delete(session, agent_id))
    return "", 204
