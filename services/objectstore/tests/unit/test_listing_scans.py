"""A page of a listing costs the same wherever in the listing it is, and it is the right page."""

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from pileus_objectstore.storage.disks import Disk
from pileus_objectstore.storage.listing_database import ListingDatabase
from pileus_objectstore.storage.listing_scans import upper_bound
from pileus_objectstore.storage.listing_store import ListingStore
from pileus_objectstore.wire.contract import ListingInfo, ListingRow

NAMES = [f"{group}/{n:05d}" for group in ("a", "b", "c") for n in range(10_000)]


ODD = ["", "a", "a/", "a/b", "a/b/", "a/b/c", "a//", "a//b", "b", "b-", "b/x", "b/x/y", "é/1", "é/2", "\U0010ffff/1",
       "\U0010ffff/2", "\ud7ff/1", "\ue000/1", "z"]  # fmt: skip


def listing(path: Path, names: list[str]) -> Iterator[ListingDatabase]:
    Disk.format(path / "d", "d")
    disk = Disk(path / "d")
    disk.open()
    listings = ListingStore(disk)
    listings.create("container", 0, "x", ListingInfo("/a/c", put="1"))
    with listings.use("container", 0, "x") as held:
        assert held is not None
        held.merge([ListingRow(name, "0000000001.00000") for name in names if name])
        yield held
    listings.close()
    disk.close()


@pytest.fixture(scope="module")
def long(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ListingDatabase]:
    yield from listing(tmp_path_factory.mktemp("long"), NAMES)


@pytest.fixture(scope="module")
def odd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ListingDatabase]:
    yield from listing(tmp_path_factory.mktemp("odd"), ODD)


def steps(held: ListingDatabase, **query: object) -> int:
    """How many instructions SQLite's machine executes for a page, in tens."""
    count = 0

    def tick() -> int:
        nonlocal count
        count += 1
        return 0

    db: sqlite3.Connection = held._db_open()
    db.set_progress_handler(tick, 10)
    try:
        held.rows(limit=100, **query)  # type: ignore[arg-type]
    finally:
        db.set_progress_handler(None, 10)
    return count


def expected(names: list[str], query: dict[str, object]) -> list[str]:
    """The same page, computed slowly."""
    prefix, delimiter = str(query.get("prefix", "")), str(query.get("delimiter", ""))
    marker, end, reverse = str(query.get("marker", "")), str(query.get("end_marker", "")), bool(query.get("reverse"))
    low, high = (end, marker) if reverse else (marker, end)
    found: list[str] = []
    for name in sorted(filter(None, names), reverse=reverse):
        if not name.startswith(prefix) or (low and name <= low) or (high and name >= high):
            continue
        cut = name.find(delimiter, len(prefix)) if delimiter else -1
        shown = name if cut < 0 else name[: cut + len(delimiter)]
        if shown not in found and not (cut >= 0 and shown == marker):
            found.append(shown)
    return found


@pytest.mark.parametrize(
    "query",
    [
        {"marker": "c/09800"},
        {"marker": "b/05000"},
        {"marker": "b/05000", "prefix": "a"},
        {"marker": "c/09800", "prefix": "c/"},
        {"marker": "c/05000", "end_marker": "c/05100"},
        {"end_marker": "c/05000", "prefix": "c/049"},
        {"marker": "a/00200", "reverse": True},
        {"marker": "c/00200", "reverse": True, "prefix": "c/"},
        {"marker": "c/09900", "end_marker": "c/00010", "reverse": True},
        {"marker": "b/05000", "delimiter": "/", "prefix": "b/"},
        {"marker": "b/05000", "delimiter": "/"},
        {"marker": "b/05000", "delimiter": "/", "reverse": True},
        {"delimiter": "/"},
        {"delimiter": "/", "reverse": True},
        {"path": "c", "marker": "c/09800"},
        {"path": "c", "marker": "c/00200", "reverse": True},
        {"path": ""},
    ],
    ids=str,
)
def test_a_page_costs_the_same_everywhere(long: ListingDatabase, query: dict[str, object]) -> None:
    first = max(steps(long), steps(long, delimiter="/", prefix="a/") if "delimiter" in query or "path" in query else 0)
    assert steps(long, **query) <= 1.5 * first + 20


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ListingDatabase]:
    yield from listing(
        tmp_path_factory.mktemp("short"), [f"{group}/{n}" for group in ("a", "b", "c") for n in range(40)]
    )


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("query", [{"delimiter": "/"}, {"delimiter": "/", "marker": "b/"}, {"path": ""}], ids=str)
def test_a_group_costs_the_same_however_long_it_is(
    long: ListingDatabase, short: ListingDatabase, query: dict[str, object], reverse: bool
) -> None:
    """Three groups of 10,000 rows cost what three groups of 40 do."""
    assert steps(long, reverse=reverse, **query) <= 1.2 * steps(short, reverse=reverse, **query) + 5


def test_pages_are_what_they_should_be(odd: ListingDatabase) -> None:
    """Random combinations of bounds are compared with a walk through all names."""
    dice = random.Random(9)
    for _ in range(3000):
        query: dict[str, object] = {"reverse": dice.random() < 0.5}
        for bound in ("prefix", "marker", "end_marker"):
            if dice.random() < 0.5:
                name = dice.choice(ODD)
                query[bound] = name[: dice.randrange(len(name) + 1)]
        if dice.random() < 0.5:
            query["delimiter"] = dice.choice(["/", "//", "b", "é"])
        limit = dice.choice([1, 2, 5, 100])
        page = [row[0] for row in odd.rows(limit=limit, **query)]  # type: ignore[arg-type]
        assert page == expected(ODD, query)[:limit], query


def test_paths(odd: ListingDatabase) -> None:
    assert [row[0] for row in odd.rows(limit=100, path="a")] == ["a//", "a/b", "a/b/"]
    for path, same in (("a/", "a"), ("a/b///", "a/b"), ("é/", "é")):
        assert odd.rows(limit=100, path=path) == odd.rows(limit=100, path=same)


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [("a", "b"), ("a/", "a0"), ("\ud7ff", "\ue000"), ("a\U0010ffff", "b"), ("\U0010ffff", ""), ("", "")],
)
def test_upper_bounds(prefix: str, expected: str) -> None:
    assert upper_bound(prefix) == expected
