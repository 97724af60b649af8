"""Security groups as compute showed them till 2.35: a view of the network service's."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from ipaddress import ip_network
from typing import Any

from flask import request

from pileus_compute.api.schemas import UUID, body, obj
from pileus_compute.api.server_security_groups import group_view, rule_view
from pileus_compute.clients import network
from pileus_compute.clients.network import SecurityGroup
from pileus_kit.errors import BadRequest, NotFound
from pileus_kit.peers import PeerRefused
from pileus_kit.web import Resource, caller, tools

resource = Resource("security_group_proxy", __name__, url_prefix="/v2.1")
RULE = "os_compute_api:os-security-groups:"
GROUPS, RULES = "/os-security-groups", "/os-security-group-rules"
LAST = (2, 35)

TEXT = {"type": "string", "minLength": 1, "maxLength": 255, "pattern": r"\S"}
ANY_TEXT = {"type": "string", "maxLength": 255}
CREATE = {(2, 1): body("security_group", obj({"name": TEXT, "description": ANY_TEXT}, ("name", "description")))}
PORT = {"type": ["integer", "string", "null"], "pattern": "^-?[0-9]+$"}
NEW_RULE = {
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
def _refusals() -> Iterator[None]:
    """Answer the network service's refusals as compute did: 404, and 400 for a conflict that isn't about a quota (the
    default group, a group in use, a rule that exists)."""
    try:
        yield
    except PeerRefused as err:
        if err.status == 404:
            raise NotFound(why=str(err)) from None
        if err.status == 409 and "Quota" not in str(err):
            raise BadRequest(why=str(err)) from None
        raise


def _names(groups: Iterable[SecurityGroup]) -> dict[str, str]:
    return {group.id: group.name for group in groups}


@resource.endpoint("GET", GROUPS, policy=RULE + "get", until=LAST)
def index() -> Any:
    project_id = None if request.args.get("all_tenants") and caller().is_admin else caller().project_id
    with _refusals():
        groups = network.list_security_groups(tools().peers, project_id=project_id, caller=caller())
    names = _names(groups)
    return {"security_groups": [group_view(g, names) for g in sorted(groups, key=lambda g: g.name)]}


@resource.endpoint("POST", GROUPS, policy=RULE + "create", body=CREATE, until=LAST)
def create(body: dict[str, Any]) -> Any:
    asked = body["security_group"]
    with _refusals():
        made = network.create_security_group(tools().peers, asked["name"], asked["description"], caller())
    return {"security_group": group_view(made, {})}


@resource.endpoint("GET", GROUPS + "/<group_id>", policy=RULE + "show", until=LAST)
def show(group_id: str) -> Any:
    with _refusals():
        group = network.show_security_group(tools().peers, _plain(group_id), caller())
    return {"security_group": group_view(group, _names([group]))}


def _plain(group_id: str) -> str:
    if not group_id.replace("-", "").isalnum():
        raise NotFound(why=f"Security group {group_id} not found.")
    return group_id


@resource.endpoint("PUT", GROUPS + "/<group_id>", policy=RULE + "update", body=CREATE, until=LAST)
def update(group_id: str, body: dict[str, Any]) -> Any:
    name, description = body["security_group"]["name"], body["security_group"]["description"]
    with _refusals():
        group = network.update_security_group(tools().peers, _plain(group_id), name, description, caller())
    return {"security_group": group_view(group, _names([group]))}


@resource.endpoint("DELETE", GROUPS + "/<group_id>", policy=RULE + "delete", until=LAST)
def delete(group_id: str) -> Any:
    with _refusals():
        network.delete_security_group(tools().peers, _plain(group_id), caller())
    return "", 202


@resource.endpoint("POST", RULES, policy=RULE + "rule:create", body=NEW_RULE, until=LAST)
def create_rule(body: dict[str, Any]) -> Any:
    wish = body["security_group_rule"]
    protocol = (wish.get("ip_protocol") or "").lower() or None
    if protocol and protocol not in ("tcp", "udp", "icmp"):
        raise BadRequest(why=f"Invalid IP protocol {wish['ip_protocol']}.")
    low, high = _ports(wish, protocol)
    remote: dict[str, Any] = (
        {"remote_group_id": wish["group_id"]} if wish.get("group_id") else {"remote_ip_prefix": _cidr(wish.get("cidr"))}
    )
    version = 6 if ":" in str(remote.get("remote_ip_prefix", "")) else 4
    rule = {
        "security_group_id": wish["parent_group_id"],
        "direction": "ingress",
        "ethertype": f"IPv{version}",
        "protocol": protocol,
        "port_range_min": low,
        "port_range_max": high,
    } | remote
    names = {}
    with _refusals():
        made = network.create_security_group_rule(tools().peers, rule, caller())
        if wish.get("group_id"):
            names = _names([network.show_security_group(tools().peers, _plain(wish["group_id"]), caller())])
    return {"security_group_rule": rule_view(made, names)}


def _ports(wish: dict[str, Any], protocol: str | None) -> tuple[int | None, int | None]:
    low, high = (None if wish.get(k) in (None, "", -1, "-1") else int(wish[k]) for k in ("from_port", "to_port"))
    if protocol in ("tcp", "udp"):
        if low is None or high is None or not 1 <= low <= high <= 65535:
            raise BadRequest(
                why=f"Invalid port range {wish.get('from_port')}:{wish.get('to_port')}. "
                "Valid TCP ports should be between 1-65535"
            )
    elif protocol is None and (low is not None or high is not None):
        raise BadRequest(why="A port range needs a protocol.")
    return low, high


def _cidr(given: str | None) -> str:
    try:
        ip_network(given or "0.0.0.0/0", strict=False)
    except ValueError:
        raise BadRequest(why=f"Invalid cidr {given}.") from None
    return given or "0.0.0.0/0"


@resource.endpoint("DELETE", RULES + "/<rule_id>", policy=RULE + "rule:delete", until=LAST)
def delete_rule(rule_id: str) -> Any:
    with _refusals():
        network.delete_security_group_rule(tools().peers, _plain(rule_id), caller())
    return "", 202
