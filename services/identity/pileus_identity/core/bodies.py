"""Reading a resource from a body: what we know becomes columns, the rest is kept as it came, as this API promises."""

from collections.abc import Collection, Iterable
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pileus_identity.errors import Invalid, Refused, Taken

Body = dict[str, Any]
MOST_EXTRA = 16_384  # characters
DEEPEST = 32  # levels
NEVER_KEPT = ("id", "links", "original_password")


def extras(body: Body, known: Collection[str]) -> Body:
    """The attributes that have no column."""
    return {key: value for key, value in body.items() if key not in known and key not in NEVER_KEPT}


def bounded(kept: Body) -> Body:
    """Of what is kept as it came, not too much, nor nested so deep that writing it down takes all of Python's stack."""
    layer: list[Any] = [kept]
    for _ in range(DEEPEST):
        layer = [child for one in layer for child in _children(one)]
    if layer or len(repr(kept)) > MOST_EXTRA:
        raise Invalid(
            why=f"Attributes that this API doesn't define may have {MOST_EXTRA} characters together, and be "
            f"nested {DEEPEST} deep."
        )
    return kept


def _children(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()


def apply(row: Any, body: Body, known: Collection[str]) -> None:
    """Set what the body names; options are merged one by one, and one set to null is gone. An id never changes."""
    if row.id is not None:
        unchanged(row, body, "id")
    for name in known:
        if name in body and name != "options":
            setattr(row, name, body[name])
    optional = hasattr(row, "options")
    if optional and "options" in body:
        merged = {**(row.options or {}), **body["options"]}
        row.options = {key: value for key, value in merged.items() if value is not None}
    more = extras(
        body, (*known, *(["options"] if optional else []), "password", "tags", "is_domain", "domain_id", "parent_id")
    )
    if more:
        row.extra = bounded({key: value for key, value in {**(row.extra or {}), **more}.items() if value is not None})


def mutable(row: Any, kind: str, body: Body | None = None) -> None:
    """What is marked immutable can't be deleted, nor changed except to unmark it."""
    if not row.options.get("immutable"):
        return
    if (
        body is not None
        and body.get("options", {}).get("immutable", True) in (False, None)
        and set(body) == {"options"}
    ):
        return
    raise Refused(why=f"Cannot {'delete' if body is None else 'update'} immutable resources: {kind} {row.id}.")


def store(session: Session, row: Any, kind: str) -> None:
    """Send it to the database now; a name that is taken is the caller's mistake."""
    session.add(row)
    flush(session, kind, getattr(row, "name", row.id))


def flush(session: Session, kind: str, name: str) -> None:
    try:
        session.flush()
    except IntegrityError as err:
        raise Taken(kind=kind, name=name) from err


def unchanged(row: Any, body: Body, *names: str) -> None:
    """Refuse a body that would move the resource."""
    for name in names:
        if name in body and body[name] != getattr(row, name):
            raise Invalid(why=f"Cannot change {name}.")
