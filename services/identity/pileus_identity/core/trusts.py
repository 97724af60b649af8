"""Trusts: a trustor delegates some of their roles in a project to a trustee, for a time or a number of uses."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy import update as update_rows
from sqlalchemy.orm import Session

from pileus_identity.core import held_roles, projects, revocations, roles, users
from pileus_identity.core.held_roles import RoleReference
from pileus_identity.core.listing import ListPage, ListQuery, fetch_page
from pileus_identity.core.times import is_past, parse_future_time
from pileus_identity.db.models import Role, Trust, TrustRole
from pileus_identity.errors import (
    AuthenticationFailed,
    ForbiddenAction,
    LimitExceeded,
    ResourceNotFound,
    ValidationFailed,
)
from pileus_kit.auth import Caller
from pileus_kit.db import now
from pileus_kit.json_types import JsonObject

MAX_REDELEGATIONS = 3
MAX_ROWS = 1000


@dataclass(frozen=True)
class TrustRequest:
    """What the body of a POST asks for."""

    trustee_user_id: str
    project_id: str | None
    impersonation: bool
    expires_at: str | None
    remaining_uses: int | None
    allow_redelegation: bool
    redelegation_count: int | None
    roles: tuple[RoleReference, ...]

    @classmethod
    def parse(cls, body: JsonObject) -> "TrustRequest":
        """Read a body that the schema has checked."""
        return cls(
            trustee_user_id=body["trustee_user_id"],
            project_id=body.get("project_id"),
            impersonation=body["impersonation"],
            expires_at=body.get("expires_at"),
            remaining_uses=body.get("remaining_uses"),
            allow_redelegation=bool(body.get("allow_redelegation")),
            redelegation_count=body.get("redelegation_count"),
            roles=RoleReference.parse_all(body.get("roles")),
        )


def find(session: Session, trust_id: str) -> Trust:
    """A trust by id. Raises ResourceNotFound, also for one that was deleted or has expired."""
    trust = session.get(Trust, trust_id)
    if trust is None or trust.deleted_at is not None or is_past(trust.expires_at):
        raise ResourceNotFound(kind="trust", id=trust_id)
    return trust


def create(session: Session, caller: Caller, request: TrustRequest, limit: int) -> Trust:
    """Create a trust whose trustor is the caller.

    With a token of a trust, the trustee redelegates that trust. `limit` is how many trusts a trustor may have. Raises
    ResourceNotFound, LimitExceeded, ForbiddenAction or ValidationFailed.
    """
    users.find(session, request.trustee_user_id)
    if request.project_id:
        projects.find(session, request.project_id)
    own = select(func.count()).where(Trust.trustor_id == caller.user_id, Trust.deleted_at.is_(None))
    if (session.scalar(own) or 0) >= limit:
        raise LimitExceeded(kind="trusts", limit=limit)
    trust = _new_trust(caller, request)
    held = held_roles.load(session, caller.user_id, request.project_id) if request.project_id else {}
    if caller.trust_id is not None:
        held = _redelegate(session, caller.trust_id, trust, held)
    session.add(trust)
    session.flush()
    role_ids = _choose_roles(session, request.roles, held)
    session.add_all([TrustRole(trust_id=trust.id, role_id=id) for id in role_ids])
    session.flush()
    return trust


def _new_trust(caller: Caller, request: TrustRequest) -> Trust:
    if request.project_id and not request.roles:
        raise ForbiddenAction(why="At least one role should be specified.")
    if request.allow_redelegation and request.remaining_uses is not None:
        raise ValidationFailed(why="remaining_uses must not be set if redelegation is allowed.")
    expires_at: datetime | None = parse_future_time("expires_at", request.expires_at)
    return Trust(
        trustor_id=caller.user_id,
        trustee_id=request.trustee_user_id,
        project_id=request.project_id,
        impersonation=request.impersonation,
        expires_at=expires_at,
        remaining_uses=request.remaining_uses,
        redelegation_count=_redelegation_count(request),
    )


def _redelegation_count(request: TrustRequest) -> int:
    count = request.redelegation_count
    if not request.allow_redelegation:
        return 0
    if count is not None and count > MAX_REDELEGATIONS:
        raise ForbiddenAction(why=f"A trust may be passed on {MAX_REDELEGATIONS} times.")
    return MAX_REDELEGATIONS if count is None else int(count)


def _redelegate(session: Session, source_id: str, trust: Trust, held: Mapping[str, str]) -> dict[str, str]:
    """Restrict a trust to what the one that it redelegates allows, and return the roles that it may have.

    It has no more roles, no later expiry and fewer redelegations.
    """
    source = find(session, source_id)
    if source.redelegation_count <= 0 or trust.project_id != source.project_id:
        raise ForbiddenAction(why="This trust may not be passed on, or not for that project.")
    if source.expires_at is not None and (trust.expires_at is None or trust.expires_at > source.expires_at):
        raise ForbiddenAction(why="A passed-on trust ends no later than the one it comes from.")
    if trust.impersonation and not source.impersonation:
        raise ForbiddenAction(
            why="Impersonation is not allowed because redelegated trust does not specify impersonation."
        )
    trust.redelegation_count = min(trust.redelegation_count, source.redelegation_count - 1)
    trust.redelegated_trust_id = source.id
    allowed = set(session.scalars(select(TrustRole.role_id).where(TrustRole.trust_id == source.id)))
    return {id: name for id, name in held.items() if id in allowed}


def _choose_roles(session: Session, references: tuple[RoleReference, ...], held: Mapping[str, str]) -> set[str]:
    chosen = set()
    for id in held_roles.resolve(references, held):
        if id is None or id not in held:
            if id is not None:
                roles.find(session, id)  # an unknown role is a 404, one that the trustor lacks a 403
            raise ForbiddenAction(why="Trusted roles have to be roles that the trustor has in the project.")
        chosen.add(id)
    return chosen


def delete(session: Session, trust: Trust) -> None:
    """Delete a trust with those that redelegate it. The rows stay, so that audits can refer to them."""
    ids, layer = [trust.id], [trust.id]
    for _ in range(MAX_REDELEGATIONS):
        layer = list(session.scalars(select(Trust.id).where(Trust.redelegated_trust_id.in_(layer)).limit(MAX_ROWS)))
        ids += layer
    session.execute(update_rows(Trust).where(Trust.id.in_(ids)).values(deleted_at=now()))
    revocations.invalidate_authorizations(session)


def list_roles(session: Session, trust: Trust) -> list[Role]:
    """The roles that a trust delegates."""
    return list(
        session.scalars(
            select(Role)
            .join(TrustRole, TrustRole.role_id == Role.id)
            .where(TrustRole.trust_id == trust.id)
            .order_by(Role.id)
            .limit(MAX_ROWS)
        )
    )


def list_page(session: Session, query: ListQuery) -> ListPage[Trust]:
    """The valid trusts that match a query."""
    stmt = select(Trust).where(Trust.deleted_at.is_(None), or_(Trust.expires_at.is_(None), Trust.expires_at > now()))
    for name, column in (("trustor_user_id", Trust.trustor_id), ("trustee_user_id", Trust.trustee_id)):
        if name in query.filters:
            stmt = stmt.where(column == query.filters[name])
    return fetch_page(session, stmt, Trust.id, query.page)


def consume_use(session: Session, trust_id: str) -> None:
    """Take one of a trust's remaining uses. Raises AuthenticationFailed if there is none.

    The database counts, so that two logins at once don't share the last one.
    """
    left = session.scalar(
        update_rows(Trust)
        .where(Trust.id == trust_id, Trust.remaining_uses > 0)
        .values(remaining_uses=Trust.remaining_uses - 1)
        .returning(Trust.remaining_uses)
    )
    if left is None:
        raise AuthenticationFailed


def find_role(session: Session, trust: Trust, role_id: str) -> Role:
    """One of the roles that a trust delegates. Raises ResourceNotFound."""
    for role in list_roles(session, trust):
        if role.id == role_id:
            return role
    raise ResourceNotFound(kind="role", id=role_id)
