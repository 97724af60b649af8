"""Domains: who administers whom."""

from collections.abc import Mapping

from sqlalchemy import Select, delete, or_, select
from sqlalchemy.orm import Session, selectinload

from pileus_identity.core import ledger, lists, projects
from pileus_identity.core.bodies import Body, apply, flush, mutable, store
from pileus_identity.db.models import Assignment, Credential, Group, Project, Role, User
from pileus_identity.errors import Refused

KNOWN = ("name", "description", "enabled")


def get(session: Session, domain_id: str) -> Project:
    return projects.get(session, domain_id, domain=True)


def create(session: Session, body: Body) -> Project:
    domain = Project(is_domain=True, options={}, extra={}, tags=[])
    explicit = body.get("explicit_domain_id")
    if explicit is not None:
        domain.id = explicit
    apply(domain, {k: v for k, v in body.items() if v is not None and k != "explicit_domain_id"}, KNOWN)
    store(session, domain, "domain")
    projects.set_tags(session, domain, body.get("tags", ()))
    projects.add_lineage(session, domain.id, None)
    return domain


def change(session: Session, domain: Project, body: Body) -> None:
    mutable(domain, "domain", body)
    if domain.enabled and body.get("enabled") is False:
        ledger.record(session, kills=True, domain_id=domain.id)
    apply(domain, {k: v for k, v in body.items() if v is not None}, KNOWN)
    flush(session, "domain", domain.name)
    if "tags" in body:
        projects.set_tags(session, domain, body["tags"])
    ledger.record(session, domain_id=domain.id)


def remove(session: Session, domain: Project) -> None:
    """With all its users, groups, roles and projects; it must have been disabled before, so that it is no accident."""
    mutable(domain, "domain")
    if domain.enabled:
        raise Refused(why="Cannot delete a domain that is enabled, please disable it first.")
    mine = select(Project.id).where(Project.domain_id == domain.id)
    people = [select(kind.id).where(kind.domain_id == domain.id) for kind in (User, Group)]
    session.execute(
        delete(Assignment).where(
            or_(
                Assignment.target_id == domain.id,
                Assignment.target_id.in_(mine),
                *(Assignment.actor_id.in_(p) for p in people),
            )
        )
    )
    session.execute(delete(Credential).where(Credential.project_id.in_(mine)))
    for kind in (User, Group, Role):
        session.execute(delete(kind).where(kind.domain_id == domain.id))
    session.execute(delete(Project).where(Project.domain_id == domain.id))
    session.execute(delete(Project).where(Project.id == domain.id))
    ledger.record(session, kills=True, domain_id=domain.id)
    ledger.record(session)


def find(asked: Mapping[str, str]) -> Select[Project]:
    stmt = select(Project).where(Project.is_domain).options(selectinload(Project.tags))
    return lists.matching(stmt, Project, asked, ("name",), ("enabled",))
