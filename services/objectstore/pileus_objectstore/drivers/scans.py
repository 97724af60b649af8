"""Walking through a listing's rows: ranges, either way, and groups folded by a delimiter."""

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

BATCH = 500


class Scan:
    """Rows of a range, from any point on."""

    def __init__(self, db: sqlite3.Connection, prefix: str, marker: str, end_marker: str, reverse: bool) -> None:
        self._db = db
        self.reverse = reverse
        low, high = (end_marker, marker) if reverse else (marker, end_marker)
        self._over = low  # names greater than this
        self._from = prefix  # names not less than this
        self._under = [bound for bound in (high, after(prefix)) if bound]  # names less than these

    def page(self, limit: int) -> Iterable[tuple[Any, ...]]:
        terms, values = ["name >= ?"], [self._from]
        if self._over:
            terms.append("name > ?")
            values.append(self._over)
        for bound in self._under:
            terms.append("name < ?")
            values.append(bound)
        order = "DESC" if self.reverse else "ASC"
        return self._db.execute(
            f"SELECT name, timestamp, size, etag, type, count FROM rows WHERE {' AND '.join(terms)} "  # noqa: S608 - constants
            f"ORDER BY name {order} LIMIT ?",
            (*values, limit),
        ).fetchall()

    def skip(self, group: str) -> None:
        """Go on behind (or, backwards, before) all names that begin with `group`."""
        if self.reverse:
            self._under.append(group)
        else:
            self._from = after(group)

    def behind(self, name: str) -> None:
        if self.reverse:
            self._under.append(name)
        else:
            self._over = max(self._over, name)


def fold(scan: Scan, prefix: str, delimiter: str, path: bool, limit: int, marker: str) -> Iterator[tuple[Any, ...]]:
    """Rows with everything behind the next delimiter folded into one; with `path` such groups are left out instead.

    A group that is the marker itself was on the page before."""
    given, size = 0, BATCH
    while given < limit:
        page = list(scan.page(size))
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
