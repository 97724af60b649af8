"""Filtering and paging, the same for all nouns. Every list is bounded and goes along the primary key."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import Session

from pileus_identity.errors import Invalid

Row = TypeVar("Row")

LONGEST = 256  # characters: one more than any of these texts has; SQLite refuses patterns of 50,000
FALSE = ("0", "false", "off", "no", "n", "f")
COMPARE = {
    "contains": "contains",
    "icontains": "icontains",
    "startswith": "startswith",
    "istartswith": "istartswith",
    "endswith": "endswith",
    "iendswith": "iendswith",
}


def truth(text: str) -> bool:
    """How this API reads a flag in a query: a bare `?effective` is true."""
    return text.lower() not in FALSE


def matching(
    stmt: Select[Row], model: Any, asked: Mapping[str, str], texts: Sequence[str] = (), flags: Sequence[str] = ()
) -> Select[Row]:
    """Narrow to what the query asks: equal texts, `name__contains` and its like, flags; the rest is ignored."""
    for name in texts:
        column = getattr(model, name)
        if name in asked:
            stmt = stmt.where(column == asked[name])
        for suffix, method in COMPARE.items():
            wanted = asked.get(f"{name}__{suffix}")
            if wanted is not None:
                stmt = stmt.where(getattr(column, method)(wanted[:LONGEST], autoescape=True))
    for name in flags:
        if name in asked:
            stmt = stmt.where(getattr(model, name).is_(truth(asked[name])))
    return stmt


def page(
    session: Session, stmt: Select[Row], model: Any, asked: Mapping[str, str], most: int
) -> tuple[list[Row], bool]:
    """At most `limit` rows (never more than `most`) after `marker`, and whether there are more."""
    limit = bound(asked, most)
    if "marker" in asked:
        stmt = stmt.where(model.id > asked["marker"])
    rows = list(session.scalars(stmt.order_by(model.id).limit(limit + 1)))
    return rows[:limit], len(rows) > limit


def bound(asked: Mapping[str, str], most: int) -> int:
    text = asked.get("limit", "")
    if text and not (text.isdecimal() and len(text) < 10):
        raise Invalid(why=f"limit has to be a number, not {text[:40]}.")
    return min(int(text), most) if text and int(text) else most
