"""Regular expressions of callers: they match in time linear in the text, or they are refused.

Python's own engine backtracks: one pattern of a caller could occupy the interpreter, and so the whole API, for ever.
RE2 doesn't, so it has neither back references nor look-around; patterns with those are refused.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement

from pileus_kit.errors import BadRequest

MAX_PATTERN_CHARACTERS = 256
MAX_COMPILED_BYTES = 1 << 20
MAX_SHOWN_CHARACTERS = 80
SPECIAL = re.compile(r"[\\^$.|?*+()\[\]{}]")


class PatternRefused(BadRequest):
    """The pattern is no regular expression, or one that RE2 doesn't have."""

    text = "Invalid regular expression {pattern}: {why}"


def matcher(pattern: str) -> Callable[[str], bool]:
    """Return a function that says whether a text contains a match of `pattern`. Raises PatternRefused."""
    find = _compiled(pattern).search

    def matches(text: str) -> bool:
        try:
            return find(text) is not None
        except UnicodeEncodeError:  # half a surrogate pair, which no pattern can contain
            return False

    return matches


def matching(column: Any, pattern: str) -> ColumnElement[bool]:
    """Return the SQL condition that `column` contains a match of `pattern`. Plain words need no regular expression."""
    if not SPECIAL.search(pattern):
        return column.contains(pattern, autoescape=True)
    _compiled(pattern)
    return column.regexp_match(pattern)


def install(connection: Any) -> None:
    """Have this SQLite connection evaluate REGEXP with RE2 instead of the engine that SQLAlchemy gives it."""
    connection.create_function("regexp", 2, _regexp, deterministic=True)


def _regexp(pattern: str, text: object) -> bool | None:
    return None if text is None else matcher(pattern)(str(text))


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    import re2  # here, because most processes never need it

    shown = pattern if len(pattern) <= MAX_SHOWN_CHARACTERS else pattern[:MAX_SHOWN_CHARACTERS] + "…"
    if len(pattern) > MAX_PATTERN_CHARACTERS:
        raise PatternRefused(pattern=shown, why=f"it may have at most {MAX_PATTERN_CHARACTERS} characters")
    try:
        options = re2.Options()
        options.log_errors, options.max_mem = False, MAX_COMPILED_BYTES
        return re2.compile(pattern, options=options)
    except re2.error as err:
        cause = err.args[0] if err.args else ""
        raise PatternRefused(
            pattern=shown, why=cause.decode(errors="replace") if isinstance(cause, bytes) else str(cause)
        ) from None
    except UnicodeEncodeError:
        raise BadRequest(why="Invalid regular expression: it is not Unicode text.") from None
