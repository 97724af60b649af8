"""`/servers/ID/topology`, from microversion 2.78: how a server's CPUs and memory lie on its host's NUMA nodes."""

from pileus_compute.api.requests.server_access import find_server, server_target
from pileus_compute.api.tools import tools
from pileus_kit.json_types import Answer
from pileus_kit.web import Resource

resource = Resource("server_topology", __name__, url_prefix="/v2.1/servers/<server_id>/topology")


@resource.endpoint("GET", "", policy="compute:server:topology:index", target=server_target, since=(2, 78))
def index(server_id: str) -> Answer:
    """Answer what OpenStack answers for a server that isn't tied to NUMA nodes: no server here is."""
    with tools().sessions.read() as session:
        find_server(session, server_id)
    return {"nodes": [], "pagesize_kb": None}
