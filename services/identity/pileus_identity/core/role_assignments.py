"""Lists of role assignments: as they were granted, or as they work out (`effective`)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import TypedDict

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from pileus_identity.core.assignment_conditions import assigned_to_user, effective_in_scope
from pileus_identity.core.implied_roles import RoleGraph, load_role_graph
from pileus_identity.db.models import Assignment, Group, Membership, Project, ProjectLineage, Role, User
from pileus_identity.errors import ValidationFailed

MAX_ROWS = 10_000


@dataclass(frozen=True)
class AssignmentFilter:
    """The filters of a query."""

    user_id: str | None = None
    group_id: str | None = None
    role_id: str | None = None
    project_id: str | None = None
    domain_id: str | None = None
    system: bool = False
    inherited: bool | None = None
    effective: bool = False
    include_subtree: bool = False
    visible_domain_id: str | None = None  # only what is at or below this domain is shown


@dataclass(frozen=True)
class RoleAssignment:
    """One assignment of the answer; the last fields say where an effective one comes from."""

    actor: str
    actor_id: str
    target: str
    target_id: str
    role_id: str
    inherited: bool = False
    group_id: str | None = None  # the group through which a user has the role
    source_id: str | None = None  # the project or domain from which the role is inherited
    source: str | None = None  # project or domain
    prior_role_id: str | None = None  # the role that implies this one


class NamedEntity(TypedDict, total=False):
    """A user, group, role, project or domain with its name."""

    id: str
    name: str
    domain: "NamedEntity"


def list_assignments(session: Session, filters: AssignmentFilter) -> list[RoleAssignment]:
    """The assignments that match; at most MAX_ROWS. Raises ValidationFailed for filters that exclude each other."""
    if filters.effective:
        if filters.group_id:
            raise ValidationFailed(why="Combining effective and group filter will always result in an empty list.")
        return _list_effective(session, filters)
    rows = session.scalars(
        select(Assignment)
        .where(*_conditions(filters))
        .order_by(Assignment.actor_id, Assignment.target_id, Assignment.role_id)
        .limit(MAX_ROWS)
    )
    return [_as_granted(row) for row in rows]


def _as_granted(row: Assignment) -> RoleAssignment:
    return RoleAssignment(row.actor, row.actor_id, row.target, row.target_id, row.role_id, row.inherited)


def _conditions(filters: AssignmentFilter) -> list[ColumnElement[bool]]:
    conditions = _common_conditions(filters)
    if filters.user_id:
        conditions += [Assignment.actor == "user", Assignment.actor_id == filters.user_id]
    if filters.group_id:
        conditions += [Assignment.actor == "group", Assignment.actor_id == filters.group_id]
    if filters.role_id:
        conditions.append(Assignment.role_id == filters.role_id)
    if filters.project_id:
        conditions += [
            Assignment.target == "project",
            _is_at_or_below(filters.project_id)
            if filters.include_subtree
            else Assignment.target_id == filters.project_id,
        ]
    if filters.domain_id:
        conditions += [Assignment.target == "domain", Assignment.target_id == filters.domain_id]
    return conditions


def _common_conditions(filters: AssignmentFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filters.visible_domain_id is not None:
        conditions += [Assignment.target != "system", _is_at_or_below(filters.visible_domain_id)]
    if filters.system:
        conditions.append(Assignment.target == "system")
    if filters.inherited is not None:
        conditions.append(Assignment.inherited.is_(filters.inherited))
    return conditions


def _is_at_or_below(id: str) -> ColumnElement[bool]:
    return Assignment.target_id.in_(select(ProjectLineage.project_id).where(ProjectLineage.ancestor_id == id))


def _list_effective(session: Session, filters: AssignmentFilter) -> list[RoleAssignment]:
    """Replace groups by their members, inherited roles by those of the projects below, and add implied roles."""
    graph = load_role_graph(session)
    conditions = _effective_conditions(graph, filters)
    granted = [_as_granted(row) for row in session.scalars(select(Assignment).where(*conditions).limit(MAX_ROWS))]
    through_groups = _expand_groups(session, granted, filters)
    found: Iterable[RoleAssignment] = _add_implied(graph, _expand_inherited(session, through_groups, filters))
    if filters.role_id:
        found = (assignment for assignment in found if assignment.role_id == filters.role_id)
    return _first(dict.fromkeys(found))


def _effective_conditions(graph: RoleGraph, filters: AssignmentFilter) -> list[ColumnElement[bool]]:
    conditions = _common_conditions(filters)
    if filters.user_id:
        conditions.append(assigned_to_user(filters.user_id))
    if filters.role_id:  # before the limit: there may be more assignments of other roles than are read
        conditions.append(Assignment.role_id.in_(graph.implying(filters.role_id)))
    if filters.project_id:
        in_project = effective_in_scope("project", filters.project_id)
        below = and_(Assignment.target == "project", _is_at_or_below(filters.project_id))
        conditions.append(or_(in_project, below) if filters.include_subtree else in_project)
    if filters.domain_id:
        conditions.append(effective_in_scope("domain", filters.domain_id))
    return conditions


def _first(found: Iterable[RoleAssignment]) -> list[RoleAssignment]:
    """The first MAX_ROWS: members times projects times roles can be more than memory holds."""
    return list(islice(found, MAX_ROWS))


def _expand_groups(session: Session, granted: list[RoleAssignment], filters: AssignmentFilter) -> list[RoleAssignment]:
    groups = {assignment.actor_id for assignment in granted if assignment.actor == "group"}
    members: dict[str, list[str]] = {}
    if groups:
        stmt = select(Membership.group_id, Membership.user_id).where(Membership.group_id.in_(groups)).limit(MAX_ROWS)
        if filters.user_id:
            stmt = stmt.where(Membership.user_id == filters.user_id)
        for group_id, user_id in session.execute(stmt):
            members.setdefault(group_id, []).append(user_id)
    direct = (assignment for assignment in granted if assignment.actor == "user")
    through_groups = (
        replace(assignment, actor="user", actor_id=user_id, group_id=assignment.actor_id)
        for assignment in granted
        if assignment.actor == "group"
        for user_id in members.get(assignment.actor_id, ())
    )
    return _first(chain(direct, through_groups))


def _expand_inherited(
    session: Session, granted: list[RoleAssignment], filters: AssignmentFilter
) -> list[RoleAssignment]:
    sources = {assignment.target_id for assignment in granted if assignment.inherited}
    below: dict[str, list[str]] = {}
    if sources:
        stmt = (
            select(ProjectLineage.ancestor_id, ProjectLineage.project_id)
            .where(ProjectLineage.ancestor_id.in_(sources), ProjectLineage.distance > 0)
            .limit(MAX_ROWS)
        )
        if filters.project_id:
            subtree = select(ProjectLineage.project_id).where(ProjectLineage.ancestor_id == filters.project_id)
            stmt = stmt.where(
                ProjectLineage.project_id.in_(subtree)
                if filters.include_subtree
                else ProjectLineage.project_id == filters.project_id
            )
        for ancestor_id, project_id in session.execute(stmt):
            below.setdefault(ancestor_id, []).append(project_id)
    own = (assignment for assignment in granted if not assignment.inherited)
    inherited = (
        replace(assignment, target="project", target_id=id, source_id=assignment.target_id, source=assignment.target)
        for assignment in granted
        if assignment.inherited
        for id in below.get(assignment.target_id, ())
    )
    return _first(chain(own, inherited))


def _add_implied(graph: RoleGraph, granted: list[RoleAssignment]) -> Iterator[RoleAssignment]:
    for assignment in granted:
        for role_id in sorted(graph.expand([assignment.role_id])):
            if graph.domains[role_id] is None:
                if role_id == assignment.role_id:
                    yield assignment
                else:
                    yield replace(assignment, role_id=role_id, prior_role_id=assignment.role_id)


def load_names(session: Session, found: list[RoleAssignment]) -> Mapping[str, NamedEntity]:
    """For `include_names`: the name and domain of every user, group, role, project and domain, by id."""
    wanted: dict[type[User] | type[Group] | type[Role] | type[Project], set[str]] = {
        User: {assignment.actor_id for assignment in found if assignment.actor == "user"},
        Group: {assignment.actor_id for assignment in found if assignment.actor == "group"},
        Role: {assignment.role_id for assignment in found},
        Project: {assignment.target_id for assignment in found if assignment.target != "system"},
    }
    rows = [
        (row.id, row.name, row.domain_id)
        for kind, ids in wanted.items()
        if ids
        for row in session.execute(select(kind.id, kind.name, kind.domain_id).where(kind.id.in_(ids)))
    ]
    domain_ids = {domain_id for _, _, domain_id in rows if domain_id}
    domain_names = {
        row.id: row.name for row in session.execute(select(Project.id, Project.name).where(Project.id.in_(domain_ids)))
    }
    return {
        id: {"id": id, "name": name, "domain": {"id": domain_id, "name": domain_names[domain_id]}}
        if domain_id
        else {"id": id, "name": name}
        for id, name, domain_id in rows
    }
