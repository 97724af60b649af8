"""Walking through a listing's rows: ranges, either way, and groups folded by a delimiter."""

import sqlite3
from collections.abc import Iterator
from typing import Any

BATCH = 500


class Scan:
    """Rows of a range, from any point on.

    There is one bound at each side, the nearest: SQLite seeks by the first of several bounds and steps over all rows up
    to the others, so that a page would cost as much as everything before it.
    """

    def __init__(self, db: sqlite3.Connection, prefix: str, marker: str, end_marker: str, reverse: bool) -> None:
        self._db = db
        self.reverse = reverse
        low, high = (end_marker, marker) if reverse else (marker, end_marker)
        self._low, self._with_low = (low, False) if low >= prefix else (prefix, True)
        bounds = [bound for bound in (high, after(prefix)) if bound]
        self._high = min(bounds) if bounds else None  # names less than this

    def page(self, limit: int) -> list[tuple[Any, ...]]:
        terms, values = [f"name {'>=' if self._with_low else '>'} ?"], [self._low]
        if self._high is not None:
            terms.append("name < ?")
            values.append(self._high)
        order = "DESC" if self.reverse else "ASC"
        return self._db.execute(
            f"SELECT name, timestamp, size, etag, type, count FROM rows WHERE {' AND '.join(terms)} "  # noqa: S608 - constants
            f"ORDER BY name {order} LIMIT ?",
            (*values, limit),
        ).fetchall()

    def skip(self, group: str) -> None:
        """Go on behind (or, backwards, before) all names that begin with `group`."""
        if self.reverse:
            self._until(group)
        elif after(group):
            self._since(after(group), True)
        else:
            self._high = ""  # no name can be greater

    def behind(self, name: str) -> None:
        if self.reverse:
            self._until(name)
        else:
            self._since(name, False)

    def _since(self, bound: str, included: bool) -> None:
        if bound > self._low or (bound == self._low and not included):
            self._low, self._with_low = bound, included

    def _until(self, bound: str) -> None:
        self._high = bound if self._high is None else min(self._high, bound)


def fold(scan: Scan, prefix: str, delimiter: str, path: bool, limit: int, marker: str) -> Iterator[tuple[Any, ...]]:
    """Rows with everything behind the next delimiter folded into one; with `path` such groups are left out instead.

    A group that is the marker itself was on the page before."""
    given, size = 0, BATCH
    while given < limit:
        page = scan.page(size)
        asked, size = size, min(2 * size, BATCH)
        for row in page:
            name = row[0]
            end = name.find(delimiter, len(prefix))
            scan.behind(name)
            if path and name == prefix:
                continue
            if end < 0 or (path and end + len(delimiter) == len(name)):
                yield row
                given += 1
            else:
                group = name[: end + len(delimiter)]
                if not path and group != marker:
                    yield (group, "", 0, "", "", 0)
                    given += 1
                scan.skip(group)
                size = 16  # the next group may begin at once
                break
            if given >= limit:
                return
        else:
            if len(page) < asked:
                return


def after(prefix: str) -> str:
    """The least string greater than all that begin with `prefix`, in order of code points (which is UTF-8's); '' if
    there is none."""
    while prefix:
        last = ord(prefix[-1])
        if last < 0x10FFFF:
            return prefix[:-1] + chr(0xE000 if last == 0xD7FF else last + 1)
        prefix = prefix[:-1]
    return ""
