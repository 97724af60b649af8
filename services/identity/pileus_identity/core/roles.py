"""Roles, and which bring which along."""

from collections.abc import Mapping

from sqlalchemy import Select, delete, select, update
from sqlalchemy.orm import Session

from pileus_identity.core import ledger, lists, projects, rolegraph
from pileus_identity.core.bodies import Body, apply, flush, mutable, store, unchanged
from pileus_identity.db.models import Assignment, ImpliedRole, Role, Trust, TrustRole
from pileus_identity.errors import Missing, Refused
from pileus_kit.db import now

KNOWN = ("name", "description")
NEVER_IMPLIED = ("admin",)  # or a role that looks harmless would make administrators


def get(session: Session, role_id: str) -> Role:
    role = session.get(Role, role_id)
    if role is None:
        raise Missing(kind="role", id=role_id)
    return role


def create(session: Session, body: Body) -> Role:
    if body.get("domain_id") is not None:
        projects.get(session, body["domain_id"], domain=True)
    role = Role(domain_id=body.get("domain_id"), options={}, extra={})
    apply(role, body, KNOWN)
    store(session, role, "role")
    ledger.record(session)
    return role


def change(session: Session, role: Role, body: Body) -> None:
    mutable(role, "role", body)
    unchanged(role, body, "domain_id", "id")
    apply(role, body, KNOWN)
    flush(session, "role", role.name)
    ledger.record(session)


def remove(session: Session, role: Role) -> None:
    """Trusts that lend it are void from then on: a trust is never used with a part of its roles."""
    mutable(role, "role")
    session.execute(delete(Assignment).where(Assignment.role_id == role.id))
    lending = select(TrustRole.trust_id).where(TrustRole.role_id == role.id)
    session.execute(update(Trust).where(Trust.id.in_(lending)).values(deleted_at=now()))
    session.delete(role)
    ledger.record(session)


def find(asked: Mapping[str, str]) -> Select[Role]:
    """Global roles, or those of the domain that is asked for."""
    stmt = lists.matching(select(Role), Role, asked, ("name",))
    return stmt.where(Role.domain_id == asked["domain_id"] if asked.get("domain_id") else Role.domain_id.is_(None))


def imply(session: Session, prior: Role, implied: Role) -> None:
    if implied.name in NEVER_IMPLIED:
        raise Refused(why=f"Role {implied.id} cannot be an implied role.")
    if implied.domain_id is not None and prior.domain_id is None:
        raise Refused(why=f"Role {implied.id} belongs to a domain, and only a domain's role may imply it.")
    if prior.id in rolegraph.load(session).closure([implied.id]):
        raise Refused(why=f"Role {prior.id} would imply itself.")
    if session.get(ImpliedRole, (prior.id, implied.id)) is None:
        session.add(ImpliedRole(prior_id=prior.id, implied_id=implied.id))
        ledger.record(session)


def implication(session: Session, prior_id: str, implied_id: str) -> ImpliedRole:
    found = session.get(ImpliedRole, (prior_id, implied_id))
    if found is None:
        raise Missing(kind="implied role", id=implied_id)
    return found


def unimply(session: Session, prior_id: str, implied_id: str) -> None:
    session.delete(implication(session, prior_id, implied_id))
    ledger.record(session)


def implied_by(session: Session, prior_id: str) -> list[Role]:
    return list(
        session.scalars(
            select(Role)
            .join(ImpliedRole, ImpliedRole.implied_id == Role.id)
            .where(ImpliedRole.prior_id == prior_id)
            .order_by(Role.id)
        )
    )


def implications(session: Session, most: int) -> dict[str, tuple[Role, list[Role]]]:
    """All of them: prior role id -> (prior role, implied roles)."""
    pairs = session.execute(select(ImpliedRole.prior_id, ImpliedRole.implied_id).limit(most)).all()
    known = {
        role.id: role
        for role in session.scalars(select(Role).where(Role.id.in_({id for pair in pairs for id in pair})))
    }
    table: dict[str, tuple[Role, list[Role]]] = {}
    for prior, implied in pairs:
        table.setdefault(prior, (known[prior], []))[1].append(known[implied])
    return table
