"""What the API process is built from, handed to every request."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from pileus_identity.config import Config
from pileus_identity.core import deleted_projects, fernet_keys, revocations
from pileus_identity.core.auth_methods import AuthMethods
from pileus_identity.core.authentication import Authentication
from pileus_identity.core.ec2_signatures import AccessKeyVerifier
from pileus_identity.core.fernet_keys import KeyRing
from pileus_identity.core.oauth1_signatures import OAuth1Verifier
from pileus_identity.core.tokens import TokenProvider
from pileus_identity.errors import TokenNotFound
from pileus_kit.auth import Caller
from pileus_kit.db import Sessions
from pileus_kit.errors import Unauthorized

TOKEN_KEYS = "fernet-keys"  # noqa: S105  (a folder)
CREDENTIAL_KEYS = "credential-keys"
PRUNE_EVERY_CHANGES = 500


class Tools:
    """The configuration, the database, the keys, and what issues tokens and verifies proofs."""

    def __init__(self, config: Config, sessions: Sessions) -> None:
        for folder in (TOKEN_KEYS, CREDENTIAL_KEYS):
            fernet_keys.prepare(config.path(folder))
        self.config = config
        self.sessions = sessions
        self.tokens = TokenProvider(sessions, KeyRing(config.path(TOKEN_KEYS)), config.token_expiration_s)
        self.credential_keys = KeyRing(config.path(CREDENTIAL_KEYS))
        self.oauth1_verifier = OAuth1Verifier(sessions, self.credential_keys)
        self.access_key_verifier = AccessKeyVerifier(sessions, self.credential_keys)
        methods = AuthMethods(config, sessions, self.tokens, self.credential_keys, self.oauth1_verifier)
        self.authentication = Authentication(sessions, self.tokens, methods)
        self._changes = 0

    @contextmanager
    def change(self) -> Iterator[Session]:
        """A write transaction. The events that it records take effect in this process before the next answer."""
        with self.sessions.begin() as session:
            yield session
            changed = session.info.pop(revocations.CHANGED, False)
            if changed:
                self._changes += 1
                if self._changes % PRUNE_EVERY_CHANGES == 0:
                    revocations.prune(session, self.config.token_expiration_s)
                    deleted_projects.prune(session)
        if changed:
            self.tokens.authorizations.revocation_log.mark_changed()

    def authenticate(self, token: str) -> Caller:
        """The caller with this token. Identity validates it itself, without HTTP. Raises Unauthorized."""
        try:
            return self.tokens.caller(token)
        except TokenNotFound:
            raise Unauthorized from None
