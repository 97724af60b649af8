"""Patterns of bucket policies: `*` stands for any characters, `?` for one. RE2 matches them in linear time."""

from collections.abc import Callable
from functools import lru_cache


@lru_cache(4096)
def matcher(pattern: str, *, ignore_case: bool = False) -> Callable[[str], bool]:
    """Return a function that says whether a whole text matches the pattern."""
    folded = pattern.lower() if ignore_case else pattern
    if "*" not in folded and "?" not in folded:
        return (lambda text: text.lower() == folded) if ignore_case else folded.__eq__
    import re2  # here, because stores without policies never need it

    while "**" in folded:
        folded = folded.replace("**", "*")
    options = re2.Options()
    options.dot_nl, options.log_errors = True, False
    wild = {"*": ".*", "?": "."}
    compiled = re2.compile("".join(wild.get(c) or re2.escape(c) for c in folded), options=options)

    def matches(text: str) -> bool:
        given = text.encode(errors="replace").decode()
        return compiled.fullmatch(given.lower() if ignore_case else given) is not None

    return matches
