"""Which requests an application credential's access rules cover."""

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

PIECES = re.compile(r"(?P<many>\*\*)|(?P<one>\{[^}]*\}|\*)|(?P<other>[^{*]+|\{)")


def covered(rules: Iterable[tuple[str, str, str]], service: str, method: str, path: str) -> bool:
    """Whether one of the rules (service type, method, path) covers this request."""
    return any(kind == service and allowed == method and covers(pattern, path) for kind, allowed, pattern in rules)


def covers(pattern: str, path: str) -> bool:
    """Whether a rule's path matches, as in Keystone: `*` and `{name}` stand for characters without a slash, `**` for
    any.

    RE2 takes time linear in the path, however many of them there are.
    """
    try:
        return _compiled(pattern).fullmatch(path) is not None
    except UnicodeEncodeError:
        return False


@lru_cache(maxsize=1000)
def _compiled(pattern: str) -> Any:
    import re2  # here, because most processes never need it

    parts = [
        ".*" if piece["many"] else "[^/]+" if piece["one"] else re2.escape(piece["other"])
        for piece in PIECES.finditer(pattern)
    ]
    options = re2.Options()
    options.dot_nl, options.log_errors = True, False
    return re2.compile("".join(parts), options=options)
