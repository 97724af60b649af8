"""Calls of the network service about security groups and their rules."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from pileus_compute.clients.network import call
from pileus_kit.auth import Caller
from pileus_kit.json_types import JsonObject
from pileus_kit.peers import Peers


@dataclass(frozen=True)
class SecurityGroupRule:
    id: str
    group_id: str
    direction: str
    protocol: str | None
    port_range_min: int | None
    port_range_max: int | None
    remote_group_id: str | None
    remote_ip_prefix: str | None
    project_id: str | None


@dataclass(frozen=True)
class SecurityGroup:
    id: str
    name: str
    description: str = ""
    project_id: str | None = None
    rules: tuple[SecurityGroupRule, ...] = ()


def list_groups(
    peers: Peers,
    *,
    ids: Iterable[str] = (),
    project_id: str | None = None,
    fields: Iterable[str] = (),
    caller: Caller | None = None,
) -> list[SecurityGroup]:
    """The security groups that the caller sees, those of `ids` or of the project among them. `fields`: the rest, such
    as their rules, is left out."""
    pairs = [("fields", name) for name in fields]
    pairs += [("id", group_id) for group_id in ids]
    pairs += [("project_id", project_id)] if project_id else []
    path = "/security-groups" + (f"?{urlencode(pairs)}" if pairs else "")
    return [_security_group_of(view) for view in call(peers, "GET", path, caller)["security_groups"]]


def show_group(peers: Peers, group_id: str, caller: Caller) -> SecurityGroup:
    return _security_group_of(call(peers, "GET", f"/security-groups/{group_id}", caller)["security_group"])


def create_group(peers: Peers, name: str, description: str, caller: Caller) -> SecurityGroup:
    body = {"security_group": {"name": name, "description": description}}
    return _security_group_of(call(peers, "POST", "/security-groups", caller, body)["security_group"])


def update_group(peers: Peers, group_id: str, name: str, description: str, caller: Caller) -> SecurityGroup:
    body = {"security_group": {"name": name, "description": description}}
    return _security_group_of(call(peers, "PUT", f"/security-groups/{group_id}", caller, body)["security_group"])


def delete_group(peers: Peers, group_id: str, caller: Caller) -> None:
    call(peers, "DELETE", f"/security-groups/{group_id}", caller)


def create_rule(peers: Peers, rule: Mapping[str, object], caller: Caller) -> SecurityGroupRule:
    """`rule`: in the network service's words."""
    body = {"security_group_rule": rule}
    return _rule_of(call(peers, "POST", "/security-group-rules", caller, body)["security_group_rule"])


def delete_rule(peers: Peers, rule_id: str, caller: Caller) -> None:
    call(peers, "DELETE", f"/security-group-rules/{rule_id}", caller)


def _security_group_of(view: JsonObject) -> SecurityGroup:
    return SecurityGroup(
        view["id"],
        view["name"],
        view.get("description") or "",
        view.get("project_id") or view.get("tenant_id"),
        tuple(_rule_of(rule) for rule in view.get("security_group_rules", ())),
    )


def _rule_of(view: JsonObject) -> SecurityGroupRule:
    return SecurityGroupRule(
        view["id"],
        view["security_group_id"],
        view["direction"],
        view.get("protocol"),
        view.get("port_range_min"),
        view.get("port_range_max"),
        view.get("remote_group_id"),
        view.get("remote_ip_prefix"),
        view.get("project_id"),
    )
