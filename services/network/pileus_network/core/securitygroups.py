"""Security groups and their rules. Every project gets a group `default` when it first needs one."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.orm import Session, selectinload

from pileus_network.core import nouns, projects, protocols, ranges, scopes
from pileus_network.core.generations import REMOTE, concern
from pileus_network.core.scopes import Scope
from pileus_network.db.models import PortGroup, Project, SecurityGroup, SecurityRule
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
VERSIONS = {"IPv4": 4, "IPv6": 6}


# -- groups --------------------------------------------------------------------------------------------------------


def get(session: Session, group_id: str, scope: Scope) -> SecurityGroup:
    return nouns.find(
        session,
        SecurityGroup,
        group_id,
        nouns.mine(SecurityGroup, scope),
        lambda: SecurityGroupNotFound(id=group_id),
        LOADED,
    )


def check_visible(session: Session, group_ids: set[str], scope: Scope) -> None:
    """All of them exist within the caller's reach."""
    if not group_ids:
        return
    found = set(
        session.scalars(
            select(SecurityGroup.id).where(SecurityGroup.id.in_(group_ids), nouns.mine(SecurityGroup, scope))
        )
    )
    missing = group_ids - found
    if missing:
        raise SecurityGroupNotFound(id=min(missing))


def check_one_kind(session: Session, group_ids: Iterable[str]) -> None:
    """A port's connections are tracked or they aren't: its groups must agree."""
    kinds = set(session.scalars(select(SecurityGroup.stateful).where(SecurityGroup.id.in_(set(group_ids)))))
    if len(kinds) > 1:
        raise SecurityGroupConflict(
            reason="Cannot apply both stateful and stateless security groups on the same port at the same time"
        )


def has_default(session: Session, project_id: str) -> bool:
    project = session.get(Project, project_id)
    return project is not None and project.default_group_id is not None


def default(session: Session, project_id: str) -> str:
    """The id of the project's default group, made if need be, whatever the quota."""
    project = projects.locked(session, project_id)
    if project.default_group_id is None:
        group = SecurityGroup(project_id=project_id, name="default", description="Default security group", rules=[])
        session.add(group)
        session.flush()
        group.rules.extend(
            _first_rules(project_id)
            + [
                SecurityRule(project_id=project_id, direction="ingress", ethertype=family, remote_group_id=group.id)
                for family in VERSIONS
            ]
        )
        project.default_group_id = group.id
        session.flush()
    return project.default_group_id


def _first_rules(project_id: str) -> list[SecurityRule]:
    """Every group begins with all egress allowed."""
    return [SecurityRule(project_id=project_id, direction="egress", ethertype=family) for family in VERSIONS]


def create(session: Session, wish: dict[str, Any]) -> SecurityGroup:
    default(session, wish["project_id"])
    if wish["name"] == "default":
        raise SecurityGroupDefaultAlreadyExists()
    project = projects.locked(session, wish["project_id"])
    projects.reserve(session, project, "security_group")
    projects.reserve(session, project, "security_group_rule", len(VERSIONS))
    group = SecurityGroup(
        project_id=wish["project_id"],
        name=wish["name"],
        description=wish["description"],
        stateful=wish["stateful"],
        rules=_first_rules(wish["project_id"]),
    )
    session.add(group)
    session.flush()
    return group


def update(session: Session, group: SecurityGroup, wish: dict[str, Any]) -> None:
    """Apply the attributes that are in `wish`; whether it is stateful can't change under ports that use it."""
    if "name" in wish and wish["name"] != group.name and "default" in (group.name, wish["name"]):
        raise SecurityGroupCannotUpdateDefault()
    if wish.get("stateful", group.stateful) != group.stateful and _used(session, group):
        raise SecurityGroupInUse(id=group.id)
    for name in ("name", "description", "stateful"):
        if name in wish:
            setattr(group, name, wish[name])
    nouns.revise(group)


def _used(session: Session, group: SecurityGroup) -> bool:
    return bool(session.scalar(select(exists(select(PortGroup.port_id).where(PortGroup.group_id == group.id)))))


def delete(session: Session, group: SecurityGroup, by_admin: bool) -> None:
    """Only ports hold a group; rules of other groups that name it go along, as nobody is in it any more."""
    if _used(session, group):
        raise SecurityGroupInUse(id=group.id)
    if group.name == "default" and not by_admin:
        raise SecurityGroupCannotRemoveDefault()
    for rule in session.scalars(
        select(SecurityRule).where(SecurityRule.remote_group_id == group.id, SecurityRule.group_id != group.id)
    ).all():
        delete_rule(session, rule)
    session.flush()
    session.delete(group)
    session.flush()


# -- rules ---------------------------------------------------------------------------------------------------------


def get_rule(session: Session, rule_id: str, scope: Scope) -> SecurityRule:
    return nouns.find(
        session, SecurityRule, rule_id, scopes.security_rules(scope), lambda: SecurityGroupRuleNotFound(id=rule_id)
    )


def named(session: Session, wishes: Sequence[dict[str, Any]], scope: Scope) -> dict[str, SecurityGroup]:
    """The groups that the wishes are about, which must be within reach, with their rules."""
    wanted = {wish["security_group_id"] for wish in wishes}
    groups = {
        group.id: group
        for group in session.scalars(
            select(SecurityGroup).where(SecurityGroup.id.in_(wanted), nouns.mine(SecurityGroup, scope)).options(*LOADED)
        )
    }
    if wanted - set(groups):
        raise SecurityGroupNotFound(id=min(wanted - set(groups)))
    return groups


def create_rules(
    session: Session, groups: dict[str, SecurityGroup], wishes: Sequence[dict[str, Any]], scope: Scope
) -> list[SecurityRule]:
    """All or none of them. `groups` are those that the wishes name."""
    check_visible(session, {wish["remote_group_id"] for wish in wishes if wish["remote_group_id"]}, scope)
    for project_id in {wish["project_id"] for wish in wishes}:
        number = sum(wish["project_id"] == project_id for wish in wishes)
        projects.reserve(session, projects.locked(session, project_id), "security_group_rule", number)
    made = [_create_rule(groups[wish["security_group_id"]], wish) for wish in wishes]
    session.flush()
    concern(session).groups.update(groups)
    return made


def _create_rule(group: SecurityGroup, wish: dict[str, Any]) -> SecurityRule:
    check_rule(wish)
    rule = SecurityRule(
        project_id=wish["project_id"],
        **{
            name: wish[name]
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
    twin = next((other for other in group.rules if _meaning(other) == _meaning(rule)), None)
    if twin is not None:
        raise SecurityGroupRuleExists(rule_id=twin.id)
    group.rules.append(rule)
    nouns.revise(group)
    return rule


def _meaning(rule: SecurityRule) -> tuple[object, ...]:
    return (
        rule.direction,
        rule.ethertype,
        protocols.number(rule.protocol, rule.ethertype),
        rule.port_range_min,
        rule.port_range_max,
        _prefix_meant(rule.remote_ip_prefix),
        rule.remote_group_id,
    )


def _prefix_meant(text: str | None) -> str | None:
    """All addresses of a family are what a rule means that names none."""
    net = ranges.prefix(text) if text else None
    return str(net) if net is not None and net.prefixlen else None


def check_rule(wish: dict[str, Any]) -> None:
    """That the parts of a rule fit each other; canonical forms are put in place."""
    if (wish["port_range_min"], wish["port_range_max"]) == ALL_PORTS:
        wish["port_range_min"] = wish["port_range_max"] = None
    if wish["remote_ip_prefix"] and wish["remote_group_id"]:
        raise SecurityGroupRemoteGroupAndRemoteIpPrefix()
    if wish["remote_ip_prefix"]:
        net = ranges.prefix(wish["remote_ip_prefix"])
        if net.version != VERSIONS[wish["ethertype"]]:
            raise SecurityGroupRuleParameterConflict(ethertype=wish["ethertype"], cidr=wish["remote_ip_prefix"])
    protocol = protocols.number(wish["protocol"], wish["ethertype"])
    if protocol in protocols.ONLY_IPV6 and wish["ethertype"] == "IPv4":
        raise SecurityGroupEthertypeConflictWithProtocol(ethertype=wish["ethertype"], protocol=wish["protocol"])
    _check_range(protocol, wish["protocol"], wish["port_range_min"], wish["port_range_max"])


def _check_range(protocol: int | None, name: str | None, low: int | None, high: int | None) -> None:
    if low is None and high is None:
        return
    if protocol is None:
        raise SecurityGroupProtocolRequiredWithPorts()
    if protocol in (protocols.ICMP, protocols.ICMPV6):
        for value, attr, field in ((low, "port_range_min", "type"), (high, "port_range_max", "code")):
            if value is not None and not 0 <= value <= 255:
                raise SecurityGroupInvalidIcmpValue(field=field, attr=attr, value=value)
        if low is None:
            raise SecurityGroupMissingIcmpType(value=high)
    elif protocol not in protocols.WITH_PORTS:
        raise SecurityGroupInvalidProtocolForPort(protocol=name)
    elif 0 in (low, high):
        raise SecurityGroupInvalidPortValue(port=0)
    elif low is None or high is None or low > high:
        raise SecurityGroupInvalidPortRange()


def delete_rule(session: Session, rule: SecurityRule) -> None:
    concern(session).groups.add(rule.group_id)
    concern(session).touch(REMOTE, rule.remote_group_id)
    group = session.get_one(SecurityGroup, rule.group_id)
    nouns.revise(group)
    session.delete(rule)
