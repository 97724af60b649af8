"""Domains: the projects with `is_domain`, which own users, groups, roles and projects."""

from sqlalchemy import Select, exists, or_, select
from sqlalchemy import delete as delete_rows
from sqlalchemy.orm import Session, selectinload

from pileus_identity.core import deleted_projects, project_tags, projects, revocations
from pileus_identity.core.assignment_conditions import assigned_to_user
from pileus_identity.core.attributes import apply_attributes, check_mutable, flush, insert, without_nulls
from pileus_identity.core.listing import ListPage, ListQuery, apply_filters, fetch_page
from pileus_identity.db.models import Assignment, Credential, Group, Project, Role, User
from pileus_identity.errors import ForbiddenAction, ResourceNotFound
from pileus_kit.json_types import JsonObject

KNOWN = ("name", "description", "enabled")


def find(session: Session, domain_id: str) -> Project:
    """A domain by id, with its tags. Raises ResourceNotFound, also for a project."""
    domain = projects.load(session, domain_id)
    if domain is None or not domain.is_domain:
        raise ResourceNotFound(kind="domain", id=domain_id)
    return domain


def is_known(session: Session, domain_id: str) -> bool:
    """Whether there is a domain with this id."""
    return bool(session.scalar(select(exists().where(Project.id == domain_id, Project.is_domain))))


def create(session: Session, body: JsonObject) -> Project:
    """Create a domain. Raises DuplicateEntry."""
    domain = Project(is_domain=True, options={}, extra={}, tags=[])
    explicit_id = body.get("explicit_domain_id")
    if explicit_id is not None:
        domain.id = explicit_id
    given = {key: value for key, value in without_nulls(body).items() if key != "explicit_domain_id"}
    apply_attributes(domain, given, KNOWN)
    insert(session, domain, "domain", domain.name)
    project_tags.replace(session, domain, body.get("tags", ()))
    projects.insert_lineage(session, domain.id, None)
    return domain


def update(session: Session, domain: Project, body: JsonObject) -> None:
    """Change a domain. Disabling it revokes the tokens of its users and of its projects."""
    check_mutable(domain, "domain", body)
    if domain.enabled and body.get("enabled") is False:
        revocations.revoke_tokens(session, domain_id=domain.id)
    apply_attributes(domain, without_nulls(body), KNOWN)
    flush(session, "domain", domain.name)
    if "tags" in body:
        project_tags.replace(session, domain, body["tags"])
    revocations.invalidate_authorizations(session, domain_id=domain.id)


def delete(session: Session, domain: Project) -> None:
    """Delete a domain with its users, groups, roles and projects, and revoke their tokens.

    Raises ForbiddenAction if it is immutable or still enabled, so that no domain is deleted by accident.
    """
    check_mutable(domain, "domain")
    if domain.enabled:
        raise ForbiddenAction(why="Cannot delete a domain that is enabled, please disable it first.")
    own_projects = select(Project.id).where(Project.domain_id == domain.id)
    actors = [select(kind.id).where(kind.domain_id == domain.id) for kind in (User, Group)]
    session.execute(
        delete_rows(Assignment).where(
            or_(
                Assignment.target_id == domain.id,
                Assignment.target_id.in_(own_projects),
                *(Assignment.actor_id.in_(ids) for ids in actors),
            )
        )
    )
    session.execute(delete_rows(Credential).where(Credential.project_id.in_(own_projects)))
    for kind in (User, Group, Role):
        session.execute(delete_rows(kind).where(kind.domain_id == domain.id))
    revocations.revoke_tokens(session, domain_id=domain.id)
    deleted_projects.remember(session, Project.domain_id == domain.id)
    session.execute(delete_rows(Project).where(Project.domain_id == domain.id))
    session.execute(delete_rows(Project).where(Project.id == domain.id))
    revocations.invalidate_authorizations(session)


def list_page(session: Session, query: ListQuery, domain_id: str | None = None) -> ListPage[Project]:
    """The domains that match a query; only one of them if its id is given."""
    stmt = apply_filters(_select(), query.filters, (Project.name,), (Project.enabled,))
    if domain_id is not None:
        stmt = stmt.where(Project.id == domain_id)
    return fetch_page(session, stmt, Project.id, query.page)


def list_page_of_user(session: Session, user_id: str, query: ListQuery) -> ListPage[Project]:
    """The enabled domains on which a user has a role."""
    has_role = exists().where(
        assigned_to_user(user_id),
        Assignment.target == "domain",
        Assignment.target_id == Project.id,
        Assignment.inherited.is_(False),
    )
    return fetch_page(session, _select().where(Project.enabled, has_role), Project.id, query.page)


def _select() -> Select[Project]:
    return select(Project).where(Project.is_domain).options(selectinload(Project.tags))
