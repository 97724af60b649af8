"""Which roles bring which others along. Small and rarely changed, so a process keeps it whole."""

from collections.abc import Iterable
from typing import NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_identity.db.models import ImpliedRole, Role


class RoleGraph(NamedTuple):
    names: dict[str, str]
    domains: dict[str, str | None]
    implied: dict[str, tuple[str, ...]]

    def closure(self, role_ids: Iterable[str]) -> set[str]:
        """These roles and all they imply, directly or not."""
        found: set[str] = set()
        waiting = [id for id in role_ids if id in self.names]
        while waiting:
            role_id = waiting.pop()
            if role_id not in found:
                found.add(role_id)
                waiting += self.implied.get(role_id, ())
        return found

    def bringing(self, role_id: str) -> list[str]:
        """The role itself and those that imply it, directly or not."""
        return [id for id in self.names if role_id in self.closure([id])]

    def effective(self, role_ids: Iterable[str]) -> list[tuple[str, str]]:
        """(id, name) of what a token carries: a domain's own role counts only by what it implies."""
        return sorted(
            ((id, self.names[id]) for id in self.closure(role_ids) if self.domains[id] is None),
            key=lambda pair: pair[1],
        )


def load(session: Session) -> RoleGraph:
    roles = session.execute(select(Role.id, Role.name, Role.domain_id)).all()
    implied: dict[str, tuple[str, ...]] = {}
    for prior, role_id in session.execute(select(ImpliedRole.prior_id, ImpliedRole.implied_id)):
        implied[prior] = (*implied.get(prior, ()), role_id)
    return RoleGraph({id: name for id, name, _ in roles}, {id: domain for id, _, domain in roles}, implied)
