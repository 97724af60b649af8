"""/v2.0/agents/{id}/l3-routers and /v2.0/routers/{id}/l3-agents: which host a router is on."""

from pileus_kit.json_types import Answer, JsonObject
from pileus_network.api.agents import parse_id
from pileus_network.api.agents import view as show_agent
from pileus_network.api.attributes import JSON_OBJECT
from pileus_network.api.resources import Resource, own_target
from pileus_network.api.routers import view as show_router
from pileus_network.api.transactions import read, write
from pileus_network.core import agents

resource = Resource("l3_agent_schedulers", __name__, get="get_agent", url_prefix="/v2.0")


@resource.endpoint("GET", "/agents/<agent_id>/l3-routers", policy="get_l3-routers", target=own_target)
def index(agent_id: str) -> Answer:
    rows = read(lambda session: [show_router(row) for row in agents.list_l3_routers(session, agent_id)])
    return {"routers": rows}


@resource.endpoint(
    "POST", "/agents/<agent_id>/l3-routers", policy="create_l3-router", target=own_target, body=JSON_OBJECT
)
def create(body: JsonObject, agent_id: str) -> Answer:
    router_id = parse_id(body, "router_id")
    write(lambda session: agents.add_l3_router(session, agent_id, router_id))
    return {}, 201


@resource.endpoint("DELETE", "/agents/<agent_id>/l3-routers/<router_id>", policy="delete_l3-router", target=own_target)
def delete(agent_id: str, router_id: str) -> Answer:
    write(lambda session: agents.remove_l3_router(session, agent_id, router_id))
    return "", 204


@resource.endpoint("GET", "/routers/<router_id>/l3-agents", policy="get_l3-agents", target=own_target)
def index_agents(router_id: str) -> Answer:
    found = read(
        lambda session: [show_agent(agent) | {"ha_state": None} for agent in agents.list_l3_agents(session, router_id)]
    )
    return {"agents": found}
