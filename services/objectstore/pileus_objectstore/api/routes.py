"""Every call with the policy rule that guards it. A call without a rule can't be written."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from pileus_objectstore.api.http import Request, Response
from pileus_objectstore.core.access import Action
from pileus_objectstore.core.tools import Tools

Handler = Callable[[Tools, Request], Response]


@dataclass(frozen=True, slots=True)
class Call:
    """One call. `action` is its policy rule, and whether a container's ACL may grant it, too."""

    method: str
    kind: str
    action: Action
    handler: Handler
    variant: str = ""

    @property
    def policy(self) -> str:
        """The name of the policy rule."""
        return self.action.rule

    @property
    def ignores_version(self) -> bool:
        """Whether the parameter version-id isn't about the call's own target: a copy names its source by it."""
        return self.kind != "object" or (self.method == "PUT" and self.variant != "")


class Calls:
    """The calls on one kind of target: account, container or object."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.calls: list[Call] = []

    def endpoint(self, method: str, *, policy: str, acl: str = "", variant: str = "") -> Callable[[Handler], Handler]:
        """Declare a call. A variant is a call of the same method that a header or a parameter selects."""

        def wrap(handler: Handler) -> Handler:
            self.calls.append(Call(method, self.kind, Action(policy, acl), handler, variant))
            return handler

        return wrap


class Routes:
    """All calls of the proxy, by kind of target and method."""

    def __init__(self, groups: Iterable[Calls]) -> None:
        calls = [call for group in groups for call in group.calls]
        self.calls = {(call.kind, call.method): call for call in calls if not call.variant}
        self.variants = {(call.kind, call.method, call.variant): call for call in calls if call.variant}

    def find(self, request: Request) -> Call | None:
        """The call that a request means; None if its method does not exist for its kind of target."""
        kind, method = request.target.kind, request.method
        if method in ("PUT", "DELETE"):
            variant = variant_of(request)
            if variant and (call := self.variants.get((kind, method, variant))):
                return call
        return self.calls.get((kind, method))

    def methods(self, kind: str) -> list[str]:
        """The methods that exist for a kind of target, sorted."""
        return sorted(method for own, method in self.calls if own == kind)


def variant_of(request: Request) -> str:
    """Which variant of PUT or DELETE is meant: "copy", "extract", "manifest" or ""."""
    if request.method == "PUT" and request.target.object and "HTTP_X_COPY_FROM" in request.environ:
        return "copy"
    if not request.environ.get("QUERY_STRING"):
        return ""
    if request.method == "PUT" and "extract-archive" in request.query:
        return "extract"
    wanted = "put" if request.method == "PUT" else "delete"
    return "manifest" if request.query.get("multipart-manifest") == wanted else ""
