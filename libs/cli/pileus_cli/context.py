"""What a running command has: the cloud, its user there, and ways to show things."""

import fnmatch
import sys
from argparse import Namespace
from collections.abc import Mapping, Sequence
from typing import Any

from pileus_cli import output
from pileus_cli.cloud import Cloud
from pileus_cli.errors import Usage


class Context:
    """`wait`: the command waits for what it began; `dry_run`: the command says what it would do."""

    def __init__(self, cloud: Cloud, *, wait: bool = True, timeout: float = 600.0) -> None:
        self.cloud, self.wait, self.timeout = cloud, wait, timeout
        self.live = sys.stderr.isatty()

    def say(self, text: str) -> None:
        """Print a message for people on standard error, beside the output."""
        print(text, file=sys.stderr, flush=True)

    def show_rows(self, columns: Sequence[str], found: Sequence[Sequence[Any]], given: Namespace) -> None:
        """Print a list, after --filter, --sort-column and -c of the command line."""
        if self.cloud.showing:
            return
        known = {name.lower(): i for i, name in enumerate(columns)}
        rows = list(found)
        for condition in given.filter:
            name, _, value = condition.partition("=")
            at = _column(name, known)
            rows = [row for row in rows if fnmatch.fnmatchcase(output.text(row[at]), value)]
        for column in reversed(given.sort_column):
            name, _, direction = column.partition(":")
            at = _column(name, known)
            rows.sort(key=lambda row: (row[at] is None, _sortable(row[at])), reverse=direction.startswith("desc"))
        if given.limit:
            rows = rows[: given.limit]
        if given.column:
            chosen = [_column(name, known) for name in given.column]
            columns, rows = [columns[i] for i in chosen], [[row[i] for i in chosen] for row in rows]
        output.rows(columns, rows, given.format)

    def show_thing(self, facts: Mapping[str, Any], given: Namespace) -> None:
        """Print one thing: all its fields, or those that -c names."""
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
