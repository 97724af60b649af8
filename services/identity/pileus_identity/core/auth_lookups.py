"""Finds the user, the application credential and the scope that a request for a token names.

Nothing is raised for what doesn't exist: the callers answer all failures alike, and take as long.
"""

from typing import TypeVar

from sqlalchemy import ColumnElement, Select, select
from sqlalchemy.orm import Session, aliased

from pileus_identity.core.auth_requests import ApplicationCredentialMethod, DomainReference, Reference
from pileus_identity.db.models import ApplicationCredential, Project, User
from pileus_identity.errors import ValidationFailed

OfUsers = TypeVar("OfUsers", Select[User], Select[ApplicationCredential, User])


def find_user(session: Session, reference: Reference) -> User | None:
    """A user of an enabled domain. Raises ValidationFailed if the reference is incomplete."""
    return session.scalar(_of_user(select(User), reference))


def find_application_credential(
    session: Session, method: ApplicationCredentialMethod
) -> tuple[ApplicationCredential, User] | None:
    """An application credential with its user.

    It takes one statement whatever exists, so that time doesn't tell which part is unknown. Raises ValidationFailed if
    the reference is incomplete.
    """
    stmt = select(ApplicationCredential, User).join(User, User.id == ApplicationCredential.user_id)
    if method.id is not None:
        row = session.execute(stmt.where(ApplicationCredential.id == method.id)).first()
    elif method.name is not None and method.user is not None:
        row = session.execute(_of_user(stmt, method.user).where(ApplicationCredential.name == method.name)).first()
    else:
        raise ValidationFailed(why="Expecting to find an application credential's id, or its name and user.")
    return None if row is None else (row[0], row[1])


def find_project_id(session: Session, reference: Reference) -> str | None:
    """The id of a project, which is not looked up if it is given. Raises ValidationFailed."""
    if reference.id is not None:
        return reference.id
    if reference.name is None or not _names_domain(reference.domain):
        raise ValidationFailed(why="Expecting to find a project's id, or its name and domain.")
    domain = aliased(Project)
    return session.scalar(
        select(Project.id)
        .join(domain, domain.id == Project.domain_id)
        .where(Project.name == reference.name, domain.is_domain, _is_domain(domain, reference.domain))
    )


def find_domain_id(session: Session, reference: DomainReference) -> str | None:
    """The id of a domain, which is not looked up if it is given. Raises ValidationFailed."""
    if reference.id is not None:
        return reference.id
    if reference.name is None:
        raise ValidationFailed(why="Expecting to find a domain's id or name.")
    return session.scalar(select(Project.id).where(Project.name == reference.name, Project.is_domain))


def find_default_project_id(session: Session, user_id: str) -> str | None:
    """The default project of a user."""
    return session.scalar(select(User.default_project_id).where(User.id == user_id))


def _of_user(stmt: OfUsers, reference: Reference) -> OfUsers:
    domain = aliased(Project)
    stmt = stmt.join(domain, domain.id == User.domain_id).where(domain.enabled)
    if reference.id is not None:
        return stmt.where(User.id == reference.id)
    if reference.name is None or not _names_domain(reference.domain):
        raise ValidationFailed(why="Expecting to find a user's id, or its name and domain.")
    return stmt.where(User.name == reference.name, _is_domain(domain, reference.domain))


def _names_domain(reference: DomainReference | None) -> bool:
    return reference is not None and (reference.id is not None or reference.name is not None)


def _is_domain(domain: type[Project], reference: DomainReference | None) -> ColumnElement[bool]:
    assert reference is not None
    return domain.id == reference.id if reference.id is not None else domain.name == reference.name
