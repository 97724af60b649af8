"""Bucket policies: documents of statements that allow or deny actions to principals. An explicit deny wins.

Source: Amazon S3 User Guide, "Bucket policies and user policies"; AWS IAM User Guide, "Policy evaluation logic".
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache

import msgspec

from pileus_kit import decoding
from pileus_kit.errors import BadRequest
from pileus_objectstore.core import policy_conditions
from pileus_objectstore.core.policy_conditions import Condition, Facts
from pileus_objectstore.core.policy_patterns import matcher

MAX_BYTES = 20 << 10  # as in S3
MAX_PATTERNS = 1000  # of all statements together: each request is compared with them
KEEP_PARSED = 256
VERSIONS = ("2012-10-17", "2008-10-17")
RESOURCE = "arn:aws:s3:::"
ACTION = re.compile(r"\*|s3:[A-Za-z*?]+")
PRINCIPAL = re.compile(r"arn:aws:iam::([\w$-]*):(root|user/([\w./@-]+))|([\w-]+)")


class PolicyWrong(BadRequest):
    """The document is not a bucket policy, or one that means something else than its bucket."""

    text = "{why}"


class Effect(Enum):
    """What a policy says about a request."""

    NONE = "none"
    DENY = "deny"
    ALLOW = "allow"
    ALLOW_PROJECT = "allow project"
    """The caller's project is allowed; its own roles say who in it may."""


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks; both are '' for the public."""

    project: str = ""
    user: str = ""


class _Statement(msgspec.Struct, forbid_unknown_fields=True, rename="pascal"):
    """A statement as it is written."""

    effect: str
    sid: str = ""
    principal: str | dict[str, str | list[str]] | None = None
    not_principal: str | dict[str, str | list[str]] | None = None
    action: str | list[str] | None = None
    not_action: str | list[str] | None = None
    resource: str | list[str] | None = None
    not_resource: str | list[str] | None = None
    condition: dict[str, dict[str, str | bool | int | float | list[str | bool | int | float]]] = {}


class _Document(msgspec.Struct, forbid_unknown_fields=True, rename="pascal"):
    """A policy as it is written."""

    statement: _Statement | list[_Statement]
    version: str = "2008-10-17"
    id: str = ""


@dataclass(frozen=True, slots=True)
class Statement:
    """A statement that can be asked. The `not_…` flags are whether its lists are exceptions."""

    allows: bool
    principals: tuple[str, ...]
    not_principal: bool
    actions: tuple[Callable[[str], bool], ...]
    not_action: bool
    resources: tuple[Callable[[str], bool], ...]
    not_resource: bool
    conditions: tuple[Condition, ...]

    def effect(self, principal: Principal, action: str, resource: str, facts: Facts) -> Effect:
        """What it says about a request; NONE if it isn't about it."""
        named = self._names(principal)
        about = (
            (named is not Effect.NONE)
            and any(test(action.lower()) for test in self.actions) != self.not_action
            and any(test(resource) for test in self.resources) != self.not_resource
            and all(condition.holds(facts) for condition in self.conditions)
        )
        if not about:
            return Effect.NONE
        return named if self.allows else Effect.DENY

    def _names(self, principal: Principal) -> Effect:
        """Whether it means this principal: directly, or only as one of its project."""
        direct = "*" in self.principals
        direct |= bool(principal.user) and f"{principal.project}/{principal.user}" in self.principals
        direct |= bool(principal.user) and f"/{principal.user}" in self.principals
        project = bool(principal.project) and principal.project in self.principals
        if self.not_principal:
            return Effect.NONE if direct or project else Effect.ALLOW
        return Effect.ALLOW if direct else Effect.ALLOW_PROJECT if project else Effect.NONE

    @property
    def public(self) -> bool:
        """Whether it allows something to everyone."""
        return (
            self.allows
            and ("*" in self.principals) != self.not_principal
            and not any(condition.fixes for condition in self.conditions)
        )


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy that can be asked."""

    statements: tuple[Statement, ...]

    @property
    def public(self) -> bool:
        """Whether it allows something to everyone."""
        return any(statement.public for statement in self.statements)

    def effect(self, principal: Principal, action: str, resource: str, facts: Facts) -> Effect:
        """What it says about a request: a deny wins, then a direct allow. `resource` is `bucket` or `bucket/key`."""
        found = {one.effect(principal, action, resource, facts) for one in self.statements}
        return next((one for one in (Effect.DENY, Effect.ALLOW, Effect.ALLOW_PROJECT) if one in found), Effect.NONE)


def check(text: bytes, bucket: str) -> str:
    """Return a policy that a client sent as text to store. Raises PolicyWrong."""
    if len(text) > MAX_BYTES:
        raise PolicyWrong(why=f"A bucket policy may have at most {MAX_BYTES} bytes.")
    try:
        decoded = text.decode()
    except UnicodeDecodeError:
        raise PolicyWrong(why="Policies must be valid JSON and the first byte must be '{'") from None
    for resource in _resources(_read(decoded)):
        name = resource.removeprefix(RESOURCE).partition("/")[0]
        if not resource.startswith(RESOURCE) or not (name == "*" or matcher(name)(bucket)):
            raise PolicyWrong(why="Policy has invalid resource")
    parse(decoded)
    return decoded


@lru_cache(KEEP_PARSED)
def parse(text: str) -> Policy:
    """Read a policy. Raises PolicyWrong."""
    document = _read(text)
    if document.version not in VERSIONS:
        raise PolicyWrong(why="The policy must contain a valid version string")
    statements = tuple(_statement(one) for one in _statements(document))
    if not statements:
        raise PolicyWrong(why="Missing required field Statement")
    patterns = sum(len(s.actions) + len(s.resources) + sum(len(c.values) for c in s.conditions) for s in statements)
    if patterns > MAX_PATTERNS:
        raise PolicyWrong(why=f"A bucket policy may have at most {MAX_PATTERNS} actions, resources and values.")
    return Policy(statements)


def _read(text: str) -> _Document:
    try:
        return decoding.decode(text, _Document)
    except (msgspec.DecodeError, RecursionError) as err:
        why = str(err) if isinstance(err, msgspec.ValidationError) else "This policy contains invalid Json"
        raise PolicyWrong(why=why) from None


def _statements(document: _Document) -> list[_Statement]:
    return document.statement if isinstance(document.statement, list) else [document.statement]


def _resources(document: _Document) -> list[str]:
    return [
        resource
        for one in _statements(document)
        for resource in _list(one.resource if one.resource is not None else one.not_resource)
    ]


def _statement(given: _Statement) -> Statement:
    if given.effect not in ("Allow", "Deny"):
        raise PolicyWrong(why=f"Invalid effect: {given.effect}")
    for name, one, other in (
        ("Principal", given.principal, given.not_principal),
        ("Action", given.action, given.not_action),
        ("Resource", given.resource, given.not_resource),
    ):
        if (one is None) == (other is None):
            raise PolicyWrong(why=f"A statement needs one of {name} and Not{name}")
    if given.effect == "Allow" and given.not_principal is not None:
        raise PolicyWrong(why="Allow with NotPrincipal is not allowed.")
    actions = _list(given.action if given.action is not None else given.not_action)
    resources = _list(given.resource if given.resource is not None else given.not_resource)
    principals = _principals(given.principal if given.principal is not None else given.not_principal)
    if not actions or not all(ACTION.fullmatch(action) for action in actions):
        raise PolicyWrong(why="Policy has invalid action")
    if not resources or any("${" in resource for resource in resources):
        raise PolicyWrong(why="Policy has invalid resource; policy variables are not offered")
    return Statement(
        given.effect == "Allow",
        principals,
        given.not_principal is not None,
        tuple(matcher(action.lower()) for action in actions),
        given.not_action is not None,
        tuple(matcher(resource.removeprefix(RESOURCE)) for resource in resources),
        given.not_resource is not None,
        policy_conditions.parse(
            {
                operator: {key: tuple(_word(v) for v in _many(values)) for key, values in keys.items()}
                for operator, keys in given.condition.items()
            }
        ),
    )


def _principals(given: str | dict[str, str | list[str]] | None) -> tuple[str, ...]:
    """Return principals as `*`, `PROJECT`, `PROJECT/USER` or `/USER` (a user of whichever project)."""
    if isinstance(given, str):
        if given != "*":
            raise PolicyWrong(why="Invalid principal in policy")
        return ("*",)
    found = []
    for kind, names in (given or {}).items():
        if kind not in ("AWS", "CanonicalUser", "Service", "Federated"):
            raise PolicyWrong(why="Invalid principal in policy")
        for name in _list(names) if kind in ("AWS", "CanonicalUser") else ():
            match = PRINCIPAL.fullmatch(name)
            if name == "*":
                found.append("*")
            elif match is None or match.group(1) == "" == (match.group(3) or ""):
                raise PolicyWrong(why=f"Invalid principal in policy: {name}")
            else:
                project, _, user, alone = match.groups()
                found.append(f"{project}/{user}" if user else project or alone)
    if not given:
        raise PolicyWrong(why="Invalid principal in policy")
    return tuple(found)


def _list(given: str | list[str] | None) -> list[str]:
    return [given] if isinstance(given, str) else given or []


def _many(given: str | bool | int | float | list[str | bool | int | float]) -> Sequence[str | bool | int | float]:
    return given if isinstance(given, list) else [given]


def _word(value: str | bool | int | float) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)
