"""What handlers ask about the request that they answer: its caller, microversion, tools, and what the caller may do."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from flask import current_app, g

from pileus_kit import context
from pileus_kit.auth import Caller
from pileus_kit.errors import Forbidden
from pileus_kit.microversions import Version

T = TypeVar("T")


def caller() -> Caller:
    """Return the caller. There is none in a public route."""
    found: Caller = g.caller
    return found


def version() -> Version:
    """Return the request's microversion; (0, 0) in an API without any."""
    found: Version = g.version
    return found


def request_id() -> str:
    """Return the request's id, which is also in its answer's headers and in every line of its log."""
    return context.request_id.get()


def tools_of(kind: type[T]) -> Callable[[], T]:
    """Return a typed accessor of what the service's application was built with: `tools = tools_of(Tools)`."""

    def typed_tools() -> T:
        found: T = current_app.extensions["pileus"]
        return found

    return typed_tools


def allowed(rule: str, target: Mapping[str, Any] | None = None) -> bool:
    """Whether the caller may do what the rule guards with `target`; without one, in the caller's own scope."""
    return bool(current_app.extensions["pileus_enforcer"].allows(rule, caller(), target))


def enforce(rule: str, target: Mapping[str, Any] | None = None) -> None:
    """Raise Forbidden unless the caller is `allowed`. A target comes from the database, never from the request."""
    if not allowed(rule, target):
        raise Forbidden(rule=rule)


def add_audit_facts(**facts: object) -> None:
    """Add facts to the audit's line about this request, such as the user that logged in. They must not be secret."""
    g.facts.update(facts)
