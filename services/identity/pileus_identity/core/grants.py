"""Grants: assigning a role to a user or group on a project, a domain or the system, or on all projects below."""

from dataclasses import dataclass

from sqlalchemy import delete as delete_rows
from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_identity.core import domains, groups, privileges, projects, revocations, users
from pileus_identity.core.assignment_conditions import SYSTEM
from pileus_identity.db.models import ApplicationCredential, Assignment, Project, Role
from pileus_identity.errors import ForbiddenAction, ResourceNotFound

MAX_ROWS = 1000


@dataclass(frozen=True)
class GrantTarget:
    """The actor and the target of a grant; the role is named apart."""

    actor: str  # user or group
    actor_id: str
    target: str  # project, domain or system
    target_id: str = SYSTEM
    inherited: bool = False


def policy_target(session: Session, grant: GrantTarget, role: Role | None = None) -> dict[str, object]:
    """The facts that policy rules about a grant compare: the domains of its parts.

    Raises ResourceNotFound for a part that doesn't exist.
    """
    actor = users.find(session, grant.actor_id) if grant.actor == "user" else groups.find(session, grant.actor_id)
    facts: dict[str, object] = {f"target.{grant.actor}.domain_id": actor.domain_id}
    on_domain_itself = grant.target == "domain" and not grant.inherited
    facts["target.grant.applies_to"] = "domain" if on_domain_itself else "projects"
    if grant.target == "project":
        facts["target.project.domain_id"] = projects.find(session, grant.target_id).domain_id
    elif grant.target == "domain":
        facts["target.domain.id"] = domains.find(session, grant.target_id).id
    if role is not None:
        facts |= {
            "target.role.domain_id": role.domain_id,
            "target.role.name": role.name,
            "target.role.privileged": role.id in privileges.list_privileged_roles(session),
        }
    return facts


def find(session: Session, grant: GrantTarget, role_id: str) -> Assignment:
    """The assignment of a role. Raises ResourceNotFound."""
    found = _get(session, grant, role_id)
    if found is None:
        raise ResourceNotFound(kind="role assignment with role", id=role_id)
    return found


def create(session: Session, grant: GrantTarget, role: Role) -> None:
    """Assign a role; repeating this does nothing. Raises ForbiddenAction for the role of another domain."""
    if role.domain_id is not None and role.domain_id != _domain_of_target(session, grant):
        raise ForbiddenAction(why=f"Role {role.id} belongs to another domain.")
    if _get(session, grant, role.id) is None:
        session.add(
            Assignment(
                actor=grant.actor,
                actor_id=grant.actor_id,
                target=grant.target,
                target_id=grant.target_id,
                role_id=role.id,
                inherited=grant.inherited,
            )
        )
        _invalidate(session, grant)


def delete(session: Session, grant: GrantTarget, role_id: str) -> None:
    """Revoke a role, and delete the application credentials that a user made with a role on the project.

    Raises ResourceNotFound if the role isn't assigned.
    """
    session.delete(find(session, grant, role_id))
    if grant.actor == "user" and grant.target == "project":
        session.execute(
            delete_rows(ApplicationCredential).where(
                ApplicationCredential.user_id == grant.actor_id, ApplicationCredential.project_id == grant.target_id
            )
        )
    _invalidate(session, grant)


def list_roles(session: Session, grant: GrantTarget) -> list[Role]:
    """The roles that an actor has been granted on a target."""
    return list(
        session.scalars(
            select(Role)
            .join(Assignment, Assignment.role_id == Role.id)
            .where(
                Assignment.actor == grant.actor,
                Assignment.actor_id == grant.actor_id,
                Assignment.target == grant.target,
                Assignment.target_id == grant.target_id,
                Assignment.inherited.is_(grant.inherited),
            )
            .order_by(Role.id)
            .limit(MAX_ROWS)
        )
    )


def _domain_of_target(session: Session, grant: GrantTarget) -> str | None:
    if grant.target == "system":
        return None
    target: Project = (
        domains.find(session, grant.target_id) if grant.target == "domain" else projects.find(session, grant.target_id)
    )
    return target.domain_id or target.id


def _get(session: Session, grant: GrantTarget, role_id: str) -> Assignment | None:
    return session.get(Assignment, (grant.actor_id, grant.target_id, role_id, grant.inherited, grant.target))


def _invalidate(session: Session, grant: GrantTarget) -> None:
    """Drop the cached authorizations of a user, or all of the domain or project whose group members are unknown."""
    project_id = grant.target_id if grant.target == "project" and not grant.inherited else None
    if grant.actor == "user":
        revocations.invalidate_authorizations(session, user_id=grant.actor_id, project_id=project_id)
    elif grant.target == "domain":
        revocations.invalidate_authorizations(session, domain_id=grant.target_id)
    else:
        revocations.invalidate_authorizations(session, project_id=project_id)
