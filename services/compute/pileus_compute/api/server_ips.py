"""`/servers/ID/ips`: the addresses of a server, network by network."""

from pileus_compute.api.requests.server_access import find_server, server_target
from pileus_compute.api.tools import tools
from pileus_compute.api.views.servers import addresses_view
from pileus_compute.core import server_ports
from pileus_kit.errors import NotFound
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource

resource = Resource("server_ips", __name__, url_prefix="/v2.1/servers/<server_id>")


def _addresses(server_id: str) -> dict[str, list[JsonObject]]:
    with tools().sessions.read() as session:
        find_server(session, server_id)
        ports = server_ports.list_ports(session, server_id)
    return {
        name: [{"version": a["version"], "addr": a["addr"]} for a in rows]
        for name, rows in addresses_view(ports).items()
    }


@resource.endpoint("GET", "/ips", policy="os_compute_api:ips:index", target=server_target)
def index(server_id: str) -> Answer:
    return {"addresses": _addresses(server_id)}


@resource.endpoint("GET", "/ips/<network>", policy="os_compute_api:ips:show", target=server_target)
def show(server_id: str, network: str) -> Answer:
    found = _addresses(server_id)
    if network not in found:
        raise NotFound(why="Instance is not a member of specified network")
    return {network: found[network]}
