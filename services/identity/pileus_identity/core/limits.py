"""Limits of projects and domains, which override the registered ones. Services read and enforce them."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, Select, exists, or_, select
from sqlalchemy import delete as delete_rows
from sqlalchemy.orm import Session

from pileus_identity.core import domains, projects
from pileus_identity.core.attributes import insert
from pileus_identity.core.listing import ListPage, ListQuery
from pileus_identity.db.models import Limit, Project, RegisteredLimit
from pileus_identity.errors import DuplicateEntry, ForbiddenAction, ResourceNotFound, ValidationFailed
from pileus_kit.json_types import JsonObject

Rows = Select[Limit, RegisteredLimit, Project]


@dataclass(frozen=True)
class OwnedLimit:
    """A limit with the registered limit that it overrides and its owner, a project or a domain."""

    limit: Limit
    registered: RegisteredLimit
    owner: Project


@dataclass(frozen=True)
class Visibility:
    """Whose limits a caller sees: those of their project or domain, and of all projects in the domain."""

    project_id: str | None
    domain_id: str | None


def find(session: Session, limit_id: str) -> OwnedLimit:
    """A limit by id. Raises ResourceNotFound."""
    found = get(session, limit_id)
    if found is None:
        raise ResourceNotFound(kind="limit", id=limit_id)
    return found


def get(session: Session, limit_id: str) -> OwnedLimit | None:
    """A limit by id, or None."""
    row = session.execute(_select().where(Limit.id == limit_id)).first()
    return None if row is None else OwnedLimit(row[0], row[1], row[2])


def create(session: Session, bodies: list[JsonObject]) -> list[OwnedLimit]:
    """Create limits, all or none.

    Raises ValidationFailed, ResourceNotFound, DuplicateEntry, or ForbiddenAction without a registered limit.
    """
    return [_create(session, body) for body in bodies]


def _create(session: Session, body: JsonObject) -> OwnedLimit:
    project_id, domain_id = body.get("project_id"), body.get("domain_id")
    if bool(project_id) == bool(domain_id):
        raise ValidationFailed(why="A limit is for a project or for a domain: give one of project_id and domain_id.")
    owner = domains.find(session, domain_id) if domain_id else projects.find(session, str(project_id))
    registered = session.scalar(
        select(RegisteredLimit).where(
            RegisteredLimit.service_id == body["service_id"],
            RegisteredLimit.resource_name == body["resource_name"],
            RegisteredLimit.region_id == (body.get("region_id") or ""),
        )
    )
    if registered is None:
        raise ForbiddenAction(why="Unable to create a limit that has no corresponding registered limit.")
    if session.scalar(select(exists().where(Limit.owner_id == owner.id, Limit.registered_limit_id == registered.id))):
        raise DuplicateEntry(kind="limit", name=body["resource_name"])
    limit = Limit(
        registered_limit_id=registered.id,
        owner_id=owner.id,
        resource_limit=body["resource_limit"],
        description=body.get("description"),
    )
    insert(session, limit, "limit", limit.id)
    return OwnedLimit(limit, registered, owner)


def update(session: Session, limit: Limit, body: JsonObject) -> None:
    """Change a limit's number or description."""
    for name in ("resource_limit", "description"):
        if name in body:
            setattr(limit, name, body[name])
    session.flush()


def delete(session: Session, limit: Limit) -> None:
    """Delete a limit: the registered one counts again."""
    session.execute(delete_rows(Limit).where(Limit.id == limit.id))


def list_page(session: Session, query: ListQuery, visibility: Visibility | None) -> ListPage[OwnedLimit]:
    """The limits that match a query, and that a caller may see (None: all)."""
    stmt = _filtered(query)
    if visibility is not None:
        stmt = stmt.where(_is_visible(visibility))
    if query.page.marker is not None:
        stmt = stmt.where(Limit.id > query.page.marker)
    rows = session.execute(stmt.order_by(Limit.id).limit(query.page.limit + 1)).all()
    found = [OwnedLimit(row[0], row[1], row[2]) for row in rows[: query.page.limit]]
    return ListPage(found, len(rows) > query.page.limit)


def _is_visible(visibility: Visibility) -> ColumnElement[bool]:
    own = Limit.owner_id == (visibility.project_id or visibility.domain_id or "")
    return or_(own, Project.domain_id == visibility.domain_id) if visibility.domain_id else own


def _select() -> Rows:
    return (
        select(Limit, RegisteredLimit, Project)
        .join(RegisteredLimit, RegisteredLimit.id == Limit.registered_limit_id)
        .join(Project, Project.id == Limit.owner_id)
    )


def _filtered(query: ListQuery) -> Rows:
    stmt, filters = _select(), query.filters
    for column in (RegisteredLimit.service_id, RegisteredLimit.region_id, RegisteredLimit.resource_name):
        if column.key in filters:
            stmt = stmt.where(column == filters[column.key])
    if "project_id" in filters:
        stmt = stmt.where(Limit.owner_id == filters["project_id"], Project.is_domain.is_(False))
    if "domain_id" in filters:
        stmt = stmt.where(Limit.owner_id == filters["domain_id"], Project.is_domain)
    return stmt
