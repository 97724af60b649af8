"""`POST .../action`: the body's one key says what to do; each action has its own policy rule and schema."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pileus_kit.microversions import Version
from pileus_kit.schema import Checked
from pileus_kit.web import enforce, version
from pileus_volume.errors import Invalid

BODY: dict[Version, dict[str, Any]] = {(3, 0): {"type": "object", "minProperties": 1, "maxProperties": 1}}
Handler = Callable[[str, Any], Any]


@dataclass(frozen=True)
class Action:
    policy: str
    do: Handler
    schema: Checked
    since: Version


class Actions:
    """The actions of one noun."""

    def __init__(self) -> None:
        self.table: dict[str, Action] = {}

    def action(
        self, name: str, policy: str, schema: dict[str, Any] | None = None, since: Version = (3, 0)
    ) -> Callable[[Handler], Handler]:
        """`schema` is of what stands under the name; without one it says nothing and is null or empty."""
        inner = schema or {"anyOf": [{"type": "null"}, {"type": "object"}, {"type": "string", "maxLength": 255}]}
        whole = {"type": "object", "properties": {name: inner}, "required": [name], "additionalProperties": False}

        def wrap(handler: Handler) -> Handler:
            self.table[name] = Action(policy, handler, Checked({(3, 0): whole}), since)
            return handler

        return wrap

    def run(self, subject: str, body: dict[str, Any]) -> Any:
        """Raises 400 for an action that there is not."""
        name = next(iter(body))
        action = self.table.get(name)
        if action is None or version() < action.since:
            raise Invalid(why=f"There is no such action: {name[:80]}")
        enforce(action.policy)
        action.schema.check(body, version(), "body")
        return action.do(subject, body[name])
