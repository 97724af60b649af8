"""What `POST /v3/auth/tokens` asks for, parsed once: the methods with their proofs, and the wanted scope."""

from dataclasses import dataclass, field

from pileus_kit import decoding
from pileus_kit.json_types import JsonObject

SCOPE_KINDS = {"project", "domain", "OS-TRUST:trust", "system"}


@dataclass(frozen=True)
class DomainReference:
    """A domain by id or by name."""

    id: str | None = None
    name: str | None = None


@dataclass(frozen=True)
class Reference:
    """A user or project: by id, or by name and domain."""

    id: str | None = None
    name: str | None = None
    domain: DomainReference | None = None


@dataclass(frozen=True)
class PasswordProof(Reference):
    """A user and their password."""

    password: str = field(default="", repr=False)


@dataclass(frozen=True)
class TotpProof(Reference):
    """A user and a one-time code of theirs."""

    passcode: str = field(default="", repr=False)


@dataclass(frozen=True)
class PasswordMethod:
    """The method `password`."""

    user: PasswordProof


@dataclass(frozen=True)
class TotpMethod:
    """The method `totp`."""

    user: TotpProof


@dataclass(frozen=True)
class TokenMethod:
    """The method `token`."""

    id: str = field(repr=False)


@dataclass(frozen=True)
class ApplicationCredentialMethod:
    """The method `application_credential`: its id, or its name and user."""

    secret: str = field(repr=False)
    id: str | None = None
    name: str | None = None
    user: Reference | None = None


@dataclass(frozen=True)
class IdentityRequest:
    """How the user authenticates."""

    methods: tuple[str, ...]
    password: PasswordMethod | None = None
    totp: TotpMethod | None = None
    token: TokenMethod | None = None
    application_credential: ApplicationCredentialMethod | None = None


@dataclass(frozen=True)
class ScopeRequest:
    """The scope that a token is wanted for."""

    kinds: frozenset[str]  # the keys that were given: exactly one is right
    project: Reference | None = None
    domain: DomainReference | None = None
    trust_id: str | None = None
    whole_system: bool = False

    @classmethod
    def parse(cls, body: JsonObject) -> "ScopeRequest":
        """Read a scope that the schema has checked."""
        project, domain = body.get("project"), body.get("domain")
        return cls(
            kinds=frozenset(body),
            project=None if project is None else decoding.convert(project, Reference),
            domain=None if domain is None else decoding.convert(domain, DomainReference),
            trust_id=body.get("OS-TRUST:trust", {}).get("id"),
            whole_system=body.get("system", {}).get("all") is True,
        )


@dataclass(frozen=True)
class AuthRequest:
    """A whole request for a token."""

    identity: IdentityRequest
    given_methods: frozenset[str]  # the keys of `identity`
    scope: ScopeRequest | None = None  # None with `unscoped`, or if none was given
    unscoped: bool = False  # no scope was asked for explicitly

    @property
    def names_scope(self) -> bool:
        """Whether the request says anything about the scope; without it the user's default project is meant."""
        return self.unscoped or self.scope is not None

    @classmethod
    def parse(cls, auth: JsonObject) -> "AuthRequest":
        """Read the `auth` of a body that the schema has checked."""
        scope = auth.get("scope")
        unscoped = scope is not None and (scope == "unscoped" or "unscoped" in scope)
        return cls(
            identity=decoding.convert(auth["identity"], IdentityRequest),
            given_methods=frozenset(auth["identity"]),
            scope=None if scope is None or unscoped else ScopeRequest.parse(scope),
            unscoped=unscoped,
        )
