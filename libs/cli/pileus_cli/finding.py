"""Finds a resource from what a user typed: its id, its name, or the beginning of either if that is unique."""

import re
from urllib.parse import quote

from pileus_cli.cloud import Cloud
from pileus_cli.errors import NotFound, Refused, Usage, closest
from pileus_cli.json_types import JsonObject
from pileus_cli.kinds import Kind

ID = re.compile(r"[0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def find(cloud: Cloud, kind: Kind, typed: str, **among: str) -> JsonObject:
    """Return the matching resource. `among` is a query that narrows the search. Raises NotFound with close names, or
    Usage if several match."""
    if ID.fullmatch(typed) or not kind.named:
        try:
            return kind.opened(cloud.call(kind.service, "GET", f"{kind.path}/{quote(typed, safe='')}"))
        except Refused as err:
            if err.status not in (400, 404):
                raise
            if not kind.named:
                raise NotFound(f"There is no {kind.name} {typed!r}.", f"pileus {kind.name} list") from None
    everything = {**kind.found_among, **among}
    query = {**everything, **({kind.name_filter: typed} if kind.name_filter else {})}
    same = [row for row in cloud.pages(kind.service, kind.listed, kind.many, query) if kind.is_called(row, typed)]
    if len(same) == 1:
        return same[0]
    if len(same) > 1:
        ids = ", ".join(map(kind.id_of, same))
        raise Usage(f"{len(same)} {kind.plural} are called {typed!r}.", f"Use an id: {ids}")
    rows = list(cloud.pages(kind.service, kind.listed, kind.many, everything))
    near = [row for row in rows if kind.id_of(row).startswith(typed) or str(row.get("name", "")).startswith(typed)]
    if len(near) == 1:
        return near[0]
    if near:
        raise Usage(
            f"{typed!r} begins the name or id of {len(near)} {kind.plural}.",
            ", ".join(f"{row.get('name') or ''} ({kind.id_of(row)})" for row in near[:8]),
        )
    raise NotFound(
        f"There is no {kind.name} {typed!r}.",
        closest(typed, [str(row.get("name") or "") for row in rows]) or f"pileus {kind.name} list shows what there is",
    )


def find_id(cloud: Cloud, kind: Kind, typed: str, **among: str) -> str:
    return kind.id_of(find(cloud, kind, typed, **among))
