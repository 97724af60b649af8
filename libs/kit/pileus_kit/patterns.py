"""Regular expressions that callers write: they match in time linear in the text, or they are refused.

Python's own engine backtracks: one pattern of a caller could hold the interpreter, and with it the whole API, for ever.
RE2 has no backtracking, hence no back references and no look-around; those are refused with a sentence.
"""

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement

from pileus_kit.errors import BadRequest

LONGEST = 256  # characters of a pattern
MEMORY = 1 << 20  # bytes that one compiled pattern may take
SPECIAL = re.compile(r"[\\^$.|?*+()\[\]{}]")


class PatternRefused(BadRequest):
    text = "Invalid regular expression {pattern}: {why}"


def matcher(pattern: str) -> Callable[[str], bool]:
    """Say whether a text contains what `pattern` describes. Raises PatternRefused for what RE2 can't do."""
    find = _compiled(pattern).search

    def matches(text: str) -> bool:
        try:
            return find(text) is not None
        except UnicodeEncodeError:  # half a surrogate pair: no caller can ask for it
            return False

    return matches


def matching(column: Any, pattern: str) -> ColumnElement[bool]:
    """The SQL condition that `column` contains what `pattern` describes; plain words need no expression."""
    if not SPECIAL.search(pattern):
        return column.contains(pattern, autoescape=True)
    _compiled(pattern)
    return column.regexp_match(pattern)


def install(connection: Any) -> None:
    """Let this SQLite connection answer REGEXP with our engine instead of the one SQLAlchemy gives it."""
    connection.create_function("regexp", 2, _regexp, deterministic=True)


def _regexp(pattern: str, text: object) -> bool | None:
    return None if text is None else matcher(pattern)(str(text))


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    import re2  # most processes never meet a pattern

    shown = pattern if len(pattern) <= 80 else pattern[:80] + "…"
    if len(pattern) > LONGEST:
        raise PatternRefused(pattern=shown, why=f"it may have at most {LONGEST} characters")
    try:
        options = re2.Options()
        options.log_errors, options.max_mem = False, MEMORY
        return re2.compile(pattern, options=options)
    except re2.error as err:
        cause = err.args[0] if err.args else ""
        raise PatternRefused(
            pattern=shown, why=cause.decode(errors="replace") if isinstance(cause, bytes) else str(cause)
        ) from None
    except UnicodeEncodeError:
        raise BadRequest(why="Invalid regular expression: it is not Unicode text.") from None
