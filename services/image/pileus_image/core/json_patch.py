"""Changes to an image as clients send them: JSON patch (RFC 6902) of one level, and the image API's older dialect."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from sqlalchemy.orm import Session

from pileus_image.core import attributes, images
from pileus_image.db.models import Image
from pileus_image.errors import Invalid, NotAllowed, PropertyMissing, ReadOnlyAttribute, WrongMedia
from pileus_kit.db import now
from pileus_kit.schema import Validator, explain

JSON_PATCH = "application/openstack-images-v2.1-json-patch"
OLDER_JSON_PATCH = "application/openstack-images-v2.0-json-patch"
MEDIA_TYPES = (JSON_PATCH, OLDER_JSON_PATCH)
MAX_CHANGES = 512

_check = {name: Validator(about) for name, about in attributes.WRITABLE.items()}
_check_property = Validator(attributes.PROPERTY)


Operation = Literal["add", "replace", "remove"]
OPERATIONS: tuple[Operation, ...] = ("add", "replace", "remove")


@dataclass(frozen=True)
class Change:
    """One operation of a patch; `value` has been checked against the attribute's schema, and is None for remove."""

    op: Operation
    name: str
    value: object = None


def parse(payload: object, media: str) -> list[Change]:
    """Check a decoded body of this media type. Raises WrongMedia, Invalid, ReadOnlyAttribute, ReservedAttribute."""
    if media not in MEDIA_TYPES:
        raise WrongMedia(given=media, supported=", ".join(MEDIA_TYPES))
    if not isinstance(payload, list) or len(payload) > MAX_CHANGES:
        raise Invalid(why=f"Request body must be a JSON array of at most {MAX_CHANGES} operation objects.")
    return [_change(raw, media) for raw in payload]


def _change(raw: object, media: str) -> Change:
    if not isinstance(raw, dict):
        raise Invalid(why="Operations must be JSON objects.")
    op, path = _operation(raw, media)
    name = _name(path)
    if name == "id":
        raise ReadOnlyAttribute(name=name)
    attributes.check_writable(name)
    if op == "remove":
        return Change(op, name)
    if "value" not in raw:
        raise Invalid(why=f'Operation "{op}" requires a member named "value".')
    error = next(_check.get(name, _check_property).iter_errors(raw["value"]), None)
    if error is not None:
        raise Invalid(why=explain(error, name))
    if any("\0" in part for part in _texts(raw["value"])):
        raise Invalid(why="The character NUL (\\u0000) can't be stored.")
    return Change(op, name, raw["value"])


def _texts(value: object) -> list[str]:
    return [part for part in (value if isinstance(value, list) else [value]) if isinstance(part, str)]


def _operation(raw: Mapping[str, object], media: str) -> tuple[Operation, object]:
    if media == JSON_PATCH:
        op = next((known for known in OPERATIONS if known == raw.get("op")), None)
        if op is None:
            raise Invalid(why=f'Operations must be "add", "replace" or "remove", not "{str(raw.get("op"))[:64]}".')
        return op, raw.get("path")
    found = [known for known in OPERATIONS if known in raw]
    if len(found) != 1:
        raise Invalid(why='Operation objects must contain exactly one member named "add", "replace" or "remove".')
    return found[0], raw[found[0]]


def _name(path: object) -> str:
    """Return the attribute that a JSON pointer (RFC 6901) of one level names."""
    if not isinstance(path, str) or not re.fullmatch(r"/([^/~\0]|~0|~1)+", path) or len(path) > 512:
        raise Invalid(why=f"Invalid JSON pointer for this resource: '{str(path)[:256]}'")
    name = path[1:].replace("~1", "/").replace("~0", "~").strip()
    if not name:
        raise Invalid(why=f"Invalid JSON pointer for this resource: '{path}'")
    return name


def apply(session: Session, image: Image, changes: list[Change], may: Callable[[str], None]) -> None:
    """Apply all changes or none. `may(rule)` raises if the policy rule (or "admin") denies the caller."""
    properties, tags = dict(image.properties), image.tags
    for change in changes:
        if change.name == "tags" and change.op != "remove":
            tags = sorted(set(_tags(change)))
        elif change.name in attributes.SETTABLE:
            _set(image, change, may)
        else:
            _set_property(properties, change)
    indexed = (image.tags, image.properties)
    image.tags, image.properties = tags, properties
    images.check_counts(image)
    if changes:
        image.updated_at = now()
    if indexed != (tags, properties):
        images.index_terms(session, image)


def _tags(change: Change) -> list[str]:
    return change.value if isinstance(change.value, list) else []


def _set(image: Image, change: Change, may: Callable[[str], None]) -> None:
    name, value = change.name, change.value
    if change.op == "remove":
        raise NotAllowed(why=f"Property {name} may not be removed.")
    if name in ("disk_format", "container_format") and value != getattr(image, name) and image.status != "queued":
        raise NotAllowed(why=f"Attribute {name} can be only replaced for a queued image.")
    if name == "visibility" and value != image.visibility and value in attributes.VISIBILITY_RULES:
        may(attributes.VISIBILITY_RULES[str(value)])
    if name == "owner" and value != image.owner:
        may("admin")
    setattr(image, name, value)


def _set_property(properties: dict[str, str], change: Change) -> None:
    if change.op != "add" and change.name not in properties:
        raise PropertyMissing(name=change.name)
    if change.op == "remove":
        del properties[change.name]
    else:
        properties[change.name] = str(change.value)
