"""`/os-security-groups` and their rules until microversion 2.35: the network service's security groups."""

from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import ip_network

from flask import request

from pileus_compute.api.schemas.types import UUID, body, obj
from pileus_compute.api.tools import tools
from pileus_compute.api.views.security_groups import group_view, rule_view
from pileus_compute.clients import security_groups as security_groups_client
from pileus_compute.clients.security_groups import SecurityGroup
from pileus_kit.errors import BadRequest, NotFound
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.peers import PeerRefused
from pileus_kit.web import Resource, caller

resource = Resource("security_group_proxy", __name__, url_prefix="/v2.1")
RULE = "os_compute_api:os-security-groups:"
GROUPS, RULES = "/os-security-groups", "/os-security-group-rules"
LAST = (2, 35)
PROTOCOLS = ("tcp", "udp", "icmp")
ANY_PORT = (None, "", -1, "-1")
ANYWHERE = "0.0.0.0/0"

TEXT = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"\S"}
ANY_TEXT = {"type": "string", "maxLength": 255}
CREATE = {(2, 1): body("security_group", obj({"name": TEXT, "description": ANY_TEXT}, ("name", "description")))}
PORT = {"type": ["integer", "string", "null"], "pattern": "^-?[0-9]+$"}
CREATE_RULE = {
    (2, 1): body(
        "security_group_rule",
        obj(
            {
                "parent_group_id": UUID,
                "ip_protocol": {"type": ["string", "null"], "maxLength": 16},
                "from_port": PORT,
                "to_port": PORT,
                "cidr": {"type": ["string", "null"], "maxLength": 64},
                "group_id": {"type": ["string", "null"], "maxLength": 255},
            },
            ("parent_group_id",),
        ),
    )
}


@contextmanager
def _conflicts_as_bad_requests() -> Iterator[None]:
    """Answer 400, as compute did, for the default group, a group in use and a rule that exists already."""
    try:
        yield
    except PeerRefused as err:
        if err.status == 409 and "Quota" not in str(err):
            raise BadRequest(why=str(err)) from None
        raise


def _checked_id(group_id: str) -> str:
    """Return an id if it can be part of a path. Raises NotFound."""
    if not group_id.replace("-", "").isalnum():
        raise NotFound(why=f"Security group {group_id} not found.")
    return group_id


def _view(group: SecurityGroup) -> JsonObject:
    return {"security_group": group_view(group, {group.id: group.name})}


@resource.endpoint("GET", GROUPS, policy=RULE + "get", until=LAST)
def index() -> Answer:
    everything = request.args.get("all_tenants") and caller().is_admin
    project_id = None if everything else caller().project_id
    groups = security_groups_client.list_groups(tools().peers, project_id=project_id, caller=caller())
    names = {group.id: group.name for group in groups}
    return {"security_groups": [group_view(g, names) for g in sorted(groups, key=lambda g: g.name)]}


@resource.endpoint("POST", GROUPS, policy=RULE + "create", body=CREATE, until=LAST)
def create(body: JsonObject) -> Answer:
    asked = body["security_group"]
    with _conflicts_as_bad_requests():
        group = security_groups_client.create_group(tools().peers, asked["name"], asked["description"], caller())
    return {"security_group": group_view(group, {})}


@resource.endpoint("GET", GROUPS + "/<group_id>", policy=RULE + "show", until=LAST)
def show(group_id: str) -> Answer:
    return _view(security_groups_client.show_group(tools().peers, _checked_id(group_id), caller()))


@resource.endpoint("PUT", GROUPS + "/<group_id>", policy=RULE + "update", body=CREATE, until=LAST)
def update(group_id: str, body: JsonObject) -> Answer:
    asked, known_id = body["security_group"], _checked_id(group_id)
    with _conflicts_as_bad_requests():
        return _view(
            security_groups_client.update_group(tools().peers, known_id, asked["name"], asked["description"], caller())
        )


@resource.endpoint("DELETE", GROUPS + "/<group_id>", policy=RULE + "delete", until=LAST)
def delete(group_id: str) -> Answer:
    with _conflicts_as_bad_requests():
        security_groups_client.delete_group(tools().peers, _checked_id(group_id), caller())
    return "", 202


# -- rules ---------------------------------------------------------------------------------------------------------


@resource.endpoint("POST", RULES, policy=RULE + "rule:create", body=CREATE_RULE, until=LAST)
def create_rule(body: JsonObject) -> Answer:
    asked = body["security_group_rule"]
    with _conflicts_as_bad_requests():
        rule = security_groups_client.create_rule(tools().peers, _new_rule(asked), caller())
    names = {}
    if asked.get("group_id"):
        remote = security_groups_client.show_group(tools().peers, _checked_id(asked["group_id"]), caller())
        names = {remote.id: remote.name}
    return {"security_group_rule": rule_view(rule, names)}


def _new_rule(asked: JsonObject) -> JsonObject:
    """Return the rule in the network service's words. Raises BadRequest."""
    protocol = (asked.get("ip_protocol") or "").lower() or None
    if protocol and protocol not in PROTOCOLS:
        raise BadRequest(why=f"Invalid IP protocol {asked['ip_protocol']}.")
    low, high = _ports(asked, protocol)
    remote: JsonObject = {"remote_group_id": asked["group_id"]} if asked.get("group_id") else {}
    cidr = "" if remote else _cidr(asked.get("cidr"))
    return {
        "security_group_id": asked["parent_group_id"],
        "direction": "ingress",
        "ethertype": "IPv6" if ":" in cidr else "IPv4",
        "protocol": protocol,
        "port_range_min": low,
        "port_range_max": high,
    } | (remote or {"remote_ip_prefix": cidr})


def _ports(asked: JsonObject, protocol: str | None) -> tuple[int | None, int | None]:
    low, high = (None if asked.get(k) in ANY_PORT else int(asked[k]) for k in ("from_port", "to_port"))
    if protocol in ("tcp", "udp"):
        if low is None or high is None or not 1 <= low <= high <= 65535:
            raise BadRequest(
                why=f"Invalid port range {asked.get('from_port')}:{asked.get('to_port')}. "
                "Valid TCP ports should be between 1-65535"
            )
    elif protocol is None and (low is not None or high is not None):
        raise BadRequest(why="A port range needs a protocol.")
    return low, high


def _cidr(given: str | None) -> str:
    try:
        ip_network(given or ANYWHERE, strict=False)
    except ValueError:
        raise BadRequest(why=f"Invalid cidr {given}.") from None
    return given or ANYWHERE


@resource.endpoint("DELETE", RULES + "/<rule_id>", policy=RULE + "rule:delete", until=LAST)
def delete_rule(rule_id: str) -> Answer:
    security_groups_client.delete_rule(tools().peers, _checked_id(rule_id), caller())
    return "", 202
