"""Sizes and types of the code: what is counted may only shrink."""

import re
from pathlib import Path

from source import LIMITS, TOP, modules, packages

ANY = re.compile(r"\bAny\b")
UNTYPED_DICT = re.compile(r"dict\[str, Any\]")
IMPORT = re.compile(r"^\s*(from|import)\b")


def test_no_file_is_too_long() -> None:
    most = LIMITS["lines"]["file"]
    folders = [TOP / name for name in ("libs", "services", "deploy", "tests")]
    long = {str(path.relative_to(TOP)): lines for path in modules(*folders) if (lines := _lines(path)) > most}
    assert not long, f"longer than {most} lines: {long}"


def test_untyped_things_become_fewer() -> None:
    anys, dicts = _count(ANY), _count(UNTYPED_DICT)
    assert anys <= LIMITS["types"]["any"], f"{anys} lines say Any"
    assert dicts <= LIMITS["types"]["untyped_dicts"], f"{dicts} lines say dict[str, Any]"


def _lines(path: Path) -> int:
    return len(path.read_text().splitlines())


def _count(what: re.Pattern[str]) -> int:
    lines = (line for path in modules(*packages()) for line in path.read_text().splitlines())
    return sum(bool(what.search(line)) for line in lines if not IMPORT.match(line))
