"""Reads from the database what a user may do in a scope, as a plain user or through a delegation."""

import functools
import json
from typing import Any

from sqlalchemy import BindParameter, Row, Select, and_, bindparam, select
from sqlalchemy.orm import Session, aliased

from pileus_identity.core.access_rules import list_for_credential
from pileus_identity.core.assignment_conditions import SYSTEM, assigned_to_user, effective_in_scope
from pileus_identity.core.authorizations import Authorization, AuthScope
from pileus_identity.core.implied_roles import RoleGraph
from pileus_identity.core.times import format_time, is_past
from pileus_identity.db.models import (
    AccessToken,
    ApplicationCredential,
    ApplicationCredentialRole,
    Assignment,
    Project,
    Trust,
    TrustRole,
    User,
)
from pileus_identity.errors import AuthenticationFailed
from pileus_kit.json_types import JsonObject


def load_authorization(session: Session, graph: RoleGraph, scope: AuthScope) -> Authorization:
    """What the tokens of a scope grant.

    Raises AuthenticationFailed if the user, scope or delegation is disabled, expired or gone, or grants no role.
    """
    if scope.trust_id is not None:
        return _load_through_trust(session, graph, scope)
    authorization, role_ids = _load_plain(session, scope)
    authorization.roles = graph.effective_roles(role_ids)
    if scope.application_credential_id is not None:
        _restrict_to_application_credential(session, graph, authorization)
    if scope.access_token_id is not None:
        _restrict_to_access_token(session, graph, authorization)
    if scope.kind != "unscoped":
        if not authorization.roles:
            raise AuthenticationFailed
        authorization.view["roles"] = _roles_view(authorization.roles)
    return _with_json(authorization)


def _with_json(authorization: Authorization) -> Authorization:
    authorization.json = json.dumps(authorization.view, separators=(",", ":")).encode()[1:]
    return authorization


def _roles_view(roles: list[tuple[str, str]]) -> list[dict[str, str]]:
    return [{"id": id, "name": name} for id, name in roles]


def _load_plain(session: Session, scope: AuthScope) -> tuple[Authorization, set[str]]:
    """The authorization without roles, and the ids of the roles that are assigned in the scope."""
    ids = {"user_id": scope.user_id, "scope_id": SYSTEM if scope.kind == "system" else scope.scope_id}
    rows = session.execute(_statement(scope.kind), ids).all()
    if not rows:
        raise AuthenticationFailed
    first = rows[0]
    if not (first.user_enabled and first.user_domain_enabled):
        raise AuthenticationFailed
    view: JsonObject = {
        "user": {
            "id": scope.user_id,
            "name": first.user_name,
            "domain": {"id": first.user_domain_id, "name": first.user_domain_name},
            "password_expires_at": format_time(first.password_expires_at),
        }
    }
    authorization = Authorization(
        scope,
        first.user_name,
        (first.user_domain_id, first.user_domain_name),
        user_ids=(scope.user_id,),
        user_domain_ids=(first.user_domain_id,),
        view=view,
    )
    if scope.kind in ("project", "domain"):
        _add_scope(authorization, first)
    elif scope.kind == "system":
        view["system"] = {"all": True}
    if scope.kind == "unscoped":
        return authorization, set()
    return authorization, {row.role_id for row in rows if row.role_id is not None}


def _add_scope(authorization: Authorization, row: Row[Any]) -> None:
    if not row.scope_enabled or row.scope_domain_enabled is False:
        raise AuthenticationFailed
    scope = authorization.scope
    authorization.scope_name = row.scope_name
    view: JsonObject = {"id": scope.scope_id, "name": row.scope_name}
    if scope.kind == "project":
        authorization.project_domain = (row.scope_domain_id, row.scope_domain_name)
        view["domain"] = {"id": row.scope_domain_id, "name": row.scope_domain_name}
        authorization.view["is_domain"] = False
    authorization.view[scope.kind] = view


@functools.cache
def _statement(kind: str) -> Select[*tuple[Any, ...]]:
    """User, scope and assignments in one statement: a row for each assignment, or one row if there is none.

    It is built once for each kind of scope, because building and hashing it costs more than running it.
    """
    user_id: BindParameter[str] = bindparam("user_id")
    scope_id: BindParameter[str] = bindparam("scope_id")
    user_domain, scope, scope_domain = aliased(Project), aliased(Project), aliased(Project)
    base: Select[*tuple[Any, ...]] = (
        select(
            User.name.label("user_name"),
            User.enabled.label("user_enabled"),
            User.password_expires_at,
            user_domain.id.label("user_domain_id"),
            user_domain.name.label("user_domain_name"),
            user_domain.enabled.label("user_domain_enabled"),
        )
        .join(user_domain, user_domain.id == User.domain_id)
        .where(User.id == user_id)
    )
    if kind == "unscoped":
        return base
    base = base.add_columns(Assignment.role_id)
    if kind != "system":
        base = (
            base.add_columns(
                scope.name.label("scope_name"),
                scope.enabled.label("scope_enabled"),
                scope_domain.id.label("scope_domain_id"),
                scope_domain.name.label("scope_domain_name"),
                scope_domain.enabled.label("scope_domain_enabled"),
            )
            .join(scope, and_(scope.id == scope_id, scope.is_domain.is_(kind == "domain")))
            .outerjoin(scope_domain, scope_domain.id == scope.domain_id)
        )
    return base.outerjoin(Assignment, and_(assigned_to_user(user_id), effective_in_scope(kind, scope_id)))


def _check_delegation(delegation: ApplicationCredential | AccessToken | None, scope: AuthScope) -> None:
    if (
        delegation is None
        or delegation.user_id != scope.user_id
        or delegation.project_id != scope.scope_id
        or is_past(delegation.expires_at)
    ):
        raise AuthenticationFailed


def _restrict_to_application_credential(session: Session, graph: RoleGraph, authorization: Authorization) -> None:
    """An application credential grants the roles that its user still has, and only those that were put into it."""
    credential = session.get(ApplicationCredential, authorization.scope.application_credential_id)
    _check_delegation(credential, authorization.scope)
    assert credential is not None
    given = session.scalars(
        select(ApplicationCredentialRole.role_id).where(
            ApplicationCredentialRole.application_credential_id == credential.id
        )
    )
    allowed = graph.expand(given)
    authorization.roles = [role for role in authorization.roles if role[0] in allowed]
    authorization.restricted = not credential.unrestricted
    authorization.delegation_expires_at = credential.expires_at
    view: JsonObject = {"id": credential.id, "name": credential.name, "restricted": authorization.restricted}
    if credential.has_access_rules:
        view["access_rules"] = [
            {"id": rule.id, "service": rule.service, "method": rule.method, "path": rule.path}
            for rule in list_for_credential(session, credential.id)
        ]
    authorization.view["application_credential"] = view


def _restrict_to_access_token(session: Session, graph: RoleGraph, authorization: Authorization) -> None:
    """An OAuth1 access token grants the roles that its user still has, and only those that they authorized."""
    token = session.get(AccessToken, authorization.scope.access_token_id)
    _check_delegation(token, authorization.scope)
    assert token is not None
    allowed = graph.expand(token.role_ids)
    authorization.roles = [role for role in authorization.roles if role[0] in allowed]
    authorization.delegation_expires_at = token.expires_at
    authorization.view["OS-OAUTH1"] = {"access_token_id": token.id, "consumer_id": token.consumer_id}


def _load_through_trust(session: Session, graph: RoleGraph, scope: AuthScope) -> Authorization:
    """The trustee acts in the trustor's project with the trusted roles, as the trustor or as themselves.

    A trust is void if the trustor has lost any of its roles.
    """
    trust = session.get(Trust, scope.trust_id)
    if trust is None or trust.deleted_at is not None or is_past(trust.expires_at) or trust.trustee_id != scope.user_id:
        raise AuthenticationFailed
    trustor, role_ids = _load_plain(
        session, AuthScope(trust.trustor_id, "project" if trust.project_id else "unscoped", trust.project_id)
    )
    trustee, _ = _load_plain(session, AuthScope(trust.trustee_id, "unscoped"))
    trusted = list(session.scalars(select(TrustRole.role_id).where(TrustRole.trust_id == trust.id)))
    held = {id for id, _ in graph.effective_roles(role_ids)}
    if trust.project_id and not (trusted and set(trusted) <= held):
        raise AuthenticationFailed
    trustor.roles = [role for role in graph.effective_roles(trusted) if role[0] in held]
    if not trust.impersonation:
        trustor.view["user"] = trustee.view["user"]
        trustor.user_name, trustor.user_domain = trustee.user_name, trustee.user_domain
    return _with_json(_trust_authorization(trust, scope, trustor, trustee))


def _trust_authorization(
    trust: Trust, scope: AuthScope, trustor: Authorization, trustee: Authorization
) -> Authorization:
    trustor.has_limited_uses = trust.remaining_uses is not None
    trustor.scope, trustor.delegation_expires_at = scope, trust.expires_at
    trustor.user_ids += trustee.user_ids
    trustor.user_domain_ids += trustee.user_domain_ids
    trustor.view["roles"] = _roles_view(trustor.roles)
    trustor.view["OS-TRUST:trust"] = {
        "id": trust.id,
        "impersonation": trust.impersonation,
        "trustor_user": {"id": trust.trustor_id},
        "trustee_user": {"id": trust.trustee_id},
    }
    return trustor
