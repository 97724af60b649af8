"""The attributes of a resource: which may be set when, to what, and by whom.

One table for each resource replaces a pile of schemas. An attribute rule of policy.py (`create_port:fixed_ips`, and
below it `create_port:fixed_ips:ip_address`) is checked when a request sets the attribute to a value that isn't its
default.
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from flask import request

from pileus_kit.json_types import JsonObject
from pileus_kit.web import allowed, caller
from pileus_network.api.converters import Converter, text
from pileus_network.api.resources import most_permissive_target
from pileus_network.core.visibility import Viewer
from pileus_network.errors import HTTPBadRequest, PolicyNotAuthorized
from pileus_network.policy import RULES

Create = TypeVar("Create")
Update = TypeVar("Update")
REQUIRED = object()
DEFAULT_CONVERTER = text()
RULE_NAMES = frozenset(rule.name for rule in RULES)
CHECKED_RULES = RULE_NAMES - {"create_subnet:service_types", "update_subnet:service_types"}
"""OpenStack publishes rules for service types, but doesn't enforce them: the attribute isn't marked for it."""
JSON_OBJECT = {(0, 0): {"type": "object"}}
"""The schema that the kit checks. The table checks the rest, with the messages that OpenStack's clients know."""
MAX_BULK = 1000
PROJECT_NAMES = ("project_id", "tenant_id")


@dataclass(frozen=True)
class Attribute:
    """`default` is what a POST without the attribute means; REQUIRED if the attribute must be given."""

    convert: Converter = DEFAULT_CONVERTER
    default: object = None
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
"""Attributes that (nearly) every resource has."""


def viewer(services: bool = True) -> Viewer:
    """Return whose rows the caller sees: a caller without the role reader sees what is shared with everyone.

    `services`: whether other services work with this resource on behalf of any project, and therefore see all of it.
    """
    who = caller()
    sees_everything = who.is_admin or (services and "service" in who.roles)
    return Viewer(who.project_id or "" if sees_everything or "reader" in who.roles else "", sees_everything)


def field_name(attribute: str) -> str:
    """The name that an attribute (`binding:host_id`) has as a field of a request (`binding_host_id`)."""
    return attribute.replace(":", "_")


class AttributeMap(Generic[Create, Update]):
    """Parses the requests that create (POST) and update (PUT) a resource, checks their rules, and shapes answers.

    `create` and `update` make the typed request of the converted attributes.
    """

    def __init__(
        self,
        noun: str,
        plural: str,
        attributes: Mapping[str, Attribute],
        create: Callable[..., Create],
        update: Callable[..., Update],
    ) -> None:
        self.noun, self.plural = noun, plural
        self.attributes = dict(attributes)
        self._create, self._update = create, update

    # -- bodies ----------------------------------------------------------------------------------------------------

    def parse_post(self, body: JsonObject) -> list[Create]:
        """Return the requests of a POST, one or (with the plural as key) many, defaults filled in."""
        if self.plural in body:
            given = body[self.plural]
            if not isinstance(given, list) or not given:
                raise HTTPBadRequest(why="Resources required")
            if len(given) > MAX_BULK:
                raise HTTPBadRequest(why=f"At most {MAX_BULK} {self.plural} can be created at once")
            return [self._parse_one(self._object(self._unwrap(item))) for item in given]
        return [self._parse_one(self._object(body.get(self.noun)))]

    def _unwrap(self, item: object) -> object:
        """Some clients wrap each of many as if it were the only one."""
        return item[self.noun] if isinstance(item, dict) and set(item) == {self.noun} else item

    def _object(self, given: object) -> JsonObject:
        if not isinstance(given, dict):
            raise HTTPBadRequest(why=f"Unable to find '{self.noun}' in request body")
        return given

    def _parse_one(self, given: JsonObject) -> Create:
        given = dict(given)
        values: dict[str, object] = {"project_id": pop_project_id(given)}
        self._reject_unknown(given)
        for name, attribute in self.attributes.items():
            if name in given and not attribute.allow_post:
                raise HTTPBadRequest(why=f"Attribute '{name}' not allowed in POST")
            if name in given:
                values[field_name(name)] = self._convert(name, given[name])
            elif attribute.default is REQUIRED:
                raise HTTPBadRequest(why=f"Failed to parse request. Required attribute '{name}' not specified")
            elif attribute.allow_post:
                values[field_name(name)] = copy.copy(attribute.default)
        return self._create(**values)

    def parse_put(self, body: JsonObject) -> Update:
        """Return the request of a PUT, which has only the attributes that the body names."""
        given = self._object(body.get(self.noun))
        self._reject_unknown(given)
        for name in given:
            if name in PROJECT_NAMES or not self.attributes[name].allow_put:
                raise HTTPBadRequest(why=f"Cannot update read-only attribute {name}")
        return self._update(**{field_name(name): self._convert(name, value) for name, value in given.items()})

    def _reject_unknown(self, given: Mapping[str, object]) -> None:
        unknown = [name for name in given if name not in self.attributes and name not in PROJECT_NAMES]
        if unknown:
            raise HTTPBadRequest(why=f"Unrecognized attribute(s) '{', '.join(unknown)}'")

    def _convert(self, name: str, value: object) -> object:
        try:
            return self.attributes[name].convert(value)
        except ValueError as err:
            raise HTTPBadRequest(why=f"Invalid input for {name}. Reason: {err}.") from None

    # -- rules -----------------------------------------------------------------------------------------------------

    def authorize_create(self, target: Mapping[str, object], requested: Create) -> None:
        """Check the rule of creation, and those of the attributes that aren't the defaults."""
        authorize(f"create_{self.noun}", target)
        for name, value in self._named(vars(requested)):
            if value != self.attributes[name].default:
                self._authorize_attribute(f"create_{self.noun}:{name}", value, target)

    def authorize_update(self, target: Mapping[str, object], requested: Mapping[str, object]) -> None:
        """Check the rule of the update, and those of the attributes that it names."""
        authorize(f"update_{self.noun}", target)
        for name, value in self._named(requested):
            self._authorize_attribute(f"update_{self.noun}:{name}", value, target)

    def authorize_delete(self, target: Mapping[str, object]) -> None:
        authorize(f"delete_{self.noun}", target)

    def _named(self, values: Mapping[str, object]) -> Iterator[tuple[str, object]]:
        for name in self.attributes:
            if field_name(name) in values:
                yield name, values[field_name(name)]

    def _authorize_attribute(self, rule: str, value: object, target: Mapping[str, object]) -> None:
        if rule not in CHECKED_RULES:
            return
        authorize(rule, target)
        parts: Iterable[object] = value if isinstance(value, list) else [value]
        for key in {key for part in parts if isinstance(part, dict) for key in part}:
            if f"{rule}:{key}" in RULE_NAMES:
                authorize(f"{rule}:{key}", target)

    # -- answers ---------------------------------------------------------------------------------------------------

    def hidden_attributes(self) -> frozenset[str]:
        """Attributes that the caller may not see."""
        rules = {name: f"get_{self.noun}:{name}" for name in self.attributes}
        return frozenset(
            name for name, rule in rules.items() if rule in RULE_NAMES and not allowed(rule, most_permissive_target())
        )

    def select_fields(self, views: list[JsonObject]) -> list[JsonObject]:
        """Leave out what the caller may not see, and what `fields` in the query doesn't name."""
        hidden, fields = self.hidden_attributes(), set(request.args.getlist("fields"))
        for view in views:
            for name in hidden:
                view.pop(name, None)
        if not fields:
            return views
        return [{name: value for name, value in view.items() if name in fields} for view in views]

    def post_response(self, body: JsonObject, views: list[JsonObject]) -> JsonObject:
        """Return the answer to a POST: one view or many, as its body asked for."""
        shown = self.select_fields(views)
        return {self.plural: shown} if self.plural in body else {self.noun: shown[0]}

    def response(self, view: JsonObject) -> JsonObject:
        return {self.noun: self.select_fields([view])[0]}


def authorize(rule: str, target: Mapping[str, object]) -> None:
    if not allowed(rule, target):
        raise PolicyNotAuthorized(rule=rule)


def pop_project_id(given: JsonObject) -> str:
    """Take the project out of a body: the caller's own, or for an administrator any."""
    found = [given.pop(name, None) for name in PROJECT_NAMES]
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


class Owned(Protocol):
    @property
    def project_id(self) -> str: ...


def owner_target(owned: Owned, **more: object) -> dict[str, object]:
    """Return the policy target of a row, or of a request to create one."""
    return {"project_id": owned.project_id, "tenant_id": owned.project_id} | more
