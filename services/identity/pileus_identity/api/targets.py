"""Policy targets, from the database.

What doesn't exist gives no facts: callers who may see everything then get a 404 from the handler, all others the same
403 as for what is not theirs, so that a refusal doesn't tell what exists. Where OpenStack looks a thing up before it
asks its rule, the answer to all is 404, and the target raises Missing.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_identity.api.views import own_domain
from pileus_identity.core import domains, groups, limits, reach, roles, trusts
from pileus_identity.core.credentials import get_ec2
from pileus_identity.db.models import ApplicationCredential, Credential, Group, Project, Trust, User
from pileus_identity.errors import Missing
from pileus_kit.web import caller, enforce, tools

Target = Mapping[str, Any]


def project(project_id: str, **_: str) -> Target:
    """A project that acts as a domain is in no domain, or its administrators could change the domain as a project."""
    row = _row(select(Project.id, Project.domain_id, Project.is_domain).where(Project.id == project_id))
    if row is None:
        return {}
    return {"target.project.id": row[0]} | ({} if row[2] else {"target.project.domain_id": row[1]})


def domain(domain_id: str, **_: str) -> Target:
    return {"target.domain.id": domain_id}


def existing_domain(domain_id: str, **_: str) -> Target:
    with tools().sessions.read() as session:
        return domain(domains.get(session, domain_id).id)


def user(user_id: str, **_: str) -> Target:
    """`user_id` is the path's: what is below a user belongs to that user."""
    with tools().sessions.read() as session:
        return _user(session, user_id)


def _user(session: Session, user_id: str) -> Target:
    row = session.execute(select(User.id, User.domain_id).where(User.id == user_id)).first()
    if row is None:
        return {}
    facts = {"target.user.id": row[0], "target.user.domain_id": row[1], "user_id": row[0]}
    here = caller().domain_id
    return facts | ({"target.user.privileged": reach.of_user(session, row[0], here)} if here else {})


def group(group_id: str, **_: str) -> Target:
    with tools().sessions.read() as session:
        return _group(session, group_id)


def _group(session: Session, group_id: str) -> Target:
    home = session.scalar(select(Group.domain_id).where(Group.id == group_id))
    if home is None:
        return {}
    here = caller().domain_id
    wide = {"target.group.privileged": reach.of_group(session, group_id, here)} if here else {}
    return {"target.group.domain_id": home, **wide}


def existing_group(group_id: str, **_: str) -> Target:
    with tools().sessions.read() as session:
        return _group(session, groups.get(session, group_id).id)


def member(group_id: str, user_id: str) -> Target:
    with tools().sessions.read() as session:
        return {**_group(session, group_id), **_user(session, user_id)}


def credential(credential_id: str, **_: str) -> Target:
    row = _row(select(Credential.user_id).where(Credential.id == credential_id))
    return {} if row is None else {"target.credential.user_id": row[0]}


def access_key(user_id: str, access: str) -> Target:
    with tools().sessions.read() as session:
        return {**_user(session, user_id), "target.credential.user_id": get_ec2(session, access).user_id}


def application_credential(user_id: str, credential_id: str) -> Target:
    """It belongs to whoever made it, whatever user the path names."""
    row = _row(select(ApplicationCredential.user_id).where(ApplicationCredential.id == credential_id))
    return {"user_id": row[0] if row else user_id}


def trust(trust_id: str, **_: str) -> Target:
    with tools().sessions.read() as session:
        found: Trust = trusts.get(session, trust_id)
    return {"target.trust.trustor_user_id": found.trustor_id, "target.trust.trustee_user_id": found.trustee_id}


def implication(prior_id: str, implied_id: str | None = None) -> Target:
    with tools().sessions.read() as session:
        for role_id in (prior_id, implied_id):
            if role_id is not None:
                roles.get(session, role_id)
    return {}


def limit(limit_id: str) -> Target:
    with tools().sessions.read() as session:
        row = session.execute(limits.find({}).where(limits.Limit.id == limit_id)).first()
    return {} if row is None else _limit(row[2])


def existing_limit(limit_id: str) -> Target:
    with tools().sessions.read() as session:
        return _limit(limits.get(session, limit_id)[2])


def _limit(owner: Project) -> Target:
    if owner.is_domain:
        return {"target.limit.domain.id": owner.id}
    return {"target.limit.project_id": owner.id, "target.limit.project.domain_id": owner.domain_id}


def names_domain(rule: str, body: Mapping[str, Any]) -> None:
    """A domain's manager has to name the domain: OpenStack fills it in after it has asked its rule."""
    if caller().domain_id and not caller().is_admin and not body.get("domain_id"):
        enforce(rule, {})


def home(rule: str, kind: str, body: Mapping[str, Any]) -> str:
    """The id of the domain in which the caller makes a `kind`; refused alike if it is foreign and if there is none."""
    names_domain(rule, body)
    domain_id = body.get("domain_id") or own_domain()
    row = _row(select(Project.id).where(Project.id == domain_id, Project.is_domain))
    enforce(rule, {f"target.{kind}.domain_id": row[0]} if row else {})
    if row is None:
        raise Missing(kind="domain", id=domain_id)
    return str(row[0])


def _row(stmt: Any) -> Any:
    with tools().sessions.read() as session:
        return session.execute(stmt).first()
