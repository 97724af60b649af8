"""What lists of manageable volumes and snapshots share: a storage host, sorting, and markers that are references."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from flask import request

from pileus_kit.json_types import JsonObject
from pileus_kit.web import version
from pileus_volume.core.filters import DIALECT
from pileus_volume.errors import Invalid, InvalidHost

Found = TypeVar("Found")
SortKeys = Mapping[str, Callable[[Found], tuple[int, str]]]
LISTED_CLUSTER_SINCE = (3, 17)
MAX_ROWS = 1000
REF: JsonObject = {"type": ["object", "string"], "maxProperties": 8, "maxLength": 255}


@dataclass(frozen=True)
class ListRequest:
    """A list as the caller asked for it."""

    host: str
    sort: tuple[tuple[str, str], ...]
    limit: int
    offset: int
    marker: str | None

    def page(
        self, found: list[Found], keys: "SortKeys[Found]", reference: Callable[[Found], JsonObject]
    ) -> list[Found]:
        """The page of what was found. Raises Invalid if the marker isn't among it."""
        for key, direction in reversed(self.sort):
            found.sort(key=keys[key], reverse=direction == "desc")
        return found[self._start(found, reference) + self.offset :][: self.limit]

    def _start(self, found: list[Found], reference: Callable[[Found], JsonObject]) -> int:
        """The place after what has the marker, which is JSON, as its reference."""
        if not self.marker:
            return 0
        try:
            wanted = json.loads(self.marker[:1000])
        except (ValueError, RecursionError):
            why = f"marker {self.marker[:255]} can not be analysed, please use json like format"
            raise Invalid(why=why) from None
        for place, one in enumerate(found):
            if reference(one) == wanted:
                return place + 1
        raise Invalid(why=f"marker not found: {self.marker[:255]}")


def parse() -> ListRequest:
    """What the query string asks for."""
    args = request.args
    return ListRequest(
        one_of(args.get("host"), args.get("cluster"), LISTED_CLUSTER_SINCE),
        tuple(DIALECT.sort(args, sortable=("reference", "size"), default=(("reference", "desc"),))),
        DIALECT.limit(args, default=MAX_ROWS, maximum=MAX_ROWS),
        DIALECT.offset(args) or 0,
        args.get("marker"),
    )


def source_name(ref: object) -> str:
    """The name that a reference to something in the storage has there. Raises Invalid."""
    name = ref.get("source-name") if isinstance(ref, dict) else None
    if not isinstance(name, str) or not name:
        raise Invalid(why="Reference must contain source-name element.")
    return name


def one_of(host: str | None, cluster: str | None, cluster_since: tuple[int, int]) -> str:
    """The host that is asked for. There are no clusters here."""
    if version() < cluster_since:
        cluster = None
    if bool(host) == bool(cluster):
        raise Invalid(why="Either host or cluster must be given, and not both.")
    if not host:
        raise InvalidHost(why=f"No available service named '{cluster}'")
    return host
