"""`/servers/ID/os-security-groups`: the security groups of a server's ports."""

from pileus_compute.api.requests.server_access import find_server, server_target
from pileus_compute.api.tools import tools
from pileus_compute.api.views.security_groups import group_view
from pileus_compute.clients import network, security_groups
from pileus_kit.json_types import Answer
from pileus_kit.web import Resource, caller

resource = Resource("server_security_groups", __name__, url_prefix="/v2.1/servers/<server_id>/os-security-groups")


@resource.endpoint("GET", "", policy="os_compute_api:os-security-groups:list", target=server_target)
def index(server_id: str) -> Answer:
    with tools().sessions.read() as session:
        find_server(session, server_id)
    ports = network.list_ports(tools().peers, server_id, caller())
    ids = list(dict.fromkeys(group_id for port in ports for group_id in port.security_groups))
    groups = security_groups.list_groups(tools().peers, ids=ids, caller=caller()) if ids else []
    names = {group.id: group.name for group in groups}
    return {"security_groups": [group_view(group, names) for group in groups if group.id in ids]}
