"""Application credentials: users delegate some of their roles in one project to programs, perhaps for some calls."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pileus_identity.core import access_rules, held_roles, password_hashing, revocations
from pileus_identity.core.access_rules import AccessRuleRequest
from pileus_identity.core.attributes import insert
from pileus_identity.core.held_roles import RoleReference
from pileus_identity.core.listing import ListPage, ListQuery, fetch_page
from pileus_identity.core.times import parse_future_time
from pileus_identity.db.models import (
    AccessRule,
    ApplicationCredential,
    ApplicationCredentialAccessRule,
    ApplicationCredentialRole,
    Role,
)
from pileus_identity.errors import ForbiddenAction, LimitExceeded, ResourceNotFound, ValidationFailed
from pileus_kit.auth import Caller
from pileus_kit.json_types import JsonObject


@dataclass(frozen=True)
class ApplicationCredentialRequest:
    """What the body of a POST asks for."""

    name: str
    description: str | None
    secret: str | None = field(repr=False)
    expires_at: datetime | None
    roles: tuple[RoleReference, ...]
    unrestricted: bool
    access_rules: tuple[AccessRuleRequest, ...] | None  # None: all calls are allowed

    @classmethod
    def parse(cls, body: JsonObject) -> "ApplicationCredentialRequest":
        """Raises ValidationFailed for an expiry that is no time or has passed."""
        rules = body.get("access_rules")
        return cls(
            name=body["name"],
            description=body.get("description"),
            secret=body.get("secret"),
            expires_at=parse_future_time("expires_at", body.get("expires_at")),
            roles=RoleReference.parse_all(body.get("roles")),
            unrestricted=bool(body.get("unrestricted")),
            access_rules=None if rules is None else tuple(AccessRuleRequest(**rule) for rule in rules),
        )


@dataclass
class Delegated:
    """The roles and access rules of an application credential."""

    roles: list[Role] = field(default_factory=list)
    access_rules: list[AccessRule] = field(default_factory=list)


def find(session: Session, credential_id: str) -> ApplicationCredential:
    """An application credential by id. Raises ResourceNotFound."""
    credential = session.get(ApplicationCredential, credential_id)
    if credential is None:
        raise ResourceNotFound(kind="application credential", id=credential_id)
    return credential


def find_user_id(session: Session, credential_id: str) -> str | None:
    """The owner of an application credential; None if there is no such credential."""
    return session.scalar(select(ApplicationCredential.user_id).where(ApplicationCredential.id == credential_id))


def create(
    session: Session, caller: Caller, request: ApplicationCredentialRequest, limit: int
) -> tuple[ApplicationCredential, str]:
    """Create a credential for the caller's own user and project; returns it with its secret, which only its hash keeps.

    `limit` is how many credentials a user may have. Raises ForbiddenAction, LimitExceeded, ValidationFailed,
    DuplicateEntry or ResourceNotFound.
    """
    project_id = caller.project_id
    if project_id is None:
        raise ForbiddenAction(
            why="An application credential is made with a token for the project that it is to be used in."
        )
    count = session.scalar(select(func.count()).where(ApplicationCredential.user_id == caller.user_id)) or 0
    if count >= limit:
        raise LimitExceeded(kind="application credentials", limit=limit)
    role_ids = _choose_roles(session, caller, project_id, request.roles)
    secret = request.secret or password_hashing.generate_secret()
    credential = ApplicationCredential(
        user_id=caller.user_id,
        project_id=project_id,
        name=request.name,
        description=request.description,
        secret_hash=password_hashing.hash_secret(secret),
        unrestricted=request.unrestricted,
        has_access_rules=request.access_rules is not None,
        expires_at=request.expires_at,
    )
    insert(session, credential, "application_credential", credential.name)
    session.add_all([ApplicationCredentialRole(application_credential_id=credential.id, role_id=id) for id in role_ids])
    access_rules.attach(session, credential, request.access_rules or ())
    session.flush()
    return credential, secret


def delete(session: Session, credential: ApplicationCredential) -> None:
    """Delete a credential; the tokens that were issued with it become invalid at once."""
    session.delete(credential)
    revocations.invalidate_authorizations(session, user_id=credential.user_id, project_id=credential.project_id)


def list_page(session: Session, user_id: str, query: ListQuery) -> ListPage[ApplicationCredential]:
    """A user's application credentials, or the one with the name that the query gives."""
    stmt = select(ApplicationCredential).where(ApplicationCredential.user_id == user_id)
    if "name" in query.filters:
        stmt = stmt.where(ApplicationCredential.name == query.filters["name"])
    return fetch_page(session, stmt, ApplicationCredential.id, query.page)


def load_delegated(session: Session, credentials: list[ApplicationCredential]) -> dict[str, Delegated]:
    """The roles and access rules of each credential, by its id; two statements for all."""
    ids = [credential.id for credential in credentials]
    found: dict[str, Delegated] = defaultdict(Delegated)
    link = ApplicationCredentialRole
    for id, role in session.execute(
        select(link.application_credential_id, Role)
        .join(Role, Role.id == link.role_id)
        .where(link.application_credential_id.in_(ids))
        .order_by(Role.name)
    ):
        found[id].roles.append(role)
    access = ApplicationCredentialAccessRule
    for id, rule in session.execute(
        select(access.application_credential_id, AccessRule)
        .join(AccessRule, AccessRule.id == access.access_rule_id)
        .where(access.application_credential_id.in_(ids))
    ):
        found[id].access_rules.append(rule)
    return found


def _choose_roles(session: Session, caller: Caller, project_id: str, references: tuple[RoleReference, ...]) -> set[str]:
    """The roles that are named, or else all of the caller's token."""
    held = {
        id: name for id, name in held_roles.load(session, caller.user_id, project_id).items() if name in caller.roles
    }
    if not references:
        return set(held)
    chosen = {id or "" for id in held_roles.resolve(references, held)}
    if not chosen <= set(held):
        raise ValidationFailed(why="Role IDs and names must be those of roles that the user has in the project.")
    return chosen
