"""Security groups and their rules. Every project gets a group `default` when it first needs one."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, selectinload

from pileus_network.core import ip_protocols, ip_ranges, quotas, standard_attributes, visibility
from pileus_network.core.affected_hosts import REMOTE_GROUP, affected
from pileus_network.core.visibility import Viewer
from pileus_network.db.models import PortSecurityGroup, Project, SecurityGroup, SecurityGroupRule
from pileus_network.errors import (
    SecurityGroupCannotRemoveDefault,
    SecurityGroupCannotUpdateDefault,
    SecurityGroupConflict,
    SecurityGroupDefaultAlreadyExists,
    SecurityGroupEthertypeConflictWithProtocol,
    SecurityGroupInUse,
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

LOADED = (selectinload(SecurityGroup.rules),)
ALL_PORTS = (1, 65535)
IP_VERSIONS = {"IPv4": 4, "IPv6": 6}


# -- groups --------------------------------------------------------------------------------------------------------


def find(session: Session, group_id: str, viewer: Viewer) -> SecurityGroup:
    return standard_attributes.find(
        session,
        SecurityGroup,
        group_id,
        standard_attributes.own_rows(SecurityGroup, viewer),
        lambda: SecurityGroupNotFound(id=group_id),
        LOADED,
    )


def check_visible(session: Session, group_ids: set[str], viewer: Viewer) -> None:
    """All of them exist within the caller's reach."""
    if not group_ids:
        return
    found = set(
        session.scalars(
            select(SecurityGroup.id).where(
                SecurityGroup.id.in_(group_ids), standard_attributes.own_rows(SecurityGroup, viewer)
            )
        )
    )
    missing = group_ids - found
    if missing:
        raise SecurityGroupNotFound(id=min(missing))


def check_same_statefulness(session: Session, group_ids: Iterable[str]) -> None:
    """A port's connections are tracked or they aren't: its groups must agree."""
    kinds = set(session.scalars(select(SecurityGroup.stateful).where(SecurityGroup.id.in_(set(group_ids)))))
    if len(kinds) > 1:
        raise SecurityGroupConflict(
            reason="Cannot apply both stateful and stateless security groups on the same port at the same time"
        )


def has_default(session: Session, project_id: str) -> bool:
    project = session.get(Project, project_id)
    return project is not None and project.default_group_id is not None


def find_or_create_default(session: Session, project_id: str) -> str:
    """The id of the project's default group, made if need be, whatever the quota."""
    project = quotas.lock_project(session, project_id)
    if project.default_group_id is None:
        group = SecurityGroup(project_id=project_id, name="default", description="Default security group", rules=[])
        session.add(group)
        session.flush()
        group.rules.extend(
            _default_egress_rules(project_id)
            + [
                SecurityGroupRule(
                    project_id=project_id, direction="ingress", ethertype=family, remote_group_id=group.id
                )
                for family in IP_VERSIONS
            ]
        )
        project.default_group_id = group.id
        session.flush()
    return project.default_group_id


def _default_egress_rules(project_id: str) -> list[SecurityGroupRule]:
    """Every group begins with all egress allowed."""
    return [SecurityGroupRule(project_id=project_id, direction="egress", ethertype=family) for family in IP_VERSIONS]


def create(session: Session, requested: dict[str, Any]) -> SecurityGroup:
    find_or_create_default(session, requested["project_id"])
    if requested["name"] == "default":
        raise SecurityGroupDefaultAlreadyExists()
    project = quotas.lock_project(session, requested["project_id"])
    quotas.check(session, project, "security_group")
    quotas.check(session, project, "security_group_rule", len(IP_VERSIONS))
    group = SecurityGroup(
        project_id=requested["project_id"],
        name=requested["name"],
        description=requested["description"],
        stateful=requested["stateful"],
        rules=_default_egress_rules(requested["project_id"]),
    )
    session.add(group)
    session.flush()
    return group


def update(session: Session, group: SecurityGroup, requested: dict[str, Any]) -> None:
    """Apply the attributes that are in `requested`; whether it is stateful can't change under ports that use it."""
    if "name" in requested and requested["name"] != group.name and "default" in (group.name, requested["name"]):
        raise SecurityGroupCannotUpdateDefault()
    if requested.get("stateful", group.stateful) != group.stateful and _is_used(session, group):
        raise SecurityGroupInUse(id=group.id)
    for name in ("name", "description", "stateful"):
        if name in requested:
            setattr(group, name, requested[name])
    standard_attributes.bump_revision(group)


def _is_used(session: Session, group: SecurityGroup) -> bool:
    return bool(
        session.scalar(
            select(exists(select(PortSecurityGroup.port_id).where(PortSecurityGroup.security_group_id == group.id)))
        )
    )


def delete(session: Session, group: SecurityGroup, by_admin: bool) -> None:
    """Only ports hold a group; rules of other groups that name it go along, as nobody is in it any more."""
    if _is_used(session, group):
        raise SecurityGroupInUse(id=group.id)
    if group.name == "default" and not by_admin:
        raise SecurityGroupCannotRemoveDefault()
    for rule in session.scalars(
        select(SecurityGroupRule).where(
            SecurityGroupRule.remote_group_id == group.id, SecurityGroupRule.security_group_id != group.id
        )
    ).all():
        delete_rule(session, rule)
    session.flush()
    session.delete(group)
    session.flush()


# -- rules ---------------------------------------------------------------------------------------------------------


def find_rule(session: Session, rule_id: str, viewer: Viewer) -> SecurityGroupRule:
    return standard_attributes.find(
        session,
        SecurityGroupRule,
        rule_id,
        visibility.security_group_rules(viewer),
        lambda: SecurityGroupRuleNotFound(id=rule_id),
    )


def find_for_rules(session: Session, requests: Sequence[dict[str, Any]], viewer: Viewer) -> dict[str, SecurityGroup]:
    """The groups that the requests are about, which must be within reach, with their rules."""
    wanted = {requested["security_group_id"] for requested in requests}
    groups = {
        group.id: group
        for group in session.scalars(
            select(SecurityGroup)
            .where(SecurityGroup.id.in_(wanted), standard_attributes.own_rows(SecurityGroup, viewer))
            .options(*LOADED)
        )
    }
    if wanted - set(groups):
        raise SecurityGroupNotFound(id=min(wanted - set(groups)))
    return groups


def create_rules(
    session: Session, groups: dict[str, SecurityGroup], requests: Sequence[dict[str, Any]], viewer: Viewer
) -> list[SecurityGroupRule]:
    """All or none of them. `groups` are those that the requests name."""
    check_visible(
        session, {requested["remote_group_id"] for requested in requests if requested["remote_group_id"]}, viewer
    )
    for project_id in {requested["project_id"] for requested in requests}:
        number = sum(requested["project_id"] == project_id for requested in requests)
        quotas.check(session, quotas.lock_project(session, project_id), "security_group_rule", number)
    made = [_create_rule(groups[requested["security_group_id"]], requested) for requested in requests]
    session.flush()
    affected(session).security_groups.update(groups)
    return made


def _create_rule(group: SecurityGroup, requested: dict[str, Any]) -> SecurityGroupRule:
    check_rule(requested)
    rule = SecurityGroupRule(
        project_id=requested["project_id"],
        **{
            name: requested[name]
            for name in (
                "direction",
                "ethertype",
                "protocol",
                "port_range_min",
                "port_range_max",
                "remote_ip_prefix",
                "remote_group_id",
                "description",
            )
        },
    )
    twin = next((other for other in group.rules if _rule_key(other) == _rule_key(rule)), None)
    if twin is not None:
        raise SecurityGroupRuleExists(rule_id=twin.id)
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
    """All addresses of a family are what a rule means that names none."""
    net = ip_ranges.prefix(text) if text else None
    return str(net) if net is not None and net.prefixlen else None


def check_rule(requested: dict[str, Any]) -> None:
    """That the parts of a rule fit each other; canonical forms are put in place."""
    if (requested["port_range_min"], requested["port_range_max"]) == ALL_PORTS:
        requested["port_range_min"] = requested["port_range_max"] = None
    if requested["remote_ip_prefix"] and requested["remote_group_id"]:
        raise SecurityGroupRemoteGroupAndRemoteIpPrefix()
    if requested["remote_ip_prefix"]:
        net = ip_ranges.prefix(requested["remote_ip_prefix"])
        if net.version != IP_VERSIONS[requested["ethertype"]]:
            raise SecurityGroupRuleParameterConflict(
                ethertype=requested["ethertype"], cidr=requested["remote_ip_prefix"]
            )
    protocol = ip_protocols.to_number(requested["protocol"], requested["ethertype"])
    if protocol in ip_protocols.IPV6_ONLY and requested["ethertype"] == "IPv4":
        raise SecurityGroupEthertypeConflictWithProtocol(
            ethertype=requested["ethertype"], protocol=requested["protocol"]
        )
    _check_range(protocol, requested["protocol"], requested["port_range_min"], requested["port_range_max"])


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


def delete_rule(session: Session, rule: SecurityGroupRule) -> None:
    affected(session).security_groups.add(rule.security_group_id)
    affected(session).record_change(REMOTE_GROUP, rule.remote_group_id)
    group = session.get_one(SecurityGroup, rule.security_group_id)
    standard_attributes.bump_revision(group)
    session.delete(rule)
