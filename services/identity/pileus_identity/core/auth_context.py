"""What the methods of one login have proven so far."""

from dataclasses import dataclass, field

from pileus_identity.core.oauth1_signatures import SignedRequest
from pileus_identity.core.tokens import Token
from pileus_identity.db.models import AccessToken, ApplicationCredential, User
from pileus_identity.errors import AuthenticationFailed


@dataclass
class AuthContext:
    """Filled in by the authentication methods, one after the other."""

    source: str = ""  # the caller's address
    request: SignedRequest | None = None  # the HTTP request, for the method that verifies its signature
    user_id: str = ""
    methods: list[str] = field(default_factory=list)
    user: User | None = None
    parent: Token | None = None  # from which the new token is made
    application_credential: ApplicationCredential | None = None
    access_token: AccessToken | None = None

    def add(self, method: str, user_id: str) -> None:
        """Note that a method has succeeded. Raises AuthenticationFailed if another one has proven another user."""
        if self.user_id and self.user_id != user_id:
            raise AuthenticationFailed
        self.user_id = user_id
        if method not in self.methods:
            self.methods.append(method)
