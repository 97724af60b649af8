"""Trusts: a user lends another some of his roles in a project, for a while or a number of uses."""

from collections.abc import Mapping

from sqlalchemy import Select, func, or_, select, update
from sqlalchemy.orm import Session

from pileus_identity.core import ledger, projects, roles, users
from pileus_identity.core.application_credentials import future, held_roles
from pileus_identity.core.bodies import Body
from pileus_identity.db.models import Role, Trust, TrustRole
from pileus_identity.errors import Invalid, LoginFailed, Missing, Refused, TooManyOfThem
from pileus_kit.auth import Caller
from pileus_kit.db import now

DEEPEST = 3  # how often a trust may be passed on


def get(session: Session, trust_id: str) -> Trust:
    """Not the deleted and not the expired."""
    trust = session.get(Trust, trust_id)
    if trust is None or trust.deleted_at is not None or (trust.expires_at is not None and trust.expires_at <= now()):
        raise Missing(kind="trust", id=trust_id)
    return trust


def create(session: Session, who: Caller, body: Body, most: int) -> Trust:
    """By the trustor himself; or, passing a redelegable trust on, by its trustee with a token of that trust."""
    users.get(session, body["trustee_user_id"])
    if body.get("project_id"):
        projects.get(session, body["project_id"])
    have = session.scalar(select(func.count()).where(Trust.trustor_id == who.user_id, Trust.deleted_at.is_(None))) or 0
    if have >= most:
        raise TooManyOfThem(kind="trusts", limit=most)
    wanted = body.get("roles") or []
    if body.get("project_id") and not wanted:
        raise Refused(why="At least one role should be specified.")
    if body.get("allow_redelegation") and body.get("remaining_uses") is not None:
        raise Invalid(why="remaining_uses must not be set if redelegation is allowed.")
    trust = Trust(
        trustor_id=who.user_id,
        trustee_id=body["trustee_user_id"],
        project_id=body.get("project_id"),
        impersonation=body["impersonation"],
        expires_at=future(body.get("expires_at")),
        remaining_uses=body.get("remaining_uses"),
        redelegation_count=_redelegations(body),
    )
    allowed = held_roles(session, who, body["project_id"]) if body.get("project_id") else {}
    if who.trust_id is not None:
        allowed = _pass_on(session, who.trust_id, trust, allowed)
    session.add(trust)
    session.flush()
    session.add_all([TrustRole(trust_id=trust.id, role_id=id) for id in _chosen(session, wanted, allowed)])
    session.flush()
    return trust


def _redelegations(body: Body) -> int:
    count = body.get("redelegation_count")
    if not body.get("allow_redelegation"):
        return 0
    if count is not None and count > DEEPEST:
        raise Refused(why=f"A trust may be passed on {DEEPEST} times.")
    return DEEPEST if count is None else int(count)


def _pass_on(session: Session, source_id: str, trust: Trust, allowed: Mapping[str, str]) -> dict[str, str]:
    """A passed-on trust has no more roles, no later end and fewer redelegations than the one it comes from."""
    source = get(session, source_id)
    if source.redelegation_count <= 0 or trust.project_id != source.project_id:
        raise Refused(why="This trust may not be passed on, or not for that project.")
    if source.expires_at is not None and (trust.expires_at is None or trust.expires_at > source.expires_at):
        raise Refused(why="A passed-on trust ends no later than the one it comes from.")
    if trust.impersonation and not source.impersonation:
        raise Refused(why="Impersonation is not allowed because redelegated trust does not specify impersonation.")
    if trust.redelegation_count >= source.redelegation_count:
        trust.redelegation_count = source.redelegation_count - 1
    trust.redelegated_trust_id = source.id
    given = set(session.scalars(select(TrustRole.role_id).where(TrustRole.trust_id == source.id)))
    return {id: name for id, name in allowed.items() if id in given}


def _chosen(session: Session, wanted: list[Body], allowed: Mapping[str, str]) -> set[str]:
    by_name = {name: id for id, name in allowed.items()}
    chosen = set()
    for role in wanted:
        id = role.get("id") or by_name.get(role.get("name", ""))
        if id is None or id not in allowed:
            if id is not None:
                roles.get(session, id)  # one that doesn't exist is a 404, one that the trustor lacks is refused
            raise Refused(why="Trusted roles have to be roles that the trustor has in the project.")
        chosen.add(id)
    return chosen


def remove(session: Session, trust: Trust) -> None:
    """With those passed on from it; the rows stay, so that what was done with them can be told."""
    ids, layer = [trust.id], [trust.id]
    for _ in range(DEEPEST):
        layer = list(session.scalars(select(Trust.id).where(Trust.redelegated_trust_id.in_(layer)).limit(1000)))
        ids += layer
    session.execute(update(Trust).where(Trust.id.in_(ids)).values(deleted_at=now()))
    ledger.record(session)


def roles_of(session: Session, trust: Trust) -> list[Role]:
    return list(
        session.scalars(
            select(Role)
            .join(TrustRole, TrustRole.role_id == Role.id)
            .where(TrustRole.trust_id == trust.id)
            .order_by(Role.id)
            .limit(1000)
        )
    )


def find(asked: Mapping[str, str]) -> Select[Trust]:
    stmt = select(Trust).where(Trust.deleted_at.is_(None), or_(Trust.expires_at.is_(None), Trust.expires_at > now()))
    for name, column in (("trustor_user_id", Trust.trustor_id), ("trustee_user_id", Trust.trustee_id)):
        if name in asked:
            stmt = stmt.where(column == asked[name])
    return stmt


def use(session: Session, trust_id: str) -> None:
    """One of its remaining uses; the database counts, so that two logins at once don't share the last."""
    left = session.scalar(
        update(Trust)
        .where(Trust.id == trust_id, Trust.remaining_uses > 0)
        .values(remaining_uses=Trust.remaining_uses - 1)
        .returning(Trust.remaining_uses)
    )
    if left is None:
        raise LoginFailed
