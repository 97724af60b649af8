"""How a server's processors and memory lie on its host's NUMA nodes."""

from typing import Any

from pileus_compute.api.requests import find_server, server_target
from pileus_kit.web import Resource, tools

resource = Resource("server_topology", __name__, url_prefix="/v2.1/servers/<server_id>/topology")


@resource.endpoint("GET", "", policy="compute:server:topology:index", target=server_target, since=(2, 78))
def show(server_id: str) -> Any:
    """No server is tied to NUMA nodes here, and OpenStack says it so of those that aren't."""
    with tools().sessions.read() as session:
        find_server(session, server_id)
    return {"nodes": [], "pagesize_kb": None}
