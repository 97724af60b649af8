"""Python literals in text, one at a time.

Python 3.11 counts the depth of the syntax tree that it builds in one place for all threads: two that parse at once can
fail with a SystemError though nothing is wrong with either text (CPython issue 106905).
"""

import ast
import threading
from typing import Any

_parsing = threading.Lock()


def evaluate(text: str) -> Any:
    """The value of a literal. Raises what `ast.literal_eval` raises for text that is none."""
    with _parsing:
        return ast.literal_eval(text)
