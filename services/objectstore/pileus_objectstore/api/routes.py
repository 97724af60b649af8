"""Every call with the rule that guards it. A call without a rule can't be written; `acl` says whether a container's
ACL may grant it, too."""

from collections.abc import Callable
from dataclasses import dataclass

from pileus_objectstore.api.http import Request, Response
from pileus_objectstore.api.tools import Tools

Handler = Callable[[Tools, Request], Response]


@dataclass(frozen=True)
class Call:
    method: str
    kind: str
    policy: str
    acl: str
    handler: Handler


class Calls:
    """The calls on one kind of thing: account, container or object."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.table: dict[str, Call] = {}

    def endpoint(self, method: str, *, policy: str, acl: str = "") -> Callable[[Handler], Handler]:
        def wrap(handler: Handler) -> Handler:
            self.table[method] = Call(method, self.kind, policy, acl, handler)
            return handler

        return wrap
