"""Bootstrap: the domain, projects, users, roles and catalog without which no user could log in.

It can be repeated: it adds what is missing and corrects what differs.

    plan = Plan(users=(UserPlan("admin", password),), projects=("admin",),
                grants=(Grant("admin", "admin", project="admin"), Grant("admin", "admin", system=True)),
                services=(ServicePlan("identity", "identity", public="http://cloud:5000/v3"),))
    with sessions.begin() as session:
        bootstrap(session, plan)
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_identity.core import (
    password_hashing,
    revocations,
)
from pileus_identity.db.models import (
    Assignment,
    Endpoint,
    ImpliedRole,
    Project,
    ProjectLineage,
    Region,
    Role,
    Service,
    User,
)
from pileus_kit.db import now

DEFAULT_DOMAIN = "default"
ROLES = ("admin", "manager", "member", "reader", "service", "ResellerAdmin")
IMPLICATIONS = (("admin", "manager"), ("manager", "member"), ("member", "reader"))
INTERFACES = ("public", "internal", "admin")

Named = TypeVar("Named", Project, User, Role)


@dataclass(frozen=True)
class UserPlan:
    """A user of the default domain. A password that differs from the present one replaces it."""

    name: str
    password: str = field(repr=False)
    default_project: str | None = None
    description: str | None = None


@dataclass(frozen=True)
class Grant:
    """A role of a user on a project, on the default domain or on the system."""

    user: str
    role: str
    project: str | None = None
    domain: bool = False
    system: bool = False


@dataclass(frozen=True)
class ServicePlan:
    """A service of the catalog. `internal` and `admin` default to the public URL; URLs may contain $(project_id)s."""

    type: str
    name: str
    public: str
    internal: str = ""
    admin: str = ""
    description: str | None = None

    def urls(self) -> dict[str, str]:
        """The URL of each interface."""
        return {"public": self.public, "internal": self.internal or self.public, "admin": self.admin or self.public}


@dataclass(frozen=True)
class Plan:
    """What a bootstrap makes sure of."""

    region: str = "RegionOne"
    projects: tuple[str, ...] = ()
    users: tuple[UserPlan, ...] = ()
    grants: tuple[Grant, ...] = ()
    services: tuple[ServicePlan, ...] = ()
    roles: tuple[str, ...] = ROLES
    implications: tuple[tuple[str, str], ...] = IMPLICATIONS
    confined: tuple[str, ...] = ()
    """Names of users who keep the grants of this plan only: all others are revoked."""


def bootstrap(session: Session, plan: Plan) -> None:
    """Bring the database to what the plan says, in the caller's transaction. What the plan doesn't name stays."""
    domain = _ensure_domain(session)
    projects = _ensure_projects(session, plan.projects, domain)
    roles = _ensure_roles(session, plan)
    users = _ensure_users(session, plan.users, projects)
    session.flush()
    _revoke_unplanned_grants(session, plan, users, roles, projects)
    _ensure_grants(session, plan.grants, users, roles, projects)
    _ensure_services(session, plan)
    revocations.invalidate_authorizations(session)


def _ensure_domain(session: Session) -> Project:
    domain = session.get(Project, DEFAULT_DOMAIN)
    if domain is None:
        domain = Project(id=DEFAULT_DOMAIN, name="Default", is_domain=True, description="The default domain")
        session.add(domain)
        session.flush()
        session.add(ProjectLineage(project_id=DEFAULT_DOMAIN, ancestor_id=DEFAULT_DOMAIN, distance=0))
    return domain


def _find_by_name(session: Session, kind: type[Named], names: Iterable[str], domain_id: str | None) -> dict[str, Named]:
    in_domain = kind.domain_id.is_(None) if domain_id is None else kind.domain_id == domain_id
    return {row.name: row for row in session.scalars(select(kind).where(kind.name.in_(list(names)), in_domain))}


def _ensure_projects(session: Session, names: tuple[str, ...], domain: Project) -> dict[str, Project]:
    found = _find_by_name(session, Project, names, domain.id)
    for name in dict.fromkeys(names):
        if name not in found:
            project = found[name] = Project(name=name, domain_id=domain.id, parent_id=domain.id)
            session.add(project)
            session.flush()
            session.add_all(
                [
                    ProjectLineage(project_id=project.id, ancestor_id=project.id, distance=0),
                    ProjectLineage(project_id=project.id, ancestor_id=domain.id, distance=1),
                ]
            )
    return found


def _ensure_roles(session: Session, plan: Plan) -> dict[str, Role]:
    found = _find_by_name(session, Role, plan.roles, None)
    for name in plan.roles:
        if name not in found:
            found[name] = Role(name=name, options={"immutable": True})
            session.add(found[name])
    session.flush()
    known = {
        (prior, implied) for prior, implied in session.execute(select(ImpliedRole.prior_id, ImpliedRole.implied_id))
    }
    pairs = {(found[prior].id, found[implied].id) for prior, implied in plan.implications}
    session.add_all([ImpliedRole(prior_id=prior, implied_id=implied) for prior, implied in pairs - known])
    return found


def _ensure_users(session: Session, plans: tuple[UserPlan, ...], projects: dict[str, Project]) -> dict[str, User]:
    found = _find_by_name(session, User, [plan.name for plan in plans], DEFAULT_DOMAIN)
    for plan in plans:
        user = found.get(plan.name)
        if user is None:
            user = found[plan.name] = User(name=plan.name, domain_id=DEFAULT_DOMAIN, description=plan.description)
            session.add(user)
        if plan.default_project is not None:
            user.default_project_id = projects[plan.default_project].id
        if user.password_hash is None or not password_hashing.matches(user.password_hash, plan.password):
            if user.password_hash is not None:
                revocations.revoke_tokens(session, user_id=user.id)
            user.password_hash, user.password_created_at = password_hashing.hash_password(plan.password), now()
            user.password_expires_at, user.failed_auth_count = None, 0
    return found


def _ensure_grants(
    session: Session,
    grants: tuple[Grant, ...],
    users: dict[str, User],
    roles: dict[str, Role],
    projects: dict[str, Project],
) -> None:
    for grant in grants:
        target, target_id = _target_of(grant, projects)
        session.merge(
            Assignment(
                actor="user",
                actor_id=users[grant.user].id,
                target=target,
                target_id=target_id,
                role_id=roles[grant.role].id,
                inherited=False,
            )
        )


def _target_of(grant: Grant, projects: dict[str, Project]) -> tuple[str, str]:
    if grant.system:
        return "system", "all"
    return ("project", projects[grant.project].id) if grant.project is not None else ("domain", DEFAULT_DOMAIN)


def _revoke_unplanned_grants(
    session: Session, plan: Plan, users: dict[str, User], roles: dict[str, Role], projects: dict[str, Project]
) -> None:
    for name in plan.confined:
        planned = {(*_target_of(grant, projects), roles[grant.role].id) for grant in plan.grants if grant.user == name}
        assigned = session.scalars(
            select(Assignment).where(Assignment.actor == "user", Assignment.actor_id == users[name].id)
        ).all()
        unplanned = [
            row for row in assigned if row.inherited or (row.target, row.target_id, row.role_id) not in planned
        ]
        for assignment in unplanned:
            session.delete(assignment)
        if unplanned:
            revocations.revoke_tokens(session, user_id=users[name].id)
    session.flush()


def _ensure_services(session: Session, plan: Plan) -> None:
    if session.get(Region, plan.region) is None:
        session.add(Region(id=plan.region))
        session.flush()
    services = {(s.type, s.name): s for s in session.scalars(select(Service))}
    endpoints = {
        (e.service_id, e.interface): e
        for e in session.scalars(select(Endpoint).where(Endpoint.region_id == plan.region))
    }
    for wanted in plan.services:
        service = services.get((wanted.type, wanted.name))
        if service is None:
            service = Service(type=wanted.type, name=wanted.name, description=wanted.description)
            session.add(service)
            session.flush()
        for interface, url in wanted.urls().items():
            endpoint = endpoints.get((service.id, interface))
            if endpoint is None:
                session.add(Endpoint(service_id=service.id, region_id=plan.region, interface=interface, url=url))
            elif endpoint.url != url:
                endpoint.url = url
