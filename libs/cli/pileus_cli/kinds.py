"""Nouns with regular calls: their paths, what lists show, what create and set take."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from pileus_cli.commands import Arg
from pileus_cli.json_types import JsonObject

Getter = str | Callable[[Mapping[str, Any]], Any]


@dataclass(frozen=True)
class Kind:
    """A noun. `one` and `many` are its keys in bodies ("" for a bare body). Columns are headings with a field's name,
    or a function of the row."""

    name: str
    service: str
    path: str
    one: str
    many: str
    columns: Mapping[str, Getter]
    long: Mapping[str, Getter] = field(default_factory=dict)
    detail: str = ""  # the list's path if it isn't `path`
    name_filter: str = "name"
    named: bool = True  # found by name too
    names: Sequence[str] = ("name", "floating_ip_address")  # the fields that may name one
    id_field: str = "id"
    found_among: Mapping[str, str] = field(default_factory=dict)  # the query that lists everything that may be named
    filters: Sequence[Arg] = ()  # options of list; `into` is the query's name
    create: Sequence[Arg] = ()
    change: Sequence[Arg] = ()
    change_method: str = "PUT"
    gone_when_404: bool = False  # deletion takes time: wait until it answers 404
    ready: Mapping[str, str] = field(default_factory=dict)  # creation takes time: field "status", good and bad values
    examples: Mapping[str, Sequence[str]] = field(default_factory=dict)
    hidden: Sequence[str] = ("links",)
    prepare: Callable[[Any, list[JsonObject]], None] | None = None  # adds columns to the rows of a list

    @property
    def plural(self) -> str:
        return f"{self.name[:-1]}ies" if self.name.endswith("y") and self.name[-2] not in "aeo" else f"{self.name}s"

    @property
    def listed(self) -> str:
        return self.detail or self.path

    def opened(self, answer: Mapping[str, Any]) -> JsonObject:
        return dict(answer[self.one] if self.one else answer)

    def wrapped(self, body: Mapping[str, Any]) -> JsonObject:
        return {self.one: dict(body)} if self.one else dict(body)

    def id_of(self, row: Mapping[str, Any]) -> str:
        return str(row[self.id_field])

    def is_called(self, row: Mapping[str, Any], typed: str) -> bool:
        return typed in (row.get(self.id_field), *(row.get(name) for name in self.names))

    def facts(self, row: Mapping[str, Any]) -> JsonObject:
        return {key: value for key, value in sorted(row.items()) if key not in self.hidden}


def got(row: Mapping[str, Any], getter: Getter) -> Any:
    if callable(getter):
        return getter(row)
    value: Any = row
    for part in getter.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value
