"""Security groups of a server: those of its ports."""

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_compute.api.requests import find_server, server_target
from pileus_compute.api.schemas import NAME, body, obj
from pileus_compute.api.server_actions import action
from pileus_compute.db.models import Server, ServerPort
from pileus_kit.errors import BadRequest, Conflict, NotFound
from pileus_kit.web import Resource, caller, tools

resource = Resource("server_security_groups", __name__, url_prefix="/v2.1/servers/<server_id>/os-security-groups")

ADD = {(2, 1): body("addSecurityGroup", obj({"name": NAME}, ("name",)))}
REMOVE = {(2, 1): body("removeSecurityGroup", obj({"name": NAME}, ("name",)))}


def _network(method: str, path: str, json: Any = None) -> Any:
    return tools().peers.call("network", method, f"/v2.0{path}", caller=caller(), json=json)


def rule_view(rule: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    group = (
        {"tenant_id": rule.get("project_id"), "name": names[rule["remote_group_id"]]}
        if rule.get("remote_group_id") in names
        else {}
    )
    return {
        "id": rule["id"],
        "parent_group_id": rule["security_group_id"],
        "ip_protocol": rule.get("protocol"),
        "from_port": rule.get("port_range_min"),
        "to_port": rule.get("port_range_max"),
        "group": group,
        "ip_range": {} if group else {"cidr": rule.get("remote_ip_prefix") or "0.0.0.0/0"},
    }


@resource.endpoint("GET", "", policy="os_compute_api:os-security-groups:list", target=server_target)
def index(server_id: str) -> Any:
    with tools().sessions.read() as session:
        find_server(session, server_id)
    ports = _network("GET", f"/ports?device_id={server_id}")["ports"]
    ids = list(dict.fromkeys(g for p in ports for g in p.get("security_groups", ())))
    if not ids:
        return {"security_groups": []}
    groups = _network("GET", "/security-groups?" + "&".join(f"id={g}" for g in ids))["security_groups"]
    names = {g["id"]: g["name"] for g in groups}
    return {
        "security_groups": [
            {
                "id": g["id"],
                "name": g["name"],
                "description": g.get("description", ""),
                "tenant_id": g.get("project_id"),
                "rules": [
                    rule_view(r, names) for r in g.get("security_group_rules", ()) if r["direction"] == "ingress"
                ],
            }
            for g in groups
            if g["id"] in ids
        ]
    }


def _group(name: str) -> dict[str, Any]:
    listed = _network("GET", "/security-groups?fields=id&fields=name&fields=project_id")["security_groups"]
    hits = [g for g in listed if g["id"] == name] or [
        g for g in listed if g["name"] == name and g.get("project_id") in (None, caller().project_id)
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
        group = _group(name)
        ports = [p for p in _network("GET", f"/ports?device_id={server_id}")["ports"] if p["id"] in known]
        if not ports:
            raise BadRequest(why=f"Instance {server_id} has no ports to put a security group on.")
        held = [p for p in ports if group["id"] in p["security_groups"]]
        if not add and not held:
            raise NotFound(why=f"Security group {name} not associated with the instance {server_id}")
        for port in ports:
            ids = [g for g in port["security_groups"] if g != group["id"]] + ([group["id"]] if add else [])
            if ids != port["security_groups"]:
                _network("PUT", f"/ports/{port['id']}", {"port": {"security_groups": ids}})
        with tools().sessions.begin() as session:
            row = session.get_one(Server, server_id)
            others = [n for n in row.security_groups if n != group["name"]]
            row.security_groups = others + ([group["name"]] if add else [])
        return "", 202

    return answer


@action("addSecurityGroup", policy="os-security-groups:add", schemas=ADD, writes=False)
def add_group(session: Session, server: Server, value: Any) -> Any:
    return _change(session, server, value["name"], add=True)


@action("removeSecurityGroup", policy="os-security-groups:remove", schemas=REMOVE, writes=False)
def remove_group(session: Session, server: Server, value: Any) -> Any:
    return _change(session, server, value["name"], add=False)
