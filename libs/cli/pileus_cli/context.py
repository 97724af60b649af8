"""What a running command has at hand: the cloud, who we are there, and how to show things."""

import fnmatch
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from pileus_cli import output
from pileus_cli.cloud import Cloud
from pileus_cli.errors import Usage


class Context:
    """`wait`: commands wait for what they began; `dry_run`: only what the server can tell without doing it."""

    def __init__(self, cloud: Cloud, *, wait: bool = True, timeout: float = 600.0) -> None:
        self.cloud, self.wait, self.timeout = cloud, wait, timeout
        self.live = sys.stderr.isatty()

    def say(self, text: str) -> None:
        """For people, beside the output."""
        print(text, file=sys.stderr, flush=True)

    def show_rows(self, columns: Sequence[str], found: Sequence[Sequence[Any]], given: Any) -> None:
        """A list, after --filter, --sort-column and -c of the command line."""
        if self.cloud.showing:
            return
        known = {name.lower(): i for i, name in enumerate(columns)}
        rows = list(found)
        for wish in given.filter:
            name, _, value = wish.partition("=")
            at = _column(name, known)
            rows = [row for row in rows if fnmatch.fnmatchcase(output.text(row[at]), value)]
        for wish in reversed(given.sort_column):
            name, _, direction = wish.partition(":")
            at = _column(name, known)
            rows.sort(key=lambda row: (row[at] is None, _sortable(row[at])), reverse=direction.startswith("desc"))
        if given.limit:
            rows = rows[: given.limit]
        if given.column:
            chosen = [_column(name, known) for name in given.column]
            columns, rows = [columns[i] for i in chosen], [[row[i] for i in chosen] for row in rows]
        output.rows(columns, rows, given.format)

    def show_thing(self, facts: Mapping[str, Any], given: Any) -> None:
        """One thing, all of it or what -c names."""
        if self.cloud.showing:
            return
        if given.column:
            known = {name.lower(): name for name in facts}
            facts = {known[name.lower()]: facts[known[name.lower()]] for name in given.column if _has(name, known)}
        output.thing(facts, given.format)


def _column(name: str, known: Mapping[str, int]) -> int:
    if name.lower() not in known:
        raise Usage(f"There is no column {name!r}.", f"Columns: {', '.join(known)}")
    return known[name.lower()]


def _has(name: str, known: Mapping[str, str]) -> bool:
    if name.lower() not in known:
        raise Usage(f"There is no field {name!r}.", f"Fields: {', '.join(known.values())}")
    return True


def _sortable(value: Any) -> Any:
    return (0, value, "") if isinstance(value, int | float) else (1, 0, output.text(value).lower())
