"""The authentication methods of `POST /v3/auth/tokens`: each checks its proof and adds to the AuthContext.

All refusals read the same (AuthenticationFailed), whatever was wrong, and take about as long.
"""

from secrets import token_hex

from pileus_identity.config import Config
from pileus_identity.core import auth_lookups, credentials, lockouts, password_hashing, totp, user_passwords
from pileus_identity.core.auth_context import AuthContext
from pileus_identity.core.auth_requests import (
    ApplicationCredentialMethod,
    IdentityRequest,
    PasswordMethod,
    TokenMethod,
    TotpMethod,
)
from pileus_identity.core.delegation import is_delegated
from pileus_identity.core.fernet_keys import KeyRing
from pileus_identity.core.lockouts import Lockouts
from pileus_identity.core.oauth1_signatures import OAuth1Verifier
from pileus_identity.core.times import is_past
from pileus_identity.core.tokens import TokenProvider
from pileus_identity.core.totp import Seed
from pileus_identity.db.models import AccessToken, User
from pileus_identity.errors import AuthenticationFailed, ForbiddenAction, PasswordExpired, ValidationFailed
from pileus_kit.db import Sessions

TOTP = "totp"


class AuthMethods:
    """Checks the proofs of a login. `key_ring` decrypts users' credentials."""

    NAMES = ("password", "token", TOTP, "application_credential", "oauth1")

    def __init__(
        self,
        config: Config,
        sessions: Sessions,
        tokens: TokenProvider,
        key_ring: KeyRing,
        oauth1_verifier: OAuth1Verifier,
    ) -> None:
        self._config = config
        self._sessions = sessions
        self._tokens = tokens
        self._key_ring = key_ring
        self._oauth1_verifier = oauth1_verifier
        self.lockouts = Lockouts(config, sessions)
        self._unused_seed = key_ring.encrypt_text(token_hex(16))

    def check(self, method: str, identity: IdentityRequest, context: AuthContext) -> None:
        """Check the proof of one method, which is one of NAMES."""
        if method == "oauth1":
            self._check_oauth1(context)
        elif method == "password" and identity.password is not None:
            self._check_password(identity.password, context)
        elif method == "token" and identity.token is not None:
            self._check_token(identity.token, context)
        elif method == TOTP and identity.totp is not None:
            self._check_totp(identity.totp, context)
        elif method == "application_credential" and identity.application_credential is not None:
            self._check_application_credential(identity.application_credential, context)
        else:
            raise ValidationFailed(why=f"Expecting to find {method} in identity.")

    def check_user_password(self, user: User | None, password: str, source: str) -> User:
        """The user, if that is their password, even an expired one. Raises AuthenticationFailed.

        A locked user's password is compared with nothing: right or wrong, it takes as long and fails.
        """
        unlocked = user if user is not None and not self.lockouts.is_locked(user, source) else None
        if not password_hashing.matches(unlocked.password_hash if unlocked else None, password):
            self.lockouts.record_failure(unlocked, source)
            raise AuthenticationFailed
        assert unlocked is not None
        if not unlocked.enabled:
            raise AuthenticationFailed
        self._rehash(unlocked, password)
        return unlocked

    def _check_password(self, method: PasswordMethod, context: AuthContext) -> None:
        with self._sessions.read() as session:
            found = auth_lookups.find_user(session, method.user)
        user = self.check_user_password(found, method.user.password, context.source)
        if user_passwords.is_expired(user):
            raise PasswordExpired(user=user.id)
        context.user = user
        context.add("password", user.id)

    def _check_totp(self, method: TotpMethod, context: AuthContext) -> None:
        """Wrong codes count like wrong passwords, because there are only a million codes."""
        with self._sessions.read() as session:
            found = auth_lookups.find_user(session, method.user)
            rows = credentials.list_of_type(session, found.id if found else "", TOTP)
            seeds = [Seed(row.id, self._key_ring.decrypt_text(row.blob)) for row in rows]
        seeds = seeds or [Seed("", self._key_ring.decrypt_text(self._unused_seed))]  # it takes as long without a seed
        locked = found is None or self.lockouts.is_locked(found, context.source, lockouts.MIN_CODE_LOCK_S)
        user = None if locked else found
        matched = totp.match(seeds, method.user.passcode)
        if user is None or matched is None or not rows:
            self.lockouts.record_failure(user, context.source)
            raise AuthenticationFailed
        if not user.enabled:
            raise AuthenticationFailed
        with self._sessions.begin() as session:
            totp.use_up(session, matched)
        context.user = user
        context.add(TOTP, user.id)

    def _check_token(self, method: TokenMethod, context: AuthContext) -> None:
        token = self._tokens.validate(method.id)  # an unknown token is a 404 here, too
        if token.payload.kind != "unscoped" and not self._config.allow_rescope_scoped_token:
            raise ForbiddenAction(why="You are not authorized to perform the requested action: rescope a scoped token.")
        if is_delegated(self._tokens.caller(token.text)):
            raise ForbiddenAction(why="Using a delegated token to create another token is not allowed.")
        context.parent = token
        for name in ("token", *token.payload.methods):
            context.add(name, token.payload.user_id)

    def _check_application_credential(self, method: ApplicationCredentialMethod, context: AuthContext) -> None:
        with self._sessions.read() as session:
            credential, user = auth_lookups.find_application_credential(session, method) or (None, None)
        if not password_hashing.secret_matches(credential.secret_hash if credential else None, method.secret):
            raise AuthenticationFailed
        assert credential is not None
        if user is None or not user.enabled or is_past(credential.expires_at):
            raise AuthenticationFailed
        context.application_credential, context.user = credential, user
        context.add("application_credential", credential.user_id)

    def _check_oauth1(self, context: AuthContext) -> None:
        """The body proves nothing: a consumer has signed the whole request with an access token."""
        if context.request is None:
            raise AuthenticationFailed
        signature = self._oauth1_verifier.verify(context.request, AccessToken)
        with self._sessions.read() as session:
            token = session.get(AccessToken, signature.token_id)
        if token is None or is_past(token.expires_at):
            raise AuthenticationFailed
        context.access_token = token
        context.add("oauth1", token.user_id)

    def _rehash(self, user: User, password: str) -> None:
        if user.password_hash is None or not password_hashing.needs_rehash(user.password_hash):
            return
        new_hash = password_hashing.hash_password(password)
        with self._sessions.begin() as session:
            user_passwords.replace_hash(session, user, new_hash)
