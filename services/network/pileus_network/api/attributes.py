"""The attributes of a noun: which may be set when, to what, and who may.

One table a noun replaces a pile of schemas. What a rule of policy.py names (`create_port:fixed_ips`, and below it
`create_port:fixed_ips:ip_address`) is asked when a request sets the attribute to something else than its default.
"""

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import request

from pileus_kit.web import allowed, caller
from pileus_network.api.converters import Converter, text
from pileus_network.api.resources import most_permissive_target
from pileus_network.core.visibility import Viewer
from pileus_network.errors import HTTPBadRequest, PolicyNotAuthorized
from pileus_network.policy import RULES

REQUIRED = object()
DEFAULT_CONVERTER = text()
RULE_NAMES = frozenset(rule.name for rule in RULES)
CHECKED_RULES = RULE_NAMES - {"create_subnet:service_types", "update_subnet:service_types"}
"""OpenStack publishes rules for service types, and doesn't ask them: the attribute isn't marked for it."""
JSON_OBJECT = {(0, 0): {"type": "object"}}
"""The schema that the kit checks; the table checks the rest, with the messages that OpenStack's clients know."""
MAX_BULK = 1000


@dataclass(frozen=True)
class Attribute:
    """`default`: what a POST without it means; REQUIRED if it must be given."""

    convert: Converter = DEFAULT_CONVERTER
    default: Any = None
    allow_post: bool = True
    allow_put: bool = True


READ_ONLY = Attribute(allow_post=False, allow_put=False)
STANDARD_ATTRIBUTES: dict[str, Attribute] = {
    "id": READ_ONLY,
    "status": READ_ONLY,
    "created_at": READ_ONLY,
    "updated_at": READ_ONLY,
    "revision_number": READ_ONLY,
    "tags": READ_ONLY,
    "description": Attribute(text(255), ""),
}
"""What (nearly) every noun has."""


def viewer(services: bool = True) -> Viewer:
    """What the caller may see at all: who isn't even a reader of the project, only what is shared with everybody.

    `services`: whether it is something that other services work with, whosever it is.
    """
    who = caller()
    everything = who.is_admin or (services and "service" in who.roles)
    return Viewer(who.project_id or "" if everything or "reader" in who.roles else "", everything)


class AttributeMap:
    """A noun as requests write it."""

    def __init__(self, noun: str, plural: str, attributes: Mapping[str, Attribute]) -> None:
        self.noun, self.plural = noun, plural
        self.attributes = dict(attributes)

    # -- bodies ----------------------------------------------------------------------------------------------------

    def parse_post(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        """The requests of a POST, one or (`plural` as key) many, defaults filled in, each with its project."""
        if self.plural in body:
            given = body[self.plural]
            if not isinstance(given, list) or not given:
                raise HTTPBadRequest(why="Resources required")
            if len(given) > MAX_BULK:
                raise HTTPBadRequest(why=f"At most {MAX_BULK} {self.plural} can be created at once")
            return [self._parse_one(self._object(self._unwrap(item))) for item in given]
        return [self._parse_one(self._object(body.get(self.noun)))]

    def _unwrap(self, item: Any) -> Any:
        """Some clients wrap each of many as if it were the only one."""
        return item[self.noun] if isinstance(item, dict) and set(item) == {self.noun} else item

    def _object(self, given: Any) -> dict[str, Any]:
        if not isinstance(given, dict):
            raise HTTPBadRequest(why=f"Unable to find '{self.noun}' in request body")
        return given

    def _parse_one(self, given: dict[str, Any]) -> dict[str, Any]:
        given = dict(given)
        requested: dict[str, Any] = {"project_id": pop_project_id(given)}
        self._reject_unknown(given)
        for name, attribute in self.attributes.items():
            if name in given and not attribute.allow_post:
                raise HTTPBadRequest(why=f"Attribute '{name}' not allowed in POST")
            if name in given:
                requested[name] = self._convert(name, given[name])
            elif attribute.default is REQUIRED:
                raise HTTPBadRequest(why=f"Failed to parse request. Required attribute '{name}' not specified")
            elif attribute.allow_post:
                requested[name] = copy.copy(attribute.default)
        return requested

    def parse_put(self, body: dict[str, Any]) -> dict[str, Any]:
        """The requested of a PUT: only what it names."""
        given = self._object(body.get(self.noun))
        self._reject_unknown(given)
        for name in given:
            if name in ("project_id", "tenant_id") or not self.attributes[name].allow_put:
                raise HTTPBadRequest(why=f"Cannot update read-only attribute {name}")
        return {name: self._convert(name, value) for name, value in given.items()}

    def _reject_unknown(self, given: Mapping[str, Any]) -> None:
        unknown = [name for name in given if name not in self.attributes and name not in ("project_id", "tenant_id")]
        if unknown:
            raise HTTPBadRequest(why=f"Unrecognized attribute(s) '{', '.join(unknown)}'")

    def _convert(self, name: str, value: Any) -> Any:
        try:
            return self.attributes[name].convert(value)
        except ValueError as err:
            raise HTTPBadRequest(why=f"Invalid input for {name}. Reason: {err}.") from None

    # -- rights ----------------------------------------------------------------------------------------------------

    def authorize(self, action: str, target: Mapping[str, Any], requested: Mapping[str, Any] | None = None) -> None:
        """Ask the rule of the action, and those of the attributes that the requested sets."""
        authorize(f"{action}_{self.noun}", target)
        for name, value in (requested or {}).items():
            rule = f"{action}_{self.noun}:{name}"
            if rule in CHECKED_RULES and (action == "update" or value != self.attributes[name].default):
                authorize(rule, target)
                self._authorize_parts(rule, value, target)

    def _authorize_parts(self, rule: str, value: Any, target: Mapping[str, Any]) -> None:
        parts: Iterable[Any] = value if isinstance(value, list) else [value]
        for key in {key for part in parts if isinstance(part, dict) for key in part}:
            if f"{rule}:{key}" in RULE_NAMES:
                authorize(f"{rule}:{key}", target)

    def hidden_attributes(self) -> frozenset[str]:
        """Attributes that the caller may not see."""
        rules = {name: f"get_{self.noun}:{name}" for name in self.attributes}
        return frozenset(
            name for name, rule in rules.items() if rule in RULE_NAMES and not allowed(rule, most_permissive_target())
        )

    def select_fields(self, views: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Leave out what the caller may not see, and what `fields` in the query doesn't name."""
        hidden, fields = self.hidden_attributes(), set(request.args.getlist("fields"))
        for view in views:
            for name in hidden:
                view.pop(name, None)
        if not fields:
            return views
        return [{name: value for name, value in view.items() if name in fields} for view in views]

    def post_response(self, body: dict[str, Any], views: list[dict[str, Any]]) -> dict[str, Any]:
        """The answer to a POST, in the form of its body."""
        shown = self.select_fields(views)
        return {self.plural: shown} if self.plural in body else {self.noun: shown[0]}

    def response(self, view: dict[str, Any]) -> dict[str, Any]:
        return {self.noun: self.select_fields([view])[0]}


def authorize(rule: str, target: Mapping[str, Any]) -> None:
    if not allowed(rule, target):
        raise PolicyNotAuthorized(rule=rule)


def pop_project_id(given: dict[str, Any]) -> str:
    """Take the project out of a body: the caller's own, or for an administrator another one."""
    found = [given.pop(name, None) for name in ("project_id", "tenant_id")]
    named = [value for value in found if value is not None]
    if any(not isinstance(value, str) or len(value) > 255 for value in named):
        raise HTTPBadRequest(why="Invalid input for project_id. Reason: it is not a valid string.")
    if len(set(named)) > 1:
        raise HTTPBadRequest(why="'project_id' and 'tenant_id' do not match")
    own = caller().project_id or ""
    wanted: str = named[0] if named else own
    if wanted != own and not viewer().sees_everything:
        raise HTTPBadRequest(
            why="Specifying 'project_id' or 'tenant_id' other than the authenticated project in request requires "
            "admin privileges"
        )
    if not wanted:
        raise HTTPBadRequest(why="Running without a project: the request must name one as 'project_id'")
    return wanted


def owner_target(row: Any, **more: Any) -> dict[str, Any]:
    """The policy target of a row."""
    return {"project_id": row.project_id, "tenant_id": row.project_id} | more
