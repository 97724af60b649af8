"""/v2.0/agents/{id}/dhcp-networks and /v2.0/networks/{id}/dhcp-agents: which host serves a network's DHCP."""

from pileus_kit.json_types import Answer, JsonObject
from pileus_network.api.agents import parse_id
from pileus_network.api.agents import view as show_agent
from pileus_network.api.attributes import JSON_OBJECT
from pileus_network.api.networks import view as show_network
from pileus_network.api.resources import Resource, own_target
from pileus_network.api.transactions import read, write
from pileus_network.core import agents

resource = Resource("dhcp_agent_schedulers", __name__, get="get_agent", url_prefix="/v2.0")


@resource.endpoint("GET", "/agents/<agent_id>/dhcp-networks", policy="get_dhcp-networks", target=own_target)
def index(agent_id: str) -> Answer:
    rows = read(lambda session: [show_network(row) for row in agents.list_dhcp_networks(session, agent_id)])
    return {"networks": rows}


@resource.endpoint(
    "POST", "/agents/<agent_id>/dhcp-networks", policy="create_dhcp-network", target=own_target, body=JSON_OBJECT
)
def create(body: JsonObject, agent_id: str) -> Answer:
    network_id = parse_id(body, "network_id")
    write(lambda session: agents.add_dhcp_network(session, agent_id, network_id))
    return {}, 201


@resource.endpoint(
    "DELETE", "/agents/<agent_id>/dhcp-networks/<network_id>", policy="delete_dhcp-network", target=own_target
)
def delete(agent_id: str, network_id: str) -> Answer:
    write(lambda session: agents.remove_dhcp_network(session, agent_id, network_id))
    return "", 204


@resource.endpoint("GET", "/networks/<network_id>/dhcp-agents", policy="get_dhcp-agents", target=own_target)
def index_agents(network_id: str) -> Answer:
    found = read(lambda session: [show_agent(agent) for agent in agents.list_dhcp_agents(session, network_id)])
    return {"agents": found}
