"""Rows and things on standard output: table and wide for people, json, yaml, csv and value for scripts."""

import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from typing import Any

FORMATS = ("table", "wide", "json", "yaml", "csv", "value")


def rows(columns: Sequence[str], found: Sequence[Sequence[Any]], style: str) -> None:
    """Print a list. `style` is one of FORMATS."""
    if style in ("json", "yaml"):
        _structured([dict(zip(columns, row, strict=True)) for row in found], style)
    elif style == "csv":
        import csv

        writer = csv.writer(sys.stdout, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(
            [text(value) if not isinstance(value, int | float) else value for value in row] for row in found
        )
    elif style == "value":
        for row in found:
            print(" ".join(text(value) for value in row))
    else:
        _table(columns, [[text(value) for value in row] for row in found], wide=style == "wide")


def thing(facts: Mapping[str, Any], style: str) -> None:
    """Print one resource."""
    if style in ("json", "yaml"):
        _structured(dict(facts), style)
    elif style == "value":
        for value in facts.values():
            print(text(value))
    elif style == "csv":
        rows(list(facts), [list(facts.values())], style)
    else:
        _table(["Field", "Value"], [[key, text(value)] for key, value in facts.items()], wide=style == "wide")


def text(value: Any) -> str:
    """Format a value as a cell."""
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return ", ".join(f"{key}={text(one)}" for key, one in value.items())
    if isinstance(value, list | tuple):
        return ", ".join(text(one) for one in value)
    return str(value)


def _structured(value: Any, style: str) -> None:
    if style == "json":
        print(json.dumps(value, indent=2, ensure_ascii=False, default=str))
    else:
        import yaml

        print(yaml.safe_dump(json.loads(json.dumps(value, default=str)), sort_keys=False, allow_unicode=True), end="")


def _table(columns: Sequence[str], cells: Sequence[Sequence[str]], wide: bool) -> None:
    """Print a table: on a terminal at its width with long cells folded; elsewhere, and in `wide`, as wide as it
    needs."""
    widths = [
        max([len(name), *(max(map(len, row[i].splitlines() or [""])) for row in cells)])
        for i, name in enumerate(columns)
    ]
    if sys.stdout.isatty() and not wide:
        widths = _fit(widths, shutil.get_terminal_size().columns - 3 * len(columns) - 1)
    rule = "+" + "+".join("-" * (width + 2) for width in widths) + "+"
    lines = [rule, _line(columns, widths), rule]
    for row in cells:
        folded = [_fold(cell, width) for cell, width in zip(row, widths, strict=True)]
        for i in range(max((len(one) for one in folded), default=1)):
            lines.append(_line([one[i] if i < len(one) else "" for one in folded], widths))
    print("\n".join([*lines, rule]))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"


def _fit(widths: list[int], room: int) -> list[int]:
    """Narrow the widest column until all fit; no column becomes narrower than 8 characters."""
    while sum(widths) > room and max(widths) > 8:
        widest = widths.index(max(widths))
        widths[widest] -= 1
    return widths


def _fold(cell: str, width: int) -> list[str]:
    return [line[i : i + width] for line in cell.splitlines() or [""] for i in range(0, max(len(line), 1), width)]
