"""Resource attributes: known ones go into columns, all others are kept as given, as this API promises."""

from collections.abc import Collection, Iterable

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pileus_identity.db.models import (
    Consumer,
    Credential,
    Endpoint,
    Group,
    Model,
    Policy,
    Project,
    Region,
    Role,
    Service,
    User,
)
from pileus_identity.errors import DuplicateEntry, ForbiddenAction, ValidationFailed
from pileus_kit.json_types import JsonObject

MAX_EXTRA_CHARACTERS = 16_384
MAX_DEPTH = 32  # levels of nesting; writing down deeper ones could exhaust Python's stack
NEVER_KEPT = ("id", "links", "original_password")
HANDLED_ELSEWHERE = ("password", "tags", "is_domain", "domain_id", "parent_id")

WithExtra = Consumer | Credential | Endpoint | Group | Policy | Project | Region | Role | Service | User
WithOptions = Project | Role | User


def without_nulls(body: JsonObject) -> JsonObject:
    """The attributes whose value isn't null, for resources where a null means the default."""
    return {key: value for key, value in body.items() if value is not None}


def check_extra_size(extra: JsonObject) -> JsonObject:
    """Bound the attributes that are kept as given. Raises ValidationFailed."""
    layer: list[object] = [extra]
    for _ in range(MAX_DEPTH):
        layer = [child for value in layer for child in _children(value)]
    if layer or len(repr(extra)) > MAX_EXTRA_CHARACTERS:
        raise ValidationFailed(
            why=f"Attributes that this API doesn't define may have {MAX_EXTRA_CHARACTERS} characters together, and be "
            f"nested {MAX_DEPTH} deep."
        )
    return extra


def _children(value: object) -> Iterable[object]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def apply_attributes(row: WithExtra, body: JsonObject, known: Collection[str]) -> None:
    """Set the columns `known` and the extra attributes that the body names.

    Options are merged one by one; one that is set to null is removed. Raises ValidationFailed if the id would change.
    """
    if row.id is not None:
        check_unchanged(row, body, "id")
    for name in known:
        if name in body and name != "options":
            setattr(row, name, body[name])
    handled = {*known, *NEVER_KEPT, *HANDLED_ELSEWHERE}
    if isinstance(row, WithOptions):
        handled.add("options")
        if "options" in body:
            row.options = without_nulls({**(row.options or {}), **body["options"]})
    extra = {key: value for key, value in body.items() if key not in handled}
    if extra:
        row.extra = check_extra_size(without_nulls({**(row.extra or {}), **extra}))


def check_mutable(row: WithOptions, kind: str, body: JsonObject | None = None) -> None:
    """Refuse to delete an immutable resource, or to change it except to make it mutable. Raises ForbiddenAction.

    `body` is the change; None means that the resource is deleted.
    """
    if not row.options.get("immutable"):
        return
    if (
        body is not None
        and body.get("options", {}).get("immutable", True) in (False, None)
        and set(body) == {"options"}
    ):
        return
    raise ForbiddenAction(why=f"Cannot {'delete' if body is None else 'update'} immutable resources: {kind} {row.id}.")


def check_unchanged(row: WithExtra, body: JsonObject, *names: str) -> None:
    """Refuse a body that changes one of these attributes. Raises ValidationFailed."""
    for name in names:
        if name in body and body[name] != getattr(row, name):
            raise ValidationFailed(why=f"Cannot change {name}.")


def insert(session: Session, row: Model, kind: str, name: str) -> None:
    """Add a row and send it to the database at once. Raises DuplicateEntry if its name is taken."""
    session.add(row)
    flush(session, kind, name)


def flush(session: Session, kind: str, name: str) -> None:
    """Send changes to the database at once. Raises DuplicateEntry if they violate a unique constraint."""
    try:
        session.flush()
    except IntegrityError as err:
        raise DuplicateEntry(kind=kind, name=name) from err
