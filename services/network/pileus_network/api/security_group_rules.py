"""/v2.0/security-group-rules"""

from typing import Any

from flask import request
from sqlalchemy.orm import Session

from pileus_kit.numbers import parse_whole_number
from pileus_network.api import values
from pileus_network.api.attributes import ANY, READ_ONLY, REQUIRED, STANDARD, Attr, Shape, scope
from pileus_network.api.default_groups import ensure_default
from pileus_network.api.listing import Listing
from pileus_network.api.resources import Resource
from pileus_network.api.transactions import change, read
from pileus_network.api.views import standard
from pileus_network.core import protocols, ranges, scopes, securitygroups
from pileus_network.core.scopes import EVERYTHING
from pileus_network.db.models import SecurityGroup, SecurityRule
from pileus_network.errors import (
    SecurityGroupInvalidPortValue,
    SecurityGroupRuleInvalidProtocol,
    SecurityGroupRulesNotSingleTenant,
)

resource = Resource(
    "security_group_rules", __name__, get="get_security_group_rule", url_prefix="/v2.0/security-group-rules"
)


def _protocol(value: Any) -> str | None:
    """A name or a number, kept as it was written; `any`, `ip` and null stand for all of them."""
    if value is None or (isinstance(value, str) and value.lower() in ("", "any", "ip")):
        return None
    text = str(value).lower() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    number = parse_whole_number(text)
    if text in protocols.NUMBERS or (number is not None and number <= 255):
        return text
    raise SecurityGroupRuleInvalidProtocol(protocol=value)


def _ethertype(value: Any) -> str:
    known = {"ipv4": "IPv4", "ipv6": "IPv6", "0x4": "IPv4", "0x6": "IPv6"}
    if str(value).lower() not in known:
        raise ValueError(f"'{value}' is not a valid ethertype; it is IPv4 or IPv6")
    return known[str(value).lower()]


def _prefix(value: Any) -> str | None:
    """A prefix; a bare address stands for itself alone. Kept as it was written, as OpenStack does."""
    if value in (None, ""):
        return None
    text = values.address_or_prefix(value)
    if "/" not in text:
        return f"{text}/{ranges.address(text).max_prefixlen}"
    return str(value)


def _port(value: Any) -> int | None:
    """A port number, or a type or code of ICMP; the error is one that clients look for."""
    try:
        found: int | None = values.blank_or(values.integer(0, 65535))(value)
    except ValueError:
        raise SecurityGroupInvalidPortValue(port=value) from None
    return found


def _group(value: Any) -> str | None:
    """Any text: what isn't a group is a group that doesn't exist, and 404."""
    found: str | None = values.blank_or(values.text())(value)
    return found


SHAPE = Shape(
    "security_group_rule",
    "security_group_rules",
    {name: attr for name, attr in STANDARD.items() if name not in ("tags", "status")}
    | {
        "security_group_id": Attr(values.text(), REQUIRED, put=False),
        "direction": Attr(values.one_of("ingress", "egress"), REQUIRED, put=False),
        "ethertype": Attr(_ethertype, "IPv4", put=False),
        "protocol": Attr(_protocol, None, put=False),
        "port_range_min": Attr(_port, None, put=False),
        "port_range_max": Attr(_port, None, put=False),
        "remote_ip_prefix": Attr(_prefix, None, put=False),
        "remote_group_id": Attr(_group, None, put=False),
        "normalized_cidr": READ_ONLY,
    },
)

LISTING = Listing(
    SHAPE,
    SecurityRule,
    columns={
        "id": SecurityRule.id,
        "description": SecurityRule.description,
        "project_id": SecurityRule.project_id,
        "tenant_id": SecurityRule.project_id,
        "security_group_id": SecurityRule.group_id,
        "direction": SecurityRule.direction,
        "ethertype": SecurityRule.ethertype,
        "protocol": SecurityRule.protocol,
        "port_range_min": SecurityRule.port_range_min,
        "port_range_max": SecurityRule.port_range_max,
        "remote_ip_prefix": SecurityRule.remote_ip_prefix,
        "remote_group_id": SecurityRule.remote_group_id,
        "revision_number": SecurityRule.revision_number,
        "created_at": SecurityRule.created_at,
        "updated_at": SecurityRule.updated_at,
    },
)


def view(row: SecurityRule) -> dict[str, Any]:
    prefix = row.remote_ip_prefix
    return standard(row) | {
        "security_group_id": row.group_id,
        "direction": row.direction,
        "ethertype": row.ethertype,
        "protocol": row.protocol,
        "port_range_min": row.port_range_min,
        "port_range_max": row.port_range_max,
        "remote_ip_prefix": prefix,
        "normalized_cidr": str(ranges.prefix(prefix)) if prefix else None,
        "remote_group_id": row.remote_group_id,
    }


def target(project_id: str, group: SecurityGroup) -> dict[str, Any]:
    """The policy target of a rule: the group's owner decides about all of its rules, whoever made them."""
    return {
        "project_id": project_id,
        "tenant_id": project_id,
        "security_group:project_id": group.project_id,
        "security_group:tenant_id": group.project_id,
    }


@resource.endpoint("GET", "", policy="get_security_group_rule")
def index() -> dict[str, Any]:
    ensure_default(request.args)
    return LISTING.answer(scopes.security_rules(scope()), view)


@resource.endpoint("POST", "", policy="create_security_group_rule", body=ANY)
def create(body: dict[str, Any]) -> tuple[dict[str, Any], int]:
    wishes = SHAPE.posted(body)
    if len({wish["project_id"] for wish in wishes}) > 1:
        raise SecurityGroupRulesNotSingleTenant()

    def work(session: Session) -> list[dict[str, Any]]:
        groups = securitygroups.named(session, wishes, scope())
        for wish in wishes:
            SHAPE.permit("create", target(wish["project_id"], groups[wish["security_group_id"]]), wish)
        return [view(row) for row in securitygroups.create_rules(session, groups, wishes, scope())]

    return SHAPE.reply(body, change(work)), 201


@resource.endpoint("GET", "/<rule_id>", policy="get_security_group_rule")
def show(rule_id: str) -> dict[str, Any]:
    return SHAPE.show(read(lambda session: view(securitygroups.get_rule(session, rule_id, scope()))))


@resource.endpoint("DELETE", "/<rule_id>", policy="delete_security_group_rule")
def delete(rule_id: str) -> tuple[str, int]:
    def work(session: Session) -> None:
        row = securitygroups.get_rule(session, rule_id, scope())
        group = securitygroups.get(session, row.group_id, EVERYTHING)
        SHAPE.permit("delete", target(row.project_id, group))
        securitygroups.delete_rule(session, row)

    change(work)
    return "", 204
