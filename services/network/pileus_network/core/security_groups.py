"""Security groups. A project gets a group `default` when it first needs one."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TypedDict

from sqlalchemy import ColumnElement, exists, false, select
from sqlalchemy.orm import Session, selectinload

from pileus_network.core import quotas, standard_attributes
from pileus_network.core.affected_hosts import REMOTE_GROUP, affected
from pileus_network.core.listing import Listing
from pileus_network.core.standard_attributes import apply_attributes
from pileus_network.core.visibility import Viewer
from pileus_network.db.models import PortSecurityGroup, Project, SecurityGroup, SecurityGroupRule
from pileus_network.errors.security_groups import (
    SecurityGroupCannotRemoveDefault,
    SecurityGroupCannotUpdateDefault,
    SecurityGroupConflict,
    SecurityGroupDefaultAlreadyExists,
    SecurityGroupInUse,
    SecurityGroupNotFound,
)

LOADED = (selectinload(SecurityGroup.rules),)
IP_VERSIONS = {"IPv4": 4, "IPv6": 6}


@dataclass(frozen=True, kw_only=True)
class NewSecurityGroup:
    """A request to create a security group."""

    project_id: str
    name: str
    description: str = ""
    stateful: bool = True


class SecurityGroupUpdate(TypedDict, total=False):
    """The attributes that an update may set."""

    name: str
    description: str
    stateful: bool


def _is_own(viewer: Viewer) -> ColumnElement[bool]:
    return standard_attributes.own_rows(SecurityGroup, viewer)


def _is_shared(viewer: Viewer) -> ColumnElement[bool]:
    return false()  # there are no RBAC policies for security groups


LISTING = Listing(
    SecurityGroup,
    _is_own,
    columns=standard_attributes.columns_of(SecurityGroup)
    | {"name": SecurityGroup.name, "stateful": SecurityGroup.stateful},
    flags={"shared": _is_shared},
    options=LOADED,
)


def find(session: Session, group_id: str, viewer: Viewer) -> SecurityGroup:
    """Return the group with its rules. Raises SecurityGroupNotFound if the viewer can't see it."""
    return standard_attributes.find(
        session,
        SecurityGroup,
        group_id,
        standard_attributes.own_rows(SecurityGroup, viewer),
        lambda: SecurityGroupNotFound(id=group_id),
        LOADED,
    )


def check_visible(session: Session, group_ids: set[str], viewer: Viewer) -> None:
    """Raise SecurityGroupNotFound unless the viewer sees all of the groups."""
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
    """Refuse stateful and stateless groups on the same port: its connections are either tracked or not."""
    kinds = set(session.scalars(select(SecurityGroup.stateful).where(SecurityGroup.id.in_(set(group_ids)))))
    if len(kinds) > 1:
        raise SecurityGroupConflict(
            reason="Cannot apply both stateful and stateless security groups on the same port at the same time"
        )


def has_default(session: Session, project_id: str) -> bool:
    """Whether the project has its default group already."""
    project = session.get(Project, project_id)
    return project is not None and project.default_group_id is not None


def find_or_create_default(session: Session, project_id: str) -> str:
    """Return the id of the project's default group. It is created on first use, whatever the quota."""
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
    """Return the rules of a new group: all egress is allowed."""
    return [SecurityGroupRule(project_id=project_id, direction="egress", ethertype=family) for family in IP_VERSIONS]


def create(session: Session, requested: NewSecurityGroup) -> SecurityGroup:
    """Create a group with the default rules. The name `default` is refused."""
    find_or_create_default(session, requested.project_id)
    if requested.name == "default":
        raise SecurityGroupDefaultAlreadyExists()
    project = quotas.lock_project(session, requested.project_id)
    quotas.check(session, project, "security_group")
    quotas.check(session, project, "security_group_rule", len(IP_VERSIONS))
    group = SecurityGroup(
        project_id=requested.project_id,
        name=requested.name,
        description=requested.description,
        stateful=requested.stateful,
        rules=_default_egress_rules(requested.project_id),
    )
    session.add(group)
    session.flush()
    return group


def update(session: Session, group: SecurityGroup, requested: SecurityGroupUpdate) -> None:
    """Apply the attributes that are in `requested`. A group in use can't become stateful or stateless."""
    if "name" in requested and requested["name"] != group.name and "default" in (group.name, requested["name"]):
        raise SecurityGroupCannotUpdateDefault()
    if requested.get("stateful", group.stateful) != group.stateful and _is_used(session, group):
        raise SecurityGroupInUse(id=group.id)
    apply_attributes(group, requested, ("name", "description", "stateful"))
    standard_attributes.bump_revision(group)


def _is_used(session: Session, group: SecurityGroup) -> bool:
    return bool(
        session.scalar(
            select(exists(select(PortSecurityGroup.port_id).where(PortSecurityGroup.security_group_id == group.id)))
        )
    )


def delete(session: Session, group: SecurityGroup, by_admin: bool) -> None:
    """Delete a group that no port is in, with the rules of other groups that name it as remote."""
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


def delete_rule(session: Session, rule: SecurityGroupRule) -> None:
    """Delete a rule, and mark the hosts with ports in its group."""
    affected(session).security_groups.add(rule.security_group_id)
    affected(session).record_change(REMOTE_GROUP, rule.remote_group_id)
    group = session.get_one(SecurityGroup, rule.security_group_id)
    standard_attributes.bump_revision(group)
    session.delete(rule)
