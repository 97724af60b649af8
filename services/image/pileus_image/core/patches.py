"""Changes to an image as clients send them: JSON patch (RFC 6902) narrowed to one level, and its older dialect."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from pileus_image.core import attributes, images
from pileus_image.db.models import Image
from pileus_image.errors import Invalid, NotAllowed, PropertyMissing, ReadOnly, WrongMedia
from pileus_kit.db import now
from pileus_kit.schema import Validator, explain

NEW = "application/openstack-images-v2.1-json-patch"
OLD = "application/openstack-images-v2.0-json-patch"
MEDIA = (NEW, OLD)
MOST_CHANGES = 512

_check = {name: Validator(about) for name, about in attributes.WRITABLE.items()}
_check_property = Validator(attributes.PROPERTY)


@dataclass(frozen=True)
class Change:
    op: str  # add replace remove
    name: str
    value: Any = None


def parse(payload: Any, media: str) -> list[Change]:
    """Read a patch. Raises WrongMedia, Invalid; ReadOnly or Reserved for what clients may not touch."""
    if media not in MEDIA:
        raise WrongMedia(given=media, wanted=", ".join(MEDIA))
    if not isinstance(payload, list) or len(payload) > MOST_CHANGES:
        raise Invalid(why=f"Request body must be a JSON array of at most {MOST_CHANGES} operation objects.")
    return [_change(raw, media) for raw in payload]


def _change(raw: Any, media: str) -> Change:
    if not isinstance(raw, dict):
        raise Invalid(why="Operations must be JSON objects.")
    op, path = _operation(raw, media)
    name = _name(path)
    if name == "id":
        raise ReadOnly(name=name)
    attributes.refuse_foreign(name)
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


def _texts(value: Any) -> list[str]:
    return [part for part in (value if isinstance(value, list) else [value]) if isinstance(part, str)]


def _operation(raw: Mapping[str, Any], media: str) -> tuple[str, Any]:
    if media == NEW:
        op, path = raw.get("op"), raw.get("path")
        if op not in ("add", "replace", "remove"):
            raise Invalid(why=f'Operations must be "add", "replace" or "remove", not "{str(op)[:64]}".')
        return op, path
    found = [op for op in ("add", "replace", "remove") if op in raw]
    if len(found) != 1:
        raise Invalid(why='Operation objects must contain exactly one member named "add", "replace" or "remove".')
    return found[0], raw[found[0]]


def _name(path: Any) -> str:
    """The attribute that a JSON pointer (RFC 6901) of one level names."""
    if not isinstance(path, str) or not re.fullmatch(r"/([^/~\0]|~0|~1)+", path) or len(path) > 512:
        raise Invalid(why=f"Invalid JSON pointer for this resource: '{str(path)[:256]}'")
    name = path[1:].replace("~1", "/").replace("~0", "~").strip()
    if not name:
        raise Invalid(why=f"Invalid JSON pointer for this resource: '{path}'")
    return name


def apply(session: Session, image: Image, changes: list[Change], may: Callable[[str], None]) -> None:
    """Change the image, all or nothing. `may(rule)` raises unless the caller may do what `rule` guards."""
    properties, tags = dict(image.properties), image.tags
    for change in changes:
        if change.name == "tags" and change.op != "remove":
            tags = sorted(set(change.value))
        elif change.name in attributes.SETTABLE:
            _set(image, change, may)
        else:
            _set_property(properties, change)
    found_by = (image.tags, image.properties)
    image.tags, image.properties = tags, properties
    images.check_counts(image)
    if changes:
        image.updated_at = now()
    if found_by != (tags, properties):
        images.index(session, image)


def _set(image: Image, change: Change, may: Callable[[str], None]) -> None:
    name, value = change.name, change.value
    if change.op == "remove":
        raise NotAllowed(why=f"Property {name} may not be removed.")
    if name in ("disk_format", "container_format") and value != getattr(image, name) and image.status != "queued":
        raise NotAllowed(why=f"Attribute {name} can be only replaced for a queued image.")
    if name == "visibility" and value != image.visibility and value in attributes.WIDE:
        may(attributes.WIDE[value])
    if name == "owner" and value != image.owner:
        may("admin")
    setattr(image, name, value)


def _set_property(properties: dict[str, str], change: Change) -> None:
    if change.op != "add" and change.name not in properties:
        raise PropertyMissing(name=change.name)
    if change.op == "remove":
        del properties[change.name]
    else:
        properties[change.name] = change.value
