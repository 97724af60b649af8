"""Giving a role to a user or group, on a project, a domain or the system, for it or for the projects below it."""

from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from pileus_identity.core import groups, ledger, projects, reach, users
from pileus_identity.core.standings import SYSTEM
from pileus_identity.db.models import ApplicationCredential, Assignment, Project, Role
from pileus_identity.errors import Missing, Refused


@dataclass(frozen=True)
class Seat:
    """Who is where; a role still to be named."""

    actor: str  # user group
    actor_id: str
    target: str  # project domain system
    target_id: str = SYSTEM
    inherited: bool = False


def facts(session: Session, seat: Seat, role: Role | None = None) -> dict[str, object]:
    """The policy target of a grant: which domains its parts belong to. Raises Missing for a part that doesn't exist."""
    who = users.get(session, seat.actor_id) if seat.actor == "user" else groups.get(session, seat.actor_id)
    target: dict[str, object] = {f"target.{seat.actor}.domain_id": who.domain_id}
    target["target.grant.reach"] = "domain" if seat.target == "domain" and not seat.inherited else "projects"
    if seat.target == "project":
        target["target.project.domain_id"] = _place(session, seat).domain_id
    elif seat.target == "domain":
        target["target.domain.id"] = _place(session, seat).id
    if role is not None:
        target |= {
            "target.role.domain_id": role.domain_id,
            "target.role.name": role.name,
            "target.role.privileged": role.id in reach.privileged_roles(session),
        }
    return target


def _place(session: Session, seat: Seat) -> Project:
    return projects.get(session, seat.target_id, domain=seat.target == "domain")


def give(session: Session, seat: Seat, role: Role) -> None:
    """Does nothing if it is given already."""
    if role.domain_id is not None:
        place = _place(session, seat) if seat.target != "system" else None
        if place is None or role.domain_id != (place.domain_id or place.id):
            raise Refused(why=f"Role {role.id} belongs to another domain.")
    if _find(session, seat, role.id) is None:
        session.add(
            Assignment(
                actor=seat.actor,
                actor_id=seat.actor_id,
                target=seat.target,
                target_id=seat.target_id,
                role_id=role.id,
                inherited=seat.inherited,
            )
        )
        _tell(session, seat)


def take(session: Session, seat: Seat, role_id: str) -> None:
    """With a user's role in a project go the application credentials made with it."""
    session.delete(check(session, seat, role_id))
    if seat.actor == "user" and seat.target == "project":
        session.execute(
            delete(ApplicationCredential).where(
                ApplicationCredential.user_id == seat.actor_id, ApplicationCredential.project_id == seat.target_id
            )
        )
    _tell(session, seat)


def check(session: Session, seat: Seat, role_id: str) -> Assignment:
    found = _find(session, seat, role_id)
    if found is None:
        raise Missing(kind="role assignment with role", id=role_id)
    return found


def roles(session: Session, seat: Seat) -> list[Role]:
    return list(
        session.scalars(
            select(Role)
            .join(Assignment, Assignment.role_id == Role.id)
            .where(
                Assignment.actor == seat.actor,
                Assignment.actor_id == seat.actor_id,
                Assignment.target == seat.target,
                Assignment.target_id == seat.target_id,
                Assignment.inherited.is_(seat.inherited),
            )
            .order_by(Role.id)
            .limit(1000)
        )
    )


def _find(session: Session, seat: Seat, role_id: str) -> Assignment | None:
    return session.get(Assignment, (seat.actor_id, seat.target_id, role_id, seat.inherited, seat.target))


def _tell(session: Session, seat: Seat) -> None:
    """Whose standing is out of date now. What concerns an unknown number of people concerns all."""
    project = seat.target_id if seat.target == "project" and not seat.inherited else None
    if seat.actor == "user":
        ledger.record(session, user_id=seat.actor_id, project_id=project)
    elif seat.target == "domain":
        ledger.record(session, domain_id=seat.target_id)
    else:
        ledger.record(session, project_id=project)
