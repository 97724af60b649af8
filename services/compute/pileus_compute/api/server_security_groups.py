"""Security groups of a server: those of its ports."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_compute.api.requests import find_server, server_target
from pileus_compute.api.schemas import NAME, body, obj
from pileus_compute.api.server_actions import action
from pileus_compute.clients import network
from pileus_compute.clients.network import SecurityGroup, SecurityGroupRule
from pileus_compute.db.models import Server, ServerPort
from pileus_kit.errors import BadRequest, Conflict, NotFound
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, caller, tools

resource = Resource("server_security_groups", __name__, url_prefix="/v2.1/servers/<server_id>/os-security-groups")

ADD = {(2, 1): body("addSecurityGroup", obj({"name": NAME}, ("name",)))}
REMOVE = {(2, 1): body("removeSecurityGroup", obj({"name": NAME}, ("name",)))}


def rule_view(rule: SecurityGroupRule, names: Mapping[str, str]) -> JsonObject:
    """`names`: of the security groups that are known, by id."""
    name = names.get(rule.remote_group_id or "")
    group = {} if name is None else {"tenant_id": rule.project_id, "name": name}
    return {
        "id": rule.id,
        "parent_group_id": rule.group_id,
        "ip_protocol": rule.protocol,
        "from_port": rule.port_range_min,
        "to_port": rule.port_range_max,
        "group": group,
        "ip_range": {} if group else {"cidr": rule.remote_ip_prefix or "0.0.0.0/0"},
    }


def group_view(group: SecurityGroup, names: Mapping[str, str]) -> JsonObject:
    """Compute shows incoming rules only."""
    return {
        "id": group.id,
        "name": group.name,
        "description": group.description,
        "tenant_id": group.project_id,
        "rules": [rule_view(rule, names) for rule in group.rules if rule.direction == "ingress"],
    }


@resource.endpoint("GET", "", policy="os_compute_api:os-security-groups:list", target=server_target)
def index(server_id: str) -> Answer:
    with tools().sessions.read() as session:
        find_server(session, server_id)
    ports = network.list_ports(tools().peers, server_id, caller())
    ids = list(dict.fromkeys(group_id for port in ports for group_id in port.security_groups))
    if not ids:
        return {"security_groups": []}
    groups = network.list_security_groups(tools().peers, ids=ids, caller=caller())
    names = {group.id: group.name for group in groups}
    return {"security_groups": [group_view(group, names) for group in groups if group.id in ids]}


def _find_group(name: str) -> SecurityGroup:
    listed = network.list_security_groups(tools().peers, fields=(*network.BRIEF, "project_id"), caller=caller())
    hits = [group for group in listed if group.id == name] or [
        group for group in listed if group.name == name and group.project_id in (None, caller().project_id)
    ]
    if not hits:
        raise NotFound(why=f"Security group {name} not found for project {caller().project_id}.")
    if len(hits) > 1:
        raise Conflict(why=f"Multiple security groups found matching '{name}'. Use an ID to be more specific.")
    return hits[0]


def _change(session: Session, server: Server, name: str, add: bool) -> Any:
    """Every port of the server gets or loses the group."""
    server_id = server.id
    known = list(session.scalars(select(ServerPort.id).where(ServerPort.server_id == server_id)))

    def answer() -> Any:  # outside the transaction: it asks the network service
        group = _find_group(name)
        ports = [p for p in network.list_ports(tools().peers, server_id, caller()) if p.id in known]
        if not ports:
            raise BadRequest(why=f"Instance {server_id} has no ports to put a security group on.")
        if not add and not any(group.id in port.security_groups for port in ports):
            raise NotFound(why=f"Security group {name} not associated with the instance {server_id}")
        for port in ports:
            ids = [g for g in port.security_groups if g != group.id] + ([group.id] if add else [])
            if ids != list(port.security_groups):
                network.set_security_groups(tools().peers, port.id, ids, caller())
        with tools().sessions.begin() as session:
            row = session.get_one(Server, server_id)
            others = [n for n in row.security_groups if n != group.name]
            row.security_groups = others + ([group.name] if add else [])
        return "", 202

    return answer


@action("addSecurityGroup", policy="os-security-groups:add", schemas=ADD, writes=False)
def add_group(session: Session, server: Server, value: Any) -> Any:
    return _change(session, server, value["name"], add=True)


@action("removeSecurityGroup", policy="os-security-groups:remove", schemas=REMOVE, writes=False)
def remove_group(session: Session, server: Server, value: Any) -> Any:
    return _change(session, server, value["name"], add=False)
