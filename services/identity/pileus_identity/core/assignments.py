"""Who has which role where: as it was given, or as it works out (`effective`)."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any

from sqlalchemy import ColumnElement, and_, or_, select
from sqlalchemy.orm import Session

from pileus_identity.core import rolegraph
from pileus_identity.core.standings import actors, targets
from pileus_identity.db.models import Assignment, Group, Lineage, Membership, Project, Role, User
from pileus_identity.errors import Invalid

MOST = 10_000


@dataclass(frozen=True)
class Asked:
    """The filters of a query."""

    user: str | None = None
    group: str | None = None
    role: str | None = None
    project: str | None = None
    domain: str | None = None
    system: bool = False
    inherited: bool | None = None
    effective: bool = False
    subtree: bool = False
    only_in_domain: str | None = None  # what a domain's reader may see


@dataclass(frozen=True)
class Held:
    """One answer; `via` and `prior` say where an effective one comes from."""

    actor: str
    actor_id: str
    target: str
    target_id: str
    role_id: str
    inherited: bool = False
    group_id: str | None = None  # the membership that brings it
    source: str | None = None  # the project or domain that it is inherited from
    source_kind: str | None = None
    prior_id: str | None = None  # the role that implies it


def find(session: Session, asked: Asked) -> list[Held]:
    """At most MOST of them."""
    if asked.effective:
        if asked.group:
            raise Invalid(why="Combining effective and group filter will always result in an empty list.")
        return _effective(session, asked)
    rows = session.scalars(
        select(Assignment)
        .where(*_filters(asked))
        .order_by(Assignment.actor_id, Assignment.target_id, Assignment.role_id)
        .limit(MOST)
    )
    return [_held(row) for row in rows]


def _held(row: Assignment) -> Held:
    return Held(row.actor, row.actor_id, row.target, row.target_id, row.role_id, row.inherited)


def _filters(asked: Asked) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if asked.user:
        conditions += [Assignment.actor == "user", Assignment.actor_id == asked.user]
    if asked.group:
        conditions += [Assignment.actor == "group", Assignment.actor_id == asked.group]
    if asked.role:
        conditions.append(Assignment.role_id == asked.role)
    if asked.project:
        conditions += [
            Assignment.target == "project",
            _at_or_below(asked.project) if asked.subtree else Assignment.target_id == asked.project,
        ]
    if asked.domain:
        conditions += [Assignment.target == "domain", Assignment.target_id == asked.domain]
    if asked.system:
        conditions.append(Assignment.target == "system")
    if asked.inherited is not None:
        conditions.append(Assignment.inherited.is_(asked.inherited))
    return conditions + _visible(asked)


def _visible(asked: Asked) -> list[ColumnElement[bool]]:
    if asked.only_in_domain is None:
        return []
    return [Assignment.target != "system", _at_or_below(asked.only_in_domain)]


def _at_or_below(id: str) -> ColumnElement[bool]:
    return Assignment.target_id.in_(select(Lineage.project_id).where(Lineage.ancestor_id == id))


def _effective(session: Session, asked: Asked) -> list[Held]:
    """Groups become their members, inherited roles those of the projects below, roles all that they imply."""
    conditions, graph = _visible(asked), rolegraph.load(session)
    if asked.user:
        conditions.append(actors(asked.user))
    if asked.role:  # here already: of others there may be more than are read
        conditions.append(Assignment.role_id.in_(graph.bringing(asked.role)))
    if asked.project:
        place = targets("project", asked.project)
        conditions.append(
            or_(place, and_(Assignment.target == "project", _at_or_below(asked.project))) if asked.subtree else place
        )
    if asked.domain:
        conditions.append(targets("domain", asked.domain))
    if asked.system:
        conditions.append(Assignment.target == "system")
    if asked.inherited is not None:
        conditions.append(Assignment.inherited.is_(asked.inherited))
    given = [_held(row) for row in session.scalars(select(Assignment).where(*conditions).limit(MOST))]
    found: Iterable[Held] = _implied(graph, _spread(session, _members(session, given, asked), asked))
    if asked.role:
        found = (held for held in found if held.role_id == asked.role)
    return _most(dict.fromkeys(found))


def _most(found: Iterable[Held]) -> list[Held]:
    """Members times projects times roles would be more than anybody reads, and than memory holds."""
    return list(islice(found, MOST))


def _members(session: Session, given: list[Held], asked: Asked) -> list[Held]:
    groups = {held.actor_id for held in given if held.actor == "group"}
    people: dict[str, list[str]] = {}
    if groups:
        stmt = select(Membership.group_id, Membership.user_id).where(Membership.group_id.in_(groups)).limit(MOST)
        if asked.user:
            stmt = stmt.where(Membership.user_id == asked.user)
        for group_id, user_id in session.execute(stmt):
            people.setdefault(group_id, []).append(user_id)
    direct = (held for held in given if held.actor == "user")
    through = (
        replace(held, actor="user", actor_id=user_id, group_id=held.actor_id)
        for held in given
        if held.actor == "group"
        for user_id in people.get(held.actor_id, ())
    )
    return _most(chain(direct, through))


def _spread(session: Session, given: list[Held], asked: Asked) -> list[Held]:
    sources = {held.target_id for held in given if held.inherited}
    below: dict[str, list[str]] = {}
    if sources:
        stmt = (
            select(Lineage.ancestor_id, Lineage.project_id)
            .where(Lineage.ancestor_id.in_(sources), Lineage.distance > 0)
            .limit(MOST)
        )
        if asked.project:
            wanted = select(Lineage.project_id).where(Lineage.ancestor_id == asked.project) if asked.subtree else None
            stmt = stmt.where(Lineage.project_id == asked.project if wanted is None else Lineage.project_id.in_(wanted))
        for ancestor, project_id in session.execute(stmt):
            below.setdefault(ancestor, []).append(project_id)
    own = (held for held in given if not held.inherited)
    handed_down = (
        replace(held, target="project", target_id=id, source=held.target_id, source_kind=held.target)
        for held in given
        if held.inherited
        for id in below.get(held.target_id, ())
    )
    return _most(chain(own, handed_down))


def _implied(graph: rolegraph.RoleGraph, given: list[Held]) -> Iterator[Held]:
    for held in given:
        for role_id in sorted(graph.closure([held.role_id])):
            if graph.domains[role_id] is None:
                yield held if role_id == held.role_id else replace(held, role_id=role_id, prior_id=held.role_id)


def names(session: Session, found: Iterable[Held]) -> Mapping[str, dict[str, Any]]:
    """For `include_names`: id -> name and domain of every user, group, role, project and domain in the answer."""
    found = list(found)
    wanted: dict[Any, set[str]] = {
        User: {h.actor_id for h in found if h.actor == "user"},
        Group: {h.actor_id for h in found if h.actor == "group"},
        Role: {h.role_id for h in found},
        Project: {h.target_id for h in found if h.target != "system"},
    }
    rows = [
        row
        for kind, ids in wanted.items()
        if ids
        for row in session.execute(select(kind.id, kind.name, kind.domain_id).where(kind.id.in_(ids)))
    ]
    homes = {domain_id for _, _, domain_id in rows if domain_id}
    domains = {
        row.id: row.name for row in session.execute(select(Project.id, Project.name).where(Project.id.in_(homes)))
    }
    return {
        id: {"id": id, "name": name} | ({"domain": {"id": home, "name": domains.get(home)}} if home else {})
        for id, name, home in rows
    }
