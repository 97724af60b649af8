"""The roles that a user holds in a project now: only these can be delegated."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_identity.core.assignment_conditions import assigned_to_user, effective_in_scope
from pileus_identity.core.implied_roles import load_role_graph
from pileus_identity.db.models import Assignment
from pileus_kit.json_types import JsonObject

HeldRoles = Mapping[str, str]  # id -> name


@dataclass(frozen=True)
class RoleReference:
    """A role as a request names it: by id or by name."""

    id: str | None = None
    name: str | None = None

    @classmethod
    def parse_all(cls, bodies: Iterable[JsonObject] | None) -> "tuple[RoleReference, ...]":
        """Read the `roles` of a request's body; None is an empty list."""
        return tuple(cls(body.get("id"), body.get("name")) for body in bodies or ())


def load(session: Session, user_id: str, project_id: str) -> dict[str, str]:
    """The roles that a user holds in a project, directly, through groups, inherited or implied."""
    assigned = session.scalars(
        select(Assignment.role_id).where(assigned_to_user(user_id), effective_in_scope("project", project_id))
    )
    return dict(load_role_graph(session).effective_roles(assigned))


def resolve(references: Iterable[RoleReference], held: HeldRoles) -> list[str | None]:
    """The id that each reference names. A given id may not be among the held ones; an unknown name gives None."""
    by_name = {name: id for id, name in held.items()}
    return [reference.id or by_name.get(reference.name or "") for reference in references]
