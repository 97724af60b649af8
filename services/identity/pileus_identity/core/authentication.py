"""Authentication: from the proofs of a login to a token for the scope that it asks for."""

import time

from pileus_identity.core import auth_lookups, trusts
from pileus_identity.core.auth_context import AuthContext
from pileus_identity.core.auth_methods import AuthMethods
from pileus_identity.core.auth_requests import SCOPE_KINDS, AuthRequest, ScopeRequest
from pileus_identity.core.authorizations import AuthScope
from pileus_identity.core.oauth1_signatures import SignedRequest
from pileus_identity.core.token_payloads import Payload, format_microseconds
from pileus_identity.core.tokens import Token, TokenProvider
from pileus_identity.db.models import Trust, User
from pileus_identity.errors import (
    AuthenticationFailed,
    InsufficientAuthMethods,
    TokenNotFound,
    UnauthorizedWithReason,
    ValidationFailed,
)
from pileus_kit.db import Sessions

FEDERATED_METHODS = ("external", "mapped", "saml2", "openid")  # known to clients, but not offered here


class Authentication:
    """Logs users in."""

    def __init__(self, sessions: Sessions, tokens: TokenProvider, methods: AuthMethods) -> None:
        self._sessions = sessions
        self._tokens = tokens
        self._methods = methods

    def login(
        self, auth: AuthRequest, receipt: str | None = None, request: SignedRequest | None = None, source: str = ""
    ) -> Token:
        """Issue the token that `auth` asks for.

        `receipt` is from an earlier try that lacked factors, `request` is the HTTP request, which may be signed, and
        `source` is the caller's address.

        Raises AuthenticationFailed, PasswordExpired, InsufficientAuthMethods, ValidationFailed, ForbiddenAction, or
        TokenNotFound.
        """
        log, began = self._tokens.authorizations.revocation_log, time.time_ns() // 1000
        serial = log.refresh()
        context = AuthContext(source=source, request=request)
        if receipt is not None:
            self._accept_receipt(receipt, context)
        self._check_methods(auth, context)
        scope = self._resolve_scope(auth, context)
        token = self._issue(scope, context, began, may_fall_back=not auth.names_scope)
        if token.authorization.has_limited_uses:
            with self._sessions.begin() as session:
                trusts.consume_use(session, str(scope.trust_id))
        # The password may have been changed while the old one was checked. A revocation that was recorded since `began`
        # includes the token; this looks for those that were just being committed.
        _, events, incomplete = log.events_since(serial)
        affected = (context.user_id, *token.authorization.user_ids)
        if incomplete or any(event.revokes and event.user_id in affected for event in events):
            raise AuthenticationFailed
        return token

    def check_password(self, user_id: str, password: str, source: str = "") -> None:
        """Check a user's password, even an expired one; failures count like those of a login.

        Raises AuthenticationFailed.
        """
        with self._sessions.read() as session:
            found = session.get(User, user_id)
        user = self._methods.check_user_password(found, password, source)
        self._methods.lockouts.record_success(user, source)

    def _issue(self, scope: AuthScope, context: AuthContext, began: int, may_fall_back: bool) -> Token:
        methods = tuple(context.methods)
        parent: Payload | None = context.parent.payload if context.parent else None
        try:
            return self._tokens.issue(scope, methods, parent, began)
        except AuthenticationFailed:
            if not may_fall_back or scope.kind != "project" or scope.application_credential_id or scope.access_token_id:
                raise
            # The request didn't ask for the user's default project, so having no role there is no failure.
            return self._tokens.issue(AuthScope(scope.user_id, "unscoped"), methods, parent, began)

    def _accept_receipt(self, text: str, context: AuthContext) -> None:
        try:
            payload = self._tokens.validate_receipt(text)
        except TokenNotFound:
            raise AuthenticationFailed from None
        for method in payload.methods:
            context.add(method, payload.user_id)

    def _check_methods(self, auth: AuthRequest, context: AuthContext) -> None:
        identity = auth.identity
        for method in dict.fromkeys(identity.methods):
            if method in FEDERATED_METHODS:
                raise AuthenticationFailed
            if method not in auth.given_methods:
                raise ValidationFailed(why=f"Expecting to find {method} in identity.")
            if method not in self._methods.NAMES:
                raise UnauthorizedWithReason(why="Attempted to authenticate with an unsupported method.")
            self._methods.check(method, identity, context)
        if not context.methods:
            raise AuthenticationFailed
        self._require_all_factors(context)
        if context.user is not None and {"password", "totp"} & set(identity.methods):
            # Not before all factors are proven: otherwise a right password would reset the count of wrong codes.
            self._methods.lockouts.record_success(context.user, context.source)

    def _require_all_factors(self, context: AuthContext) -> None:
        """A user with multi-factor rules has to satisfy one of them; a rule is a list of methods."""
        user = context.user
        if (
            user is None
            or context.application_credential is not None
            or not user.options.get("multi_factor_auth_enabled", True)
        ):
            return
        rules = [set(rule) & set(self._methods.NAMES) for rule in user.options.get("multi_factor_auth_rules") or ()]
        if any(rules) and not any(rule and rule <= set(context.methods) for rule in rules):
            text, payload = self._tokens.issue_receipt(user.id, tuple(context.methods))
            raise InsufficientAuthMethods(
                text,
                {
                    "receipt": {
                        "methods": list(payload.methods),
                        "issued_at": format_microseconds(payload.issued),
                        "expires_at": format_microseconds(payload.expires),
                        "user": {"id": user.id, "name": user.name},
                    },
                    "required_auth_methods": [sorted(rule) for rule in rules if rule],
                },
            )

    def _resolve_scope(self, auth: AuthRequest, context: AuthContext) -> AuthScope:
        credential = context.application_credential
        if credential is not None:
            if auth.names_scope:
                raise AuthenticationFailed  # it has the only scope that it can have
            return AuthScope(context.user_id, "project", credential.project_id, credential.id)
        if context.access_token is not None:  # it has a fixed scope, too; clients that ask for another one get it, too
            access_token = context.access_token
            return AuthScope(context.user_id, "project", access_token.project_id, access_token_id=access_token.id)
        if auth.unscoped:
            return AuthScope(context.user_id, "unscoped")
        if auth.scope is None:
            default = self._find_default_project_id(context)
            return AuthScope(context.user_id, "project" if default else "unscoped", default)
        if len(auth.scope.kinds) != 1 or not SCOPE_KINDS & auth.scope.kinds:
            raise ValidationFailed(
                why=f"Expecting exactly one of {', '.join(sorted(SCOPE_KINDS))} or unscoped as the scope."
            )
        return self._find_scope(auth.scope, context.user_id)

    def _find_default_project_id(self, context: AuthContext) -> str | None:
        if context.user is not None:
            return context.user.default_project_id
        with self._sessions.read() as session:
            return auth_lookups.find_default_project_id(session, context.user_id)

    def _find_scope(self, scope: ScopeRequest, user_id: str) -> AuthScope:
        (kind,) = scope.kinds
        if kind == "system":
            if not scope.whole_system:
                raise ValidationFailed(why='The system scope is asked for with {"all": true}.')
            return AuthScope(user_id, "system")
        with self._sessions.read() as session:
            if scope.trust_id is not None:
                trust = session.get(Trust, scope.trust_id)
                if trust is None or trust.trustee_id != user_id:
                    raise AuthenticationFailed
                kind = "project" if trust.project_id else "unscoped"
                return AuthScope(user_id, kind, trust.project_id, trust_id=trust.id)
            scope_id = None
            if scope.project is not None:
                scope_id = auth_lookups.find_project_id(session, scope.project)
            elif scope.domain is not None:
                scope_id = auth_lookups.find_domain_id(session, scope.domain)
        if scope_id is None:
            raise AuthenticationFailed
        return AuthScope(user_id, kind, scope_id)
