"""Give all ports of a server a security group, or take it from them."""

from pileus_compute.api.requests.requested_networks import list_groups
from pileus_compute.api.schemas.types import NAME, body, obj
from pileus_compute.api.server_actions import READS, AfterCommit, action
from pileus_compute.api.tools import tools
from pileus_compute.clients import network
from pileus_compute.clients.security_groups import SecurityGroup
from pileus_compute.core import server_ports, servers
from pileus_compute.db.models import Server
from pileus_kit.db import Session
from pileus_kit.errors import BadRequest, Conflict, NotFound
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import caller

RULE = "os_compute_api:os-security-groups:"
ADD = {(2, 1): body("addSecurityGroup", obj({"name": NAME}, ("name",)))}
REMOVE = {(2, 1): body("removeSecurityGroup", obj({"name": NAME}, ("name",)))}


@action("addSecurityGroup", policy=RULE + "add", schemas=ADD, options=READS)
def add_security_group(session: Session, server: Server, value: JsonObject) -> AfterCommit:
    return _change_ports(session, server, value["name"], add=True)


@action("removeSecurityGroup", policy=RULE + "remove", schemas=REMOVE, options=READS)
def remove_security_group(session: Session, server: Server, value: JsonObject) -> AfterCommit:
    return _change_ports(session, server, value["name"], add=False)


def _change_ports(session: Session, server: Server, name: str, add: bool) -> AfterCommit:
    server_id, known = server.id, server_ports.port_ids(session, server.id)

    def answer() -> Answer:
        group = _find_group(name)
        ports = [p for p in network.list_ports(tools().peers, server_id, caller()) if p.id in known]
        if not ports:
            raise BadRequest(why=f"Instance {server_id} has no ports to put a security group on.")
        if not add and not any(group.id in p.security_groups for p in ports):
            raise NotFound(why=f"Security group {name} not associated with the instance {server_id}")
        for port in ports:
            ids = [g for g in port.security_groups if g != group.id] + ([group.id] if add else [])
            if ids != list(port.security_groups):
                network.set_security_groups(tools().peers, port.id, ids, caller())
        with tools().sessions.begin() as session:
            servers.update_security_groups(session, server_id, group.name, add)
        return "", 202

    return answer


def _find_group(name: str) -> SecurityGroup:
    """Return the group with this id, or the project's with this name. Raises NotFound or Conflict."""
    listed = list_groups()
    found = [g for g in listed if g.id == name] or [
        g for g in listed if g.name == name and g.project_id in (None, caller().project_id)
    ]
    if not found:
        raise NotFound(why=f"Security group {name} not found for project {caller().project_id}.")
    if len(found) > 1:
        raise Conflict(why=f"Multiple security groups found matching '{name}'. Use an ID to be more specific.")
    return found[0]
