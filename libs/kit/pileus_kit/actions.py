"""Tables of actions: `POST …/action`, whose body's only key says what to do.

Each action has its own policy rule, its own schema for each microversion, and the microversions that know it. A service
makes a table for each noun; `Handler` is how its handlers are called, and `Options` is a frozen dataclass of what the
service's route has to know besides, None where that is nothing:

    actions: ActionTable[Handler, ActionOptions] = ActionTable(ActionOptions(), error=BadRequest)

    @actions.action("os-extend", policy="volume:extend", schema=EXTEND)
    def extend(volume_id: str, value: JsonObject) -> Answer: ...

    @resource.endpoint("POST", "/<volume_id>/action", policy=…, body=ONE_ACTION, actions=actions)
    def act(volume_id: str, body: JsonObject) -> Answer:
        asked = actions.resolve(body, target)
        return asked.action.handler(volume_id, asked.value)

`pileus_kit.web.create_app` refuses to start with an action whose policy rule doesn't exist.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pileus_kit.errors import BadRequest, CloudError
from pileus_kit.microversions import Version
from pileus_kit.schema import Checked, Schemas
from pileus_kit.web import enforce, version

Handler = TypeVar("Handler", bound=Callable[..., Any])
Options = TypeVar("Options")

ONE_ACTION: dict[str, Any] = {"type": "object", "minProperties": 1, "maxProperties": 1}
"""The schema of the body as a whole, which the route checks; the rest is the action's own."""
MAX_QUOTED_CHARACTERS = 80


@dataclass(frozen=True)
class Action(Generic[Handler, Options]):
    """One entry of a table. `schema` describes the whole body; None accepts any value."""

    name: str
    policy: str
    handler: Handler
    options: Options
    schema: Checked | None = None
    since: Version | None = None
    until: Version | None = None

    def is_known_at(self, asked: Version) -> bool:
        """Whether this action exists in that microversion."""
        return (self.since is None or asked >= self.since) and (self.until is None or asked <= self.until)


@dataclass(frozen=True)
class Request(Generic[Handler, Options]):
    """What a checked body asks for: the action, and the value under its name."""

    action: Action[Handler, Options]
    value: Any


class ActionTable(Generic[Handler, Options]):
    """The actions of one noun, by name. A name may stand for one action up to a microversion and another after it."""

    def __init__(
        self,
        options: Options,
        *,
        error: type[CloudError] = BadRequest,
        unknown: str = "There is no such action: {name}",
    ) -> None:
        """`options` are those of an action that states none. `error` and `unknown` refuse a name that isn't known."""
        self._options, self._error, self._unknown = options, error, unknown
        self._actions: dict[str, list[Action[Handler, Options]]] = {}

    def action(
        self,
        name: str,
        *,
        policy: str,
        schemas: Schemas | None = None,
        schema: Mapping[str, Any] | None = None,
        since: Version | None = None,
        until: Version | None = None,
        options: Options | None = None,
    ) -> Callable[[Handler], Handler]:
        """Declare the decorated handler as an action.

        `schemas` describe the whole body for each microversion, as OpenStack documents it; `schema` describes only
        the value under the name, for all of them. Raises ValueError for a second action of the same microversions.
        """
        checked = Checked(schemas) if schemas else Checked(whole_body(name, schema)) if schema else None

        def declare(handler: Handler) -> Handler:
            chosen = self._options if options is None else options
            added = Action(name, policy, handler, chosen, checked, since, until)
            for known in self._actions.get(name, ()):
                if _overlap(known, added):
                    raise ValueError(f"the action {name} is declared twice")
            self._actions.setdefault(name, []).append(added)
            return handler

        return declare

    def __iter__(self) -> Iterator[Action[Handler, Options]]:
        for actions in self._actions.values():
            yield from actions

    def find(self, name: str, asked: Version) -> Action[Handler, Options]:
        """Return the action of that name in that microversion. Raises the table's error if there is none."""
        for action in self._actions.get(name, ()):
            if action.is_known_at(asked):
                return action
        raise self._error(why=self._unknown.format(name=name[:MAX_QUOTED_CHARACTERS]))

    def resolve(self, body: Mapping[str, Any], target: Mapping[str, Any] | None = None) -> Request[Handler, Options]:
        """Return what a body with exactly one key asks for, in the request's microversion.

        Raises the table's error for an unknown action, Forbidden if the caller may not run it on `target` (the
        caller's own scope without one), and BadRequest if the body doesn't match its schema, in this order.
        """
        ((name, value),) = body.items()
        action = self.find(name, version())
        enforce(action.policy, target)
        if action.schema:
            action.schema.check(body, version(), "body")
        return Request(action, value)


def whole_body(name: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema of {name: value} whose value has this schema."""
    return {"type": "object", "properties": {name: schema}, "required": [name], "additionalProperties": False}


def _overlap(one: Action[Any, Any], other: Action[Any, Any]) -> bool:
    """Whether there is a microversion in which both actions exist."""
    first, second = sorted((one, other), key=lambda action: action.since or (0, 0))
    return first.until is None or (second.since or (0, 0)) <= first.until
