"""What this process is made of, handed to every request."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from pileus_identity.config import Config
from pileus_identity.core import keys, ledger
from pileus_identity.core.keys import KeyRing
from pileus_identity.core.logins import Logins
from pileus_identity.core.signed_requests import Signers
from pileus_identity.core.tokens import Tokens
from pileus_identity.errors import TokenNotFound
from pileus_kit.auth import Caller
from pileus_kit.db import Sessions
from pileus_kit.errors import Unauthorized

TOKEN_KEYS = "fernet-keys"  # noqa: S105  (a folder)
CREDENTIAL_KEYS = "credential-keys"
PRUNE_EVERY = 500  # changes


class Tools:
    def __init__(self, config: Config, sessions: Sessions) -> None:
        for folder in (TOKEN_KEYS, CREDENTIAL_KEYS):
            keys.prepare(config.path(folder))
        self.config = config
        self.sessions = sessions
        self.tokens = Tokens(sessions, KeyRing(config.path(TOKEN_KEYS)), config.token_seconds)
        self.credential_keys = KeyRing(config.path(CREDENTIAL_KEYS))
        self.signers = Signers(sessions, self.credential_keys)
        self.logins = Logins(config, sessions, self.tokens, self.credential_keys, self.signers)
        self._changes = 0

    @contextmanager
    def change(self) -> Iterator[Session]:
        """A write transaction; what it puts into the ledger is heeded here before anything else is answered."""
        with self.sessions.begin() as session:
            yield session
            changed = session.info.pop(ledger.CHANGED, False)
            if changed:
                self._changes += 1
                if self._changes % PRUNE_EVERY == 0:
                    ledger.prune(session, self.config.token_seconds)
        if changed:
            self.tokens.standings.ledger.touch()

    def authenticate(self, token: str) -> Caller:
        """Who sends a request with this token; identity asks itself, without HTTP."""
        try:
            return self.tokens.caller(token)
        except TokenNotFound:
            raise Unauthorized from None
