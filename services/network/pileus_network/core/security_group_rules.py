"""Rules of security groups."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_network.core import ip_protocols, ip_ranges, quotas, security_groups, standard_attributes, visibility
from pileus_network.core.affected_hosts import affected
from pileus_network.core.listing import Listing
from pileus_network.core.visibility import Viewer
from pileus_network.db.models import SecurityGroup, SecurityGroupRule
from pileus_network.errors.security_groups import (
    SecurityGroupEthertypeConflictWithProtocol,
    SecurityGroupInvalidIcmpValue,
    SecurityGroupInvalidPortRange,
    SecurityGroupInvalidPortValue,
    SecurityGroupInvalidProtocolForPort,
    SecurityGroupMissingIcmpType,
    SecurityGroupNotFound,
    SecurityGroupProtocolRequiredWithPorts,
    SecurityGroupRemoteGroupAndRemoteIpPrefix,
    SecurityGroupRuleExists,
    SecurityGroupRuleNotFound,
    SecurityGroupRuleParameterConflict,
)

ALL_PORTS = (1, 65535)
"""A rule for all ports is stored as one without ports."""


@dataclass(frozen=True, kw_only=True)
class NewSecurityGroupRule:
    """A request to create a rule."""

    project_id: str
    security_group_id: str
    direction: str
    ethertype: str = "IPv4"
    protocol: str | None = None
    port_range_min: int | None = None
    port_range_max: int | None = None
    remote_ip_prefix: str | None = None
    remote_group_id: str | None = None
    description: str = ""


LISTING = Listing(
    SecurityGroupRule,
    visibility.security_group_rules,
    columns=standard_attributes.columns_of(SecurityGroupRule)
    | {
        "security_group_id": SecurityGroupRule.security_group_id,
        "direction": SecurityGroupRule.direction,
        "ethertype": SecurityGroupRule.ethertype,
        "protocol": SecurityGroupRule.protocol,
        "port_range_min": SecurityGroupRule.port_range_min,
        "port_range_max": SecurityGroupRule.port_range_max,
        "remote_ip_prefix": SecurityGroupRule.remote_ip_prefix,
        "remote_group_id": SecurityGroupRule.remote_group_id,
    },
)


def find(session: Session, rule_id: str, viewer: Viewer) -> SecurityGroupRule:
    """Return the rule. Raises SecurityGroupRuleNotFound if the viewer can't see it."""
    return standard_attributes.find(
        session,
        SecurityGroupRule,
        rule_id,
        visibility.security_group_rules(viewer),
        lambda: SecurityGroupRuleNotFound(id=rule_id),
    )


def find_groups(session: Session, requests: Sequence[NewSecurityGroupRule], viewer: Viewer) -> dict[str, SecurityGroup]:
    """Return the groups that the requests name, with their rules.

    Raises SecurityGroupNotFound if the viewer can't see one.
    """
    wanted = {requested.security_group_id for requested in requests}
    groups = {
        group.id: group
        for group in session.scalars(
            select(SecurityGroup)
            .where(SecurityGroup.id.in_(wanted), standard_attributes.own_rows(SecurityGroup, viewer))
            .options(*security_groups.LOADED)
        )
    }
    if wanted - set(groups):
        raise SecurityGroupNotFound(id=min(wanted - set(groups)))
    return groups


def create(
    session: Session, groups: dict[str, SecurityGroup], requests: Sequence[NewSecurityGroupRule], viewer: Viewer
) -> list[SecurityGroupRule]:
    """Create all of the rules, or none. `groups` are those that the requests name."""
    security_groups.check_visible(
        session, {requested.remote_group_id for requested in requests if requested.remote_group_id}, viewer
    )
    for project_id in {requested.project_id for requested in requests}:
        number = sum(requested.project_id == project_id for requested in requests)
        quotas.check(session, quotas.lock_project(session, project_id), "security_group_rule", number)
    made = [_create(groups[requested.security_group_id], requested) for requested in requests]
    session.flush()
    affected(session).security_groups.update(groups)
    return made


def _create(group: SecurityGroup, requested: NewSecurityGroupRule) -> SecurityGroupRule:
    check(requested)
    low, high = requested.port_range_min, requested.port_range_max
    if (low, high) == ALL_PORTS:
        low = high = None
    rule = SecurityGroupRule(
        project_id=requested.project_id,
        direction=requested.direction,
        ethertype=requested.ethertype,
        protocol=requested.protocol,
        port_range_min=low,
        port_range_max=high,
        remote_ip_prefix=requested.remote_ip_prefix,
        remote_group_id=requested.remote_group_id,
        description=requested.description,
    )
    duplicate = next((other for other in group.rules if _rule_key(other) == _rule_key(rule)), None)
    if duplicate is not None:
        raise SecurityGroupRuleExists(rule_id=duplicate.id)
    group.rules.append(rule)
    standard_attributes.bump_revision(group)
    return rule


def _rule_key(rule: SecurityGroupRule) -> tuple[object, ...]:
    return (
        rule.direction,
        rule.ethertype,
        ip_protocols.to_number(rule.protocol, rule.ethertype),
        rule.port_range_min,
        rule.port_range_max,
        _normalize_prefix(rule.remote_ip_prefix),
        rule.remote_group_id,
    )


def _normalize_prefix(text: str | None) -> str | None:
    """A prefix of length 0 means the same as no prefix."""
    net = ip_ranges.prefix(text) if text else None
    return str(net) if net is not None and net.prefixlen else None


def check(requested: NewSecurityGroupRule) -> None:
    """Refuse a rule whose parts don't fit each other."""
    if requested.remote_ip_prefix and requested.remote_group_id:
        raise SecurityGroupRemoteGroupAndRemoteIpPrefix()
    if requested.remote_ip_prefix:
        net = ip_ranges.prefix(requested.remote_ip_prefix)
        if net.version != security_groups.IP_VERSIONS[requested.ethertype]:
            raise SecurityGroupRuleParameterConflict(ethertype=requested.ethertype, cidr=requested.remote_ip_prefix)
    protocol = ip_protocols.to_number(requested.protocol, requested.ethertype)
    if protocol in ip_protocols.IPV6_ONLY and requested.ethertype == "IPv4":
        raise SecurityGroupEthertypeConflictWithProtocol(ethertype=requested.ethertype, protocol=requested.protocol)
    if (requested.port_range_min, requested.port_range_max) != ALL_PORTS:
        _check_range(protocol, requested.protocol, requested.port_range_min, requested.port_range_max)


def _check_range(protocol: int | None, name: str | None, low: int | None, high: int | None) -> None:
    if low is None and high is None:
        return
    if protocol is None:
        raise SecurityGroupProtocolRequiredWithPorts()
    if protocol in (ip_protocols.ICMP, ip_protocols.ICMPV6):
        for value, attr, field in ((low, "port_range_min", "type"), (high, "port_range_max", "code")):
            if value is not None and not 0 <= value <= 255:
                raise SecurityGroupInvalidIcmpValue(field=field, attr=attr, value=value)
        if low is None:
            raise SecurityGroupMissingIcmpType(value=high)
    elif protocol not in ip_protocols.PROTOCOLS_WITH_PORTS:
        raise SecurityGroupInvalidProtocolForPort(protocol=name)
    elif 0 in (low, high):
        raise SecurityGroupInvalidPortValue(port=0)
    elif low is None or high is None or low > high:
        raise SecurityGroupInvalidPortRange()
