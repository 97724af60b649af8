"""The facts that policy rules compare with the caller, read from the database.

What doesn't exist has no facts: callers who may see everything then get a 404 from the handler, and all others the same
403 as for what isn't theirs, so that a refusal doesn't tell what exists. Where OpenStack looks a resource up before it
asks its rule, everyone gets a 404, and the target raises ResourceNotFound.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from pileus_identity.api.domain_scope import default_domain_id
from pileus_identity.api.tools import tools
from pileus_identity.core import (
    application_credentials,
    credentials,
    domains,
    groups,
    limits,
    privileges,
    projects,
    roles,
    trusts,
    users,
)
from pileus_identity.db.models import Project
from pileus_identity.errors import ResourceNotFound
from pileus_kit.json_types import JsonObject
from pileus_kit.web import caller, enforce

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

Target = Mapping[str, object]


def project(project_id: str, **_: str) -> Target:
    """A project, or a domain, which has no domain here: otherwise its administrators could change it as a project."""
    with tools().sessions.read() as session:
        found = projects.find_ids(session, project_id)
    if found is None:
        return {}
    facts = {"target.project.id": found.id}
    return facts if found.is_domain else {**facts, "target.project.domain_id": found.domain_id}


def domain(domain_id: str, **_: str) -> Target:
    """A domain, whether it exists or not."""
    return {"target.domain.id": domain_id}


def existing_domain(domain_id: str, **_: str) -> Target:
    """A domain that has to exist."""
    with tools().sessions.read() as session:
        return domain(domains.find(session, domain_id).id)


def user(user_id: str, **_: str) -> Target:
    """A user; `user_id` is for resources below the user in the path, which belong to them."""
    with tools().sessions.read() as session:
        return _user(session, user_id)


def _user(session: "Session", user_id: str) -> Target:
    user_domain_id = users.find_domain_id(session, user_id)
    if user_domain_id is None:
        return {}
    facts: dict[str, object] = {
        "target.user.id": user_id,
        "target.user.domain_id": user_domain_id,
        "user_id": user_id,
    }
    domain_id = caller().domain_id
    if domain_id:
        facts["target.user.privileged"] = privileges.is_user_privileged(session, user_id, domain_id)
    return facts


def group(group_id: str, **_: str) -> Target:
    """A group."""
    with tools().sessions.read() as session:
        return _group(session, group_id)


def _group(session: "Session", group_id: str) -> Target:
    group_domain_id = groups.find_domain_id(session, group_id)
    if group_domain_id is None:
        return {}
    facts: dict[str, object] = {"target.group.domain_id": group_domain_id}
    domain_id = caller().domain_id
    if domain_id:
        facts["target.group.privileged"] = privileges.is_group_privileged(session, group_id, domain_id)
    return facts


def existing_group(group_id: str, **_: str) -> Target:
    """A group that has to exist."""
    with tools().sessions.read() as session:
        return _group(session, groups.find(session, group_id).id)


def group_member(group_id: str, user_id: str) -> Target:
    """A group and a user."""
    with tools().sessions.read() as session:
        return {**_group(session, group_id), **_user(session, user_id)}


def credential(credential_id: str, **_: str) -> Target:
    """A credential."""
    with tools().sessions.read() as session:
        user_id = credentials.find_user_id(session, credential_id)
    return {} if user_id is None else {"target.credential.user_id": user_id}


def own_credential() -> Target:
    """A credential of the caller."""
    return {"target.credential.user_id": caller().user_id}


def ec2_credential(user_id: str, access: str) -> Target:
    """An EC2 credential that has to exist, with the user of the path."""
    with tools().sessions.read() as session:
        owner_id = credentials.find_ec2(session, access).user_id
        return {**_user(session, user_id), "target.credential.user_id": owner_id}


def ec2_credentials_of_user(user_id: str) -> Target:
    """A new EC2 credential of the user of the path."""
    return {**user(user_id), "target.credential.user_id": user_id}


def application_credential(user_id: str, credential_id: str) -> Target:
    """An application credential. It belongs to the user who created it, whichever user the path names."""
    with tools().sessions.read() as session:
        owner_id = application_credentials.find_user_id(session, credential_id)
    return {"user_id": owner_id or user_id}


def trust(trust_id: str, **_: str) -> Target:
    """A trust that has to exist."""
    with tools().sessions.read() as session:
        found = trusts.find(session, trust_id)
    return {"target.trust.trustor_user_id": found.trustor_id, "target.trust.trustee_user_id": found.trustee_id}


def own_trust() -> Target:
    """A trust whose trustor is the caller."""
    return {"target.trust.trustor_user_id": caller().user_id}


def role(role_id: str) -> Target:
    """A role that has to exist. A domain-specific role has no name here, because it has rules of its own."""
    with tools().sessions.read() as session:
        found = roles.find(session, role_id)
        return {} if found.domain_id else {"target.role.name": found.name}


def implied_role(prior_id: str, implied_id: str | None = None) -> Target:
    """Roles that have to exist."""
    with tools().sessions.read() as session:
        for role_id in (prior_id, implied_id):
            if role_id is not None:
                roles.find(session, role_id)
    return {}


def limit(limit_id: str) -> Target:
    """A limit."""
    with tools().sessions.read() as session:
        found = limits.get(session, limit_id)
    return {} if found is None else _limit_of(found.owner)


def existing_limit(limit_id: str) -> Target:
    """A limit that has to exist."""
    with tools().sessions.read() as session:
        return _limit_of(limits.find(session, limit_id).owner)


def _limit_of(owner: Project) -> Target:
    if owner.is_domain:
        return {"target.limit.domain.id": owner.id}
    return {"target.limit.project_id": owner.id, "target.limit.project.domain_id": owner.domain_id}


def require_named_domain(rule: str, body: JsonObject) -> None:
    """A domain's manager has to name the domain: OpenStack fills it in after it has asked its rule.

    Raises Forbidden.
    """
    if caller().domain_id and not caller().is_admin and not body.get("domain_id"):
        enforce(rule, {})


def resolve_domain_id(rule: str, kind: str, body: JsonObject) -> str:
    """The id of the domain in which the caller creates a `kind`.

    Raises Forbidden alike for a foreign domain and for one that doesn't exist, and ResourceNotFound for callers who may
    see all domains.
    """
    require_named_domain(rule, body)
    domain_id = str(body.get("domain_id") or default_domain_id())
    with tools().sessions.read() as session:
        known = domains.is_known(session, domain_id)
    enforce(rule, {f"target.{kind}.domain_id": domain_id} if known else {})
    if not known:
        raise ResourceNotFound(kind="domain", id=domain_id)
    return domain_id
