"""Query parameters that the lists of all services share: limit, offset, marker, sort, flags, times and next links.

A service states once how its API words a refusal and which error class it raises; what it reads then comes out parsed
and bounded:

    LISTING = Dialect(error=Invalid, not_a_number="{name} param must be an integer and not negative, not {value}")

    page = Page(
        limit=LISTING.limit(request.args, default=1000, maximum=1000),
        offset=LISTING.offset(request.args),
        marker=request.args.get("marker") or None,
        sort=LISTING.sort(request.args, sortable=SORTABLE, default=(("created_at", "desc"),)),
    )

The API parses this way, the core reads the rows with `pileus_kit.paging.fetch`, and `next_url` links to the next page.
Where OpenStack's service is lenient about a flag (Keystone: all but a false word is true), call
`strutils.bool_from_string(text, default=True)` of oslo.utils itself.
"""

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import urlencode

from oslo_utils import strutils, timeutils
from werkzeug.datastructures import MultiDict

from pileus_kit.errors import BadRequest, CloudError
from pileus_kit.numbers import parse_whole_number

Direction = Literal["asc", "desc"]
SortKeys = tuple[tuple[str, Direction], ...]
QueryArgs = MultiDict[str, str]
Operator = Literal["eq", "neq", "gt", "gte", "lt", "lte"]

MAX_SORT_KEYS = 10
MAX_COMPARISONS = 10
MAX_QUOTED_CHARACTERS = 64
"""How much of a wrong value a refusal repeats."""
OPERATORS: tuple[Operator, ...] = ("eq", "neq", "gt", "gte", "lt", "lte")
_UNENCODED_OFFSET = re.compile(r" (\d\d:?\d\d)$")


@dataclass(frozen=True)
class Page:
    """The page that a request asks for. `marker` is the id of the row after which it begins."""

    limit: int
    marker: str | None = None
    offset: int = 0
    sort: SortKeys = ()


@dataclass(frozen=True)
class Comparison:
    """One `operator:time` of a filter such as `created_at=gte:2026-11-22T10:00:00Z`."""

    operator: Operator
    moment: datetime


@dataclass(frozen=True)
class Dialect:
    """The sentences and the error class with which one API refuses query parameters.

    The sentences may contain {name} (of the parameter), {value} (the beginning of what was given) and {choices}.
    """

    error: type[CloudError] = BadRequest
    not_a_number: str = "Invalid input for query parameters {name}. Value: {value}. It is not a number."
    not_a_flag: str = "Invalid input for query parameters {name}. Value: {value}. It is not a boolean."
    not_a_time: str = "Invalid input for query parameters {name}. Value: {value}. It is not an ISO 8601 time."
    not_a_choice: str = "Invalid input for query parameters {name}. Value: {value}. It is not one of {choices}."
    not_sortable: str = "Invalid input for query parameters {name}. Value: {value}."
    not_a_direction: str = "Invalid input for query parameters {name}. Value: {value}."
    unpaired_directions: str = "The number of sort_dir values must not exceed the number of sort_key values."
    mixed_sort: str = "The parameter sort cannot be combined with sort_key and sort_dir."
    marker_not_found: str = "Marker {value} could not be found."

    def refusal(self, sentence: str, name: str = "", value: str = "", choices: Collection[str] = ()) -> CloudError:
        """Return the error with this sentence filled in; the caller raises it."""
        quoted = value if len(value) <= MAX_QUOTED_CHARACTERS else value[:MAX_QUOTED_CHARACTERS] + "…"
        return self.error(why=sentence.format(name=name, value=quoted, choices=", ".join(choices)))

    # -- numbers, flags, words, times ------------------------------------------------------------------------------

    def number(self, name: str, text: str) -> int:
        """Return the whole number that these digits say, at most MAX_INTEGER. Refuse anything else, signs too."""
        number = parse_whole_number(text)
        if number is None:
            raise self.refusal(self.not_a_number, name, text)
        return number

    def limit(self, args: QueryArgs, *, default: int, maximum: int) -> int:
        """Return how many rows the page may have: what `limit` says, `default` without one, never over `maximum`."""
        text = args.get("limit", "")
        return min(self.number("limit", text), maximum) if text else min(default, maximum)

    def offset(self, args: QueryArgs) -> int:
        """Return how many rows to leave out, 0 unless `offset` says so."""
        text = args.get("offset", "")
        return self.number("offset", text) if text else 0

    def flag(self, name: str, text: str) -> bool:
        """Return the truth of a word that OpenStack takes for a boolean (1, t, true, on, y, yes and their opposites,
        in any case). Refuse any other word."""
        try:
            return bool(strutils.bool_from_string(text, strict=True))
        except ValueError:
            raise self.refusal(self.not_a_flag, name, text) from None

    def choice(self, name: str, text: str, choices: Collection[str]) -> str:
        """Return the word if it is one of `choices`. Refuse any other."""
        if text not in choices:
            raise self.refusal(self.not_a_choice, name, text, choices)
        return text

    def time(self, name: str, text: str) -> datetime:
        """Return a time in ISO 8601 as an aware datetime in UTC; one without a zone is in UTC already.

        Clients forget to encode the plus sign of an offset, which then arrives as a space.
        """
        try:
            moment = timeutils.parse_isotime(_UNENCODED_OFFSET.sub(r"+\1", text.strip()) if "T" in text else text)
            return moment.astimezone(UTC)
        except (ValueError, OverflowError):  # at either end of the calendar an offset leads out of it
            raise self.refusal(self.not_a_time, name, text) from None

    def comparisons(self, name: str, text: str) -> tuple[Comparison, ...]:
        """Return the conditions of a filter by time: `gte:TIME,lt:TIME`; a time without an operator means `eq`."""
        found = []
        for part in text.split(",")[:MAX_COMPARISONS]:
            word, colon, rest = part.partition(":")
            operator = next((known for known in OPERATORS if colon and known == word), None)
            found.append(Comparison(operator or "eq", self.time(name, rest if operator else part)))
        return tuple(found)

    # -- order -----------------------------------------------------------------------------------------------------

    def sort(
        self,
        args: QueryArgs,
        *,
        sortable: Collection[str],
        default: SortKeys,
        missing: Direction | Literal["previous"] = "desc",
        equal_numbers: bool = False,
    ) -> SortKeys:
        """Return the order that `sort=KEY:DIRECTION,KEY` or pairs of `sort_key` and `sort_dir` ask for.

        `default` orders a request without a key; a lone `sort_dir` replaces the direction of its first key. `missing`
        is the direction of a key without one: a fixed one, or that of the key before it. With `equal_numbers` there
        must be as many directions as keys, or none. Only names in `sortable` are accepted.
        """
        keys, directions = args.getlist("sort_key"), args.getlist("sort_dir")
        if "sort" in args:
            if keys or directions:
                raise self.refusal(self.mixed_sort)
            keys, directions = _split_sort(args.getlist("sort"))
        elif len(directions) != len(keys) if equal_numbers and directions else len(directions) > max(len(keys), 1):
            raise self.refusal(self.unpaired_directions)
        keys, directions = keys[:MAX_SORT_KEYS], directions[:MAX_SORT_KEYS]
        for key in keys:
            if key not in sortable:
                raise self.refusal(self.not_sortable, "sort_key", key, sorted(sortable))
        known = [self._direction(word) for word in directions]
        if not keys:
            first = known[0] if known else None
            return ((default[0][0], first or default[0][1]), *default[1:])
        usual: Direction = "desc" if missing == "previous" else missing
        found: list[tuple[str, Direction]] = []
        for number, key in enumerate(keys):
            given = known[number] if number < len(known) else None
            before = found[-1][1] if found and missing == "previous" else usual
            found.append((key, given or before))
        return tuple(found)

    def _direction(self, word: str) -> Direction | None:
        """None stands for a direction that was left out, as in `sort=name`."""
        if word == "":
            return None
        lower = word.lower()
        if lower not in ("asc", "desc"):
            raise self.refusal(self.not_a_direction, "sort_dir", word, ("asc", "desc"))
        return "asc" if lower == "asc" else "desc"


def _split_sort(values: Sequence[str]) -> tuple[list[str], list[str]]:
    """Return the keys and the directions ("" where there is none) of `sort=name:asc,size`."""
    pairs = [part.strip().partition(":") for part in ",".join(values).split(",") if part.strip()]
    return [pair[0].strip() for pair in pairs], [pair[2].strip() for pair in pairs]


def complete_sort(sort: SortKeys, ties: Sequence[str]) -> SortKeys:
    """Append the keys of `ties` that are missing, in the direction of the first key, so that the order is total."""
    names = {name for name, _ in sort}
    first: Direction = sort[0][1] if sort else "asc"
    return (*sort, *((tie, first) for tie in ties if tie not in names))


def next_url(url: str, args: QueryArgs, marker: str, *, limit: int | None = None, without: Collection[str] = ()) -> str:
    """Return the address of the next page: this request's parameters, with another marker.

    `limit` replaces the given one, where OpenStack's links always have it. Parameters in `without` are left out.
    """
    replaced = {"marker", *without} | ({"limit"} if limit is not None else set())
    pairs = [(name, value) for name, value in args.items(multi=True) if name not in replaced]
    if limit is not None:
        pairs.append(("limit", str(limit)))
    return f"{url}?{urlencode([*pairs, ('marker', marker)])}"
