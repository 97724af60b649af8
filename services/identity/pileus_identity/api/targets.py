"""Policy targets, from the database.

What doesn't exist gives no facts: those who may see everything then get a 404 from the handler, everybody else the
same 403 as for what is not theirs, so that a refusal doesn't tell what exists.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from pileus_identity.db.models import Credential, Group, Project, User
from pileus_kit.web import tools

Target = Mapping[str, Any]


def project(project_id: str, **_: str) -> Target:
    row = _row(select(Project.id, Project.domain_id, Project.is_domain).where(Project.id == project_id))
    return (
        {}
        if row is None
        else {
            "target.project.id": row[0],
            "target.project.domain_id": row[0] if row[2] else row[1],
            "target.domain.id": row[0] if row[2] else row[1],
        }
    )


def domain(domain_id: str, **_: str) -> Target:
    return {"target.domain.id": domain_id}


def user(user_id: str, **_: str) -> Target:
    """`user_id` is the path's: what is below a user belongs to him."""
    row = _row(select(User.id, User.domain_id).where(User.id == user_id))
    return {} if row is None else {"target.user.id": row[0], "target.user.domain_id": row[1], "user_id": row[0]}


def group(group_id: str, **_: str) -> Target:
    row = _row(select(Group.domain_id).where(Group.id == group_id))
    return {} if row is None else {"target.group.domain_id": row[0]}


def member(group_id: str, user_id: str) -> Target:
    return {**group(group_id), **user(user_id)}


def credential(credential_id: str, **_: str) -> Target:
    row = _row(select(Credential.user_id).where(Credential.id == credential_id))
    return {} if row is None else {"target.credential.user_id": row[0]}


def _row(stmt: Any) -> Any:
    with tools().sessions.read() as session:
        return session.execute(stmt).first()
