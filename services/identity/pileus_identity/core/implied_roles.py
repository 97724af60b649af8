"""Implied roles: which roles bring along which others (Keystone's role inference rules)."""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_identity.core import revocations
from pileus_identity.db.models import ImpliedRole, Role
from pileus_identity.errors import ForbiddenAction, ResourceNotFound

NEVER_IMPLIED = ("admin",)  # otherwise a role that looks harmless could make administrators


class RoleGraph(NamedTuple):
    """All roles and their implications. It is small and rarely changes, so each process caches it as a whole."""

    names: dict[str, str]  # by role id
    domains: dict[str, str | None]  # by role id
    implied: dict[str, tuple[str, ...]]  # prior role id -> implied role ids

    def expand(self, role_ids: Iterable[str]) -> set[str]:
        """The given roles and all that they imply, directly or not."""
        found: set[str] = set()
        waiting = [id for id in role_ids if id in self.names]
        while waiting:
            role_id = waiting.pop()
            if role_id not in found:
                found.add(role_id)
                waiting += self.implied.get(role_id, ())
        return found

    def implying(self, role_id: str) -> list[str]:
        """The role itself and all roles that imply it, directly or not."""
        return [id for id in self.names if role_id in self.expand([id])]

    def effective_roles(self, role_ids: Iterable[str]) -> list[tuple[str, str]]:
        """(id, name) of the roles that a token carries. A domain-specific role counts only by what it implies."""
        return sorted(
            ((id, self.names[id]) for id in self.expand(role_ids) if self.domains[id] is None),
            key=lambda role: role[1],
        )


def load_role_graph(session: Session) -> RoleGraph:
    """Read all roles and implications."""
    roles = session.execute(select(Role.id, Role.name, Role.domain_id)).all()
    implied: dict[str, tuple[str, ...]] = {}
    for prior, role_id in session.execute(select(ImpliedRole.prior_id, ImpliedRole.implied_id)):
        implied[prior] = (*implied.get(prior, ()), role_id)
    return RoleGraph({id: name for id, name, _ in roles}, {id: domain for id, _, domain in roles}, implied)


def find(session: Session, prior_id: str, implied_id: str) -> ImpliedRole:
    """One implication. Raises ResourceNotFound."""
    found = session.get(ImpliedRole, (prior_id, implied_id))
    if found is None:
        raise ResourceNotFound(kind="implied role", id=implied_id)
    return found


def create(session: Session, prior: Role, implied: Role) -> None:
    """Let one role imply another; repeating this does nothing. Raises ForbiddenAction for cycles and administrators."""
    if implied.name in NEVER_IMPLIED:
        raise ForbiddenAction(why=f"Role {implied.id} cannot be an implied role.")
    if implied.domain_id is not None and prior.domain_id is None:
        raise ForbiddenAction(why=f"Role {implied.id} belongs to a domain, and only a domain's role may imply it.")
    if prior.id in load_role_graph(session).expand([implied.id]):
        raise ForbiddenAction(why=f"Role {prior.id} would imply itself.")
    if session.get(ImpliedRole, (prior.id, implied.id)) is None:
        session.add(ImpliedRole(prior_id=prior.id, implied_id=implied.id))
        revocations.invalidate_authorizations(session)


def delete(session: Session, prior_id: str, implied_id: str) -> None:
    """Remove an implication. Raises ResourceNotFound."""
    session.delete(find(session, prior_id, implied_id))
    revocations.invalidate_authorizations(session)


def list_implied_by(session: Session, prior_id: str) -> list[Role]:
    """The roles that a role implies directly."""
    return list(
        session.scalars(
            select(Role)
            .join(ImpliedRole, ImpliedRole.implied_id == Role.id)
            .where(ImpliedRole.prior_id == prior_id)
            .order_by(Role.id)
        )
    )


def list_all(session: Session, limit: int) -> list[tuple[Role, list[Role]]]:
    """All prior roles, each with the roles that it implies directly; at most `limit` implications."""
    pairs = session.execute(select(ImpliedRole.prior_id, ImpliedRole.implied_id).limit(limit)).all()
    known = {
        role.id: role
        for role in session.scalars(select(Role).where(Role.id.in_({id for pair in pairs for id in pair})))
    }
    table: dict[str, tuple[Role, list[Role]]] = {}
    for prior, implied in pairs:
        table.setdefault(prior, (known[prior], []))[1].append(known[implied])
    return list(table.values())
