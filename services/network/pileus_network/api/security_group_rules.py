"""/v2.0/security-group-rules"""

from typing import TYPE_CHECKING

from flask import request

from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.numbers import parse_whole_number
from pileus_network.api import converters
from pileus_network.api.attributes import (
    JSON_OBJECT,
    READ_ONLY,
    REQUIRED,
    STANDARD_ATTRIBUTES,
    Attribute,
    AttributeMap,
    viewer,
)
from pileus_network.api.default_security_groups import ensure_default_groups
from pileus_network.api.listing import respond
from pileus_network.api.resources import Resource
from pileus_network.api.transactions import read, write
from pileus_network.api.views import show_standard_attributes
from pileus_network.core import ip_protocols, ip_ranges, security_group_rules, security_groups
from pileus_network.core.security_group_rules import NewSecurityGroupRule
from pileus_network.core.visibility import ELEVATED
from pileus_network.db.models import SecurityGroup, SecurityGroupRule
from pileus_network.errors.security_groups import (
    SecurityGroupInvalidPortValue,
    SecurityGroupRuleInvalidProtocol,
    SecurityGroupRulesNotSingleTenant,
)

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

resource = Resource(
    "security_group_rules", __name__, get="get_security_group_rule", url_prefix="/v2.0/security-group-rules"
)


def _protocol(value: object) -> str | None:
    """A protocol's name or number, stored as given. `any`, `ip` and null mean any protocol."""
    if value is None or (isinstance(value, str) and value.lower() in ("", "any", "ip")):
        return None
    text = str(value).lower() if isinstance(value, int | str) and not isinstance(value, bool) else ""
    number = parse_whole_number(text)
    if text in ip_protocols.NUMBERS or (number is not None and number <= 255):
        return text
    raise SecurityGroupRuleInvalidProtocol(protocol=value)


def _ethertype(value: object) -> str:
    known = {"ipv4": "IPv4", "ipv6": "IPv6", "0x4": "IPv4", "0x6": "IPv6"}
    if str(value).lower() not in known:
        raise ValueError(f"'{value}' is not a valid ethertype; it is IPv4 or IPv6")
    return known[str(value).lower()]


def _prefix(value: object) -> str | None:
    """A prefix, or an address, which means that address alone. It is stored as given, as in OpenStack."""
    if value in (None, ""):
        return None
    text = converters.address_or_prefix(value)
    if "/" not in text:
        return f"{text}/{ip_ranges.address(text).max_prefixlen}"
    return str(value)


def _port(value: object) -> int | None:
    """A port number, or an ICMP type or code. Raises the error that clients test."""
    try:
        found: int | None = converters.blank_or(converters.integer(0, 65535))(value)
    except ValueError:
        raise SecurityGroupInvalidPortValue(port=value) from None
    return found


def _group(value: object) -> str | None:
    """Any text is accepted: text that is no id of a group is answered with 404, not 400."""
    found: str | None = converters.blank_or(converters.text())(value)
    return found


ATTRIBUTE_MAP = AttributeMap(
    "security_group_rule",
    "security_group_rules",
    {name: attr for name, attr in STANDARD_ATTRIBUTES.items() if name not in ("tags", "status")}
    | {
        "security_group_id": Attribute(converters.text(), REQUIRED, allow_put=False),
        "direction": Attribute(converters.one_of("ingress", "egress"), REQUIRED, allow_put=False),
        "ethertype": Attribute(_ethertype, "IPv4", allow_put=False),
        "protocol": Attribute(_protocol, None, allow_put=False),
        "port_range_min": Attribute(_port, None, allow_put=False),
        "port_range_max": Attribute(_port, None, allow_put=False),
        "remote_ip_prefix": Attribute(_prefix, None, allow_put=False),
        "remote_group_id": Attribute(_group, None, allow_put=False),
        "normalized_cidr": READ_ONLY,
    },
    NewSecurityGroupRule,
    dict[str, object],
)


def view(row: SecurityGroupRule) -> JsonObject:
    prefix = row.remote_ip_prefix
    return show_standard_attributes(row) | {
        "security_group_id": row.security_group_id,
        "direction": row.direction,
        "ethertype": row.ethertype,
        "protocol": row.protocol,
        "port_range_min": row.port_range_min,
        "port_range_max": row.port_range_max,
        "remote_ip_prefix": prefix,
        "normalized_cidr": str(ip_ranges.prefix(prefix)) if prefix else None,
        "remote_group_id": row.remote_group_id,
    }


def target(project_id: str, group: SecurityGroup) -> dict[str, object]:
    """Return the policy target of a rule: the group's owner may change all of its rules, also those of other
    projects.
    """
    return {
        "project_id": project_id,
        "tenant_id": project_id,
        "security_group:project_id": group.project_id,
        "security_group:tenant_id": group.project_id,
    }


@resource.endpoint("GET", "", policy="get_security_group_rule")
def index() -> Answer:
    ensure_default_groups(request.args)
    return respond(security_group_rules.LISTING, ATTRIBUTE_MAP, view)


@resource.endpoint("POST", "", policy="create_security_group_rule", body=JSON_OBJECT)
def create(body: JsonObject) -> Answer:
    requests = ATTRIBUTE_MAP.parse_post(body)
    if len({requested.project_id for requested in requests}) > 1:
        raise SecurityGroupRulesNotSingleTenant()

    def work(session: "Session") -> list[JsonObject]:
        groups = security_group_rules.find_groups(session, requests, viewer())
        for requested in requests:
            ATTRIBUTE_MAP.authorize_create(target(requested.project_id, groups[requested.security_group_id]), requested)
        return [view(row) for row in security_group_rules.create(session, groups, requests, viewer())]

    return ATTRIBUTE_MAP.post_response(body, write(work)), 201


@resource.endpoint("GET", "/<rule_id>", policy="get_security_group_rule")
def show(rule_id: str) -> Answer:
    return ATTRIBUTE_MAP.response(read(lambda session: view(security_group_rules.find(session, rule_id, viewer()))))


@resource.endpoint("DELETE", "/<rule_id>", policy="delete_security_group_rule")
def delete(rule_id: str) -> Answer:
    def work(session: "Session") -> None:
        row = security_group_rules.find(session, rule_id, viewer())
        group = security_groups.find(session, row.security_group_id, ELEVATED)
        ATTRIBUTE_MAP.authorize_delete(target(row.project_id, group))
        security_groups.delete_rule(session, row)

    write(work)
    return "", 204
