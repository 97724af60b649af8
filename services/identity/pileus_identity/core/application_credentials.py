"""Application credentials: a user lends programs some of his roles in one project, perhaps for some calls only."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Select, delete, exists, func, select
from sqlalchemy.orm import Session

from pileus_identity.core import ledger, passwords, rolegraph, times
from pileus_identity.core.bodies import Body, store
from pileus_identity.core.standings import access_rules, actors, targets
from pileus_identity.db.models import (
    AccessRule,
    ApplicationCredential,
    ApplicationCredentialAccess,
    ApplicationCredentialRole,
    Assignment,
    Role,
)
from pileus_identity.errors import Invalid, Missing, Refused, TooManyOfThem
from pileus_kit.auth import Caller
from pileus_kit.db import now

View = dict[str, Any]
MOST_WILDCARDS = 10  # in the path of an access rule


def get(session: Session, credential_id: str) -> ApplicationCredential:
    credential = session.get(ApplicationCredential, credential_id)
    if credential is None:
        raise Missing(kind="application credential", id=credential_id)
    return credential


def create(session: Session, who: Caller, body: Body, most: int) -> tuple[ApplicationCredential, str]:
    """Also gives the secret, which nobody can show again. `who` is the user himself, in the project that it is for."""
    project_id = who.project_id
    if project_id is None:
        raise Refused(why="An application credential is made with a token for the project that it is to be used in.")
    have = session.scalar(select(func.count()).where(ApplicationCredential.user_id == who.user_id)) or 0
    if have >= most:
        raise TooManyOfThem(kind="application credentials", limit=most)
    role_ids = _roles(session, who, body.get("roles"))
    secret = body.get("secret") or passwords.new_secret()
    credential = ApplicationCredential(
        user_id=who.user_id,
        project_id=project_id,
        name=body["name"],
        description=body.get("description"),
        secret_hash=passwords.digest_secret(secret),
        unrestricted=bool(body.get("unrestricted")),
        restricted_paths=body.get("access_rules") is not None,
        expires_at=future(body.get("expires_at")),
    )
    store(session, credential, "application_credential")
    session.add_all([ApplicationCredentialRole(application_credential_id=credential.id, role_id=id) for id in role_ids])
    _allow(session, credential, body.get("access_rules") or ())
    session.flush()
    return credential, secret


def remove(session: Session, credential: ApplicationCredential) -> None:
    session.delete(credential)
    ledger.record(session, user_id=credential.user_id, project_id=credential.project_id)


def find(user_id: str, asked: Mapping[str, str]) -> Select[ApplicationCredential]:
    stmt = select(ApplicationCredential).where(ApplicationCredential.user_id == user_id)
    return stmt.where(ApplicationCredential.name == asked["name"]) if "name" in asked else stmt


def parts(session: Session, credentials: list[ApplicationCredential]) -> dict[str, tuple[list[View], list[View]]]:
    """For each credential its roles and access rules, in two statements for all."""
    ids = [credential.id for credential in credentials]
    found: dict[str, tuple[list[View], list[View]]] = {id: ([], []) for id in ids}
    link = ApplicationCredentialRole
    for id, role in session.execute(
        select(link.application_credential_id, Role)
        .join(Role, Role.id == link.role_id)
        .where(link.application_credential_id.in_(ids))
        .order_by(Role.name)
    ):
        found[id][0].append({"id": role.id, "name": role.name, "domain_id": role.domain_id})
    access = ApplicationCredentialAccess
    for id, rule in session.execute(
        select(access.application_credential_id, AccessRule)
        .join(AccessRule, AccessRule.id == access.access_rule_id)
        .where(access.application_credential_id.in_(ids))
    ):
        found[id][1].append(rule_view(rule))
    return found


def rule_view(rule: AccessRule) -> View:
    return {"id": rule.id, "service": rule.service, "method": rule.method, "path": rule.path}


def get_rule(session: Session, user_id: str, rule_id: str) -> AccessRule:
    rule = session.get(AccessRule, rule_id)
    if rule is None or rule.user_id != user_id:
        raise Missing(kind="access rule", id=rule_id)
    return rule


def remove_rule(session: Session, rule: AccessRule) -> None:
    if session.scalar(select(exists().where(ApplicationCredentialAccess.access_rule_id == rule.id))):
        raise Refused(why=f"Access rule {rule.id} is still in use by an application credential.")
    session.execute(delete(AccessRule).where(AccessRule.id == rule.id))


def find_rules(user_id: str, asked: Mapping[str, str]) -> Select[AccessRule]:
    stmt = select(AccessRule).where(AccessRule.user_id == user_id)
    for name in ("service", "path", "method"):
        if name in asked:
            stmt = stmt.where(getattr(AccessRule, name) == asked[name])
    return stmt


def _roles(session: Session, who: Caller, wanted: list[Body] | None) -> set[str]:
    """Those named, by id or name, or all that the caller's token has. Nobody lends what he hasn't got."""
    mine = {id: name for id, name in held_roles(session, who, who.project_id or "").items() if name in who.roles}
    if not wanted:
        return set(mine)
    by_name = {name: id for id, name in mine.items()}
    chosen = set()
    for role in wanted:
        id = role.get("id") or by_name.get(role.get("name", ""))
        if id not in mine:
            raise Invalid(why="Role IDs and names must be those of roles that the user has in the project.")
        chosen.add(id)
    return chosen


def held_roles(session: Session, who: Caller, project_id: str) -> dict[str, str]:
    """The roles (id: name) that a user has in a project now."""
    given = session.scalars(select(Assignment.role_id).where(actors(who.user_id), targets("project", project_id)))
    return dict(rolegraph.load(session).effective(given))


def _checked(path: str) -> str:
    """`**` stands for all that follows, so it comes last; and a path with many wildcards takes long to compare."""
    *before, _ = segments = path.split("/")
    if any("**" in segment for segment in before) or ("**" in segments[-1] and segments[-1] != "**"):
        raise Invalid(why=f"Invalid path of an access rule: {path}. `**` may only be its last segment.")
    wild = [segment for segment in segments if "*" in segment or segment.startswith("{")]
    if len(wild) > MOST_WILDCARDS or path.count("*") > MOST_WILDCARDS + 1:
        raise Invalid(why=f"Invalid path of an access rule: {path}. It may have {MOST_WILDCARDS} wildcards.")
    return path


def _allow(session: Session, credential: ApplicationCredential, rules: list[Body] | tuple[()]) -> None:
    """Rules are the user's own and shared by his credentials: the same call is the same rule."""
    mine = {
        (r.service, r.method, r.path): r
        for r in session.scalars(select(AccessRule).where(AccessRule.user_id == credential.user_id).limit(10_000))
    }
    by_id = {rule.id: rule for rule in mine.values()}
    chosen: dict[str, AccessRule] = {}
    for given in rules:
        rule = by_id.get(given["id"]) if "id" in given else None
        if rule is None:
            if "id" in given and len(given) == 1:
                raise Missing(kind="access rule", id=given["id"])
            if not {"service", "method", "path"} <= set(given):
                raise Invalid(why="An access rule has a service, a method and a path, or the id of one there is.")
            call = given["service"], given["method"], _checked(given["path"])
            rule = mine.get(call)
            if rule is None:
                rule = AccessRule(user_id=credential.user_id, service=call[0], method=call[1], path=call[2])
                if "id" in given:
                    raise Missing(kind="access rule", id=given["id"])
                session.add(rule)
                mine[call] = rule
                session.flush()
        chosen[rule.id] = rule
    session.add_all(
        [ApplicationCredentialAccess(application_credential_id=credential.id, access_rule_id=id) for id in chosen]
    )


def rules_of(session: Session, credential: ApplicationCredential) -> list[View]:
    return [rule_view(rule) for rule in session.scalars(access_rules(credential.id))]


def future(text: str | None) -> datetime | None:
    if text is None:
        return None
    at = times.read("expires_at", text)
    if at <= now():
        raise Invalid(why="expires_at has to lie in the future.")
    return at
