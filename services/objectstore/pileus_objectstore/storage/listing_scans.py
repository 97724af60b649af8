"""Reads a listing's rows: ranges, in either direction, and groups by a delimiter."""

import sqlite3
from collections.abc import Iterator

BATCH = 500
FIRST_BATCH = 16  # a group may begin at once, and its rows are skipped
Row = tuple[str, str, int, str, str, int]  # name, timestamp, size, etag, type, count


class Scan:
    """The rows of a range, from any point on.

    There is only one bound on each side, the nearest: of several bounds SQLite uses the first to seek and steps over
    all rows up to the others, so that a page would cost as much as all pages before it.
    """

    def __init__(self, db: sqlite3.Connection, prefix: str, marker: str, end_marker: str, reverse: bool) -> None:
        self._db = db
        self.reverse = reverse
        low, high = (end_marker, marker) if reverse else (marker, end_marker)
        self._low, self._with_low = (low, False) if low >= prefix else (prefix, True)
        bounds = [bound for bound in (high, upper_bound(prefix)) if bound]
        self._high = min(bounds) if bounds else None  # names less than this

    def page(self, limit: int) -> list[Row]:
        """The next `limit` rows."""
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
        """Continue after (or, in reverse, before) all names that begin with `group`."""
        if self.reverse:
            self._until(group)
        elif upper_bound(group):
            self._since(upper_bound(group), True)
        else:
            self._high = ""  # no name can be greater

    def continue_after(self, name: str) -> None:
        """Continue after (or, in reverse, before) a name."""
        if self.reverse:
            self._until(name)
        else:
            self._since(name, False)

    def _since(self, bound: str, included: bool) -> None:
        if bound > self._low or (bound == self._low and not included):
            self._low, self._with_low = bound, included

    def _until(self, bound: str) -> None:
        self._high = bound if self._high is None else min(self._high, bound)


def fold(scan: Scan, prefix: str, delimiter: str, path: bool, limit: int, marker: str) -> Iterator[Row]:
    """Rows in which all names that are equal up to the next delimiter are one; with `path` such groups are left out.

    A group that is the marker itself was on the previous page.
    """
    given, size = 0, FIRST_BATCH
    while given < limit:
        page = scan.page(size)
        asked, size = size, min(2 * size, BATCH)
        for row in page:
            name = row[0]
            end = name.find(delimiter, len(prefix))
            scan.continue_after(name)
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
                size = FIRST_BATCH
                break
            if given >= limit:
                return
        else:
            if len(page) < asked:
                return


def upper_bound(prefix: str) -> str:
    """The least string that is greater than all that begin with `prefix`, by code points, which is the order of UTF-8.

    '' if there is none.
    """
    while prefix:
        last = ord(prefix[-1])
        if last < 0x10FFFF:
            return prefix[:-1] + chr(0xE000 if last == 0xD7FF else last + 1)
        prefix = prefix[:-1]
    return ""
