"""Query parameters of lists: what is accepted, how it is bounded, and in which words the rest is refused."""

from datetime import UTC, datetime

import pytest
from werkzeug.datastructures import MultiDict

from pileus_kit.errors import BadRequest, Conflict
from pileus_kit.listing import Comparison, Dialect, SortKeys, complete_sort, next_url

LISTING = Dialect()
DEFAULT: SortKeys = (("created_at", "desc"),)
SORTABLE = ("created_at", "name", "size", "id")


def query(*pairs: tuple[str, str]) -> MultiDict[str, str]:
    return MultiDict(pairs)


def sort_by(*pairs: tuple[str, str], **rules: object) -> SortKeys:
    return LISTING.sort(query(*pairs), sortable=SORTABLE, default=DEFAULT, **rules)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"), [("5", 5), ("0", 0), ("", 20), ("9" * 4000, 100), ("101", 100), ("007", 7)]
)
def test_a_limit_is_bounded(text: str, expected: int) -> None:
    assert LISTING.limit(query(("limit", text)), default=20, maximum=100) == expected


def test_a_list_without_a_limit_has_the_default_but_not_more_than_the_maximum() -> None:
    assert LISTING.limit(query(), default=20, maximum=100) == 20
    assert LISTING.limit(query(), default=1000, maximum=100) == 100


@pytest.mark.parametrize("text", ["-1", "+1", "1.0", "ten", " 5", "٣", "0x10"])
def test_a_limit_that_is_no_whole_number_is_refused(text: str) -> None:
    with pytest.raises(BadRequest, match="query parameters limit"):
        LISTING.limit(query(("limit", text)), default=20, maximum=100)


def test_an_offset_is_zero_unless_given() -> None:
    assert LISTING.offset(query()) == 0
    assert LISTING.offset(query(("offset", "3"))) == 3


@pytest.mark.parametrize("word", ["1", "t", "true", "on", "y", "yes", "TRUE", " Yes "])
def test_words_that_are_true(word: str) -> None:
    assert LISTING.flag("deleted", word) is True


@pytest.mark.parametrize("word", ["0", "f", "false", "off", "n", "no", "False"])
def test_words_that_are_false(word: str) -> None:
    assert LISTING.flag("deleted", word) is False


@pytest.mark.parametrize("word", ["", "maybe", "2", "none"])
def test_other_words_are_no_flags(word: str) -> None:
    with pytest.raises(BadRequest, match="deleted"):
        LISTING.flag("deleted", word)


def test_a_choice_is_one_of_the_choices() -> None:
    assert LISTING.choice("visibility", "public", ("public", "private")) == "public"
    with pytest.raises(BadRequest, match="public, private"):
        LISTING.choice("visibility", "secret", ("public", "private"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22T10:00:00Z", datetime(2026, 11, 22, 10, tzinfo=UTC)),
        ("2026-11-22T10:00:00", datetime(2026, 11, 22, 10, tzinfo=UTC)),
        ("2026-11-22 10:00:00", datetime(2026, 11, 22, 10, tzinfo=UTC)),
        ("2026-11-22T10:00:00.25+02:00", datetime(2026, 11, 22, 8, 0, 0, 250_000, tzinfo=UTC)),
        ("2026-11-22T10:00:00 02:00", datetime(2026, 11, 22, 8, tzinfo=UTC)),
        ("2026-11-22", datetime(2026, 11, 22, tzinfo=UTC)),
    ],
)
def test_times_are_read_in_utc(text: str, expected: datetime) -> None:
    moment = LISTING.time("changes-since", text)
    assert moment == expected
    assert moment.tzinfo is UTC


@pytest.mark.parametrize("text", ["", "yesterday", "2026-13-01", "2026-01-01T25:00:00Z", "0001-01-01T00:00:00+10:00"])
def test_other_texts_are_no_times(text: str) -> None:
    with pytest.raises(BadRequest, match="changes-since"):
        LISTING.time("changes-since", text)


def test_comparisons_have_an_operator_each() -> None:
    first, second = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)
    asked = "gte:2026-01-01T00:00:00Z,lt:2026-02-01T00:00:00Z"
    assert LISTING.comparisons("created_at", asked) == (Comparison("gte", first), Comparison("lt", second))
    assert LISTING.comparisons("created_at", "2026-01-01T00:00:00Z") == (Comparison("eq", first),)
    with pytest.raises(BadRequest):
        LISTING.comparisons("created_at", "about:2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([], (("created_at", "desc"),)),
        ([("sort_dir", "asc")], (("created_at", "asc"),)),
        ([("sort_key", "name")], (("name", "desc"),)),
        ([("sort_key", "name"), ("sort_dir", "ASC")], (("name", "asc"),)),
        ([("sort_key", "name"), ("sort_key", "id"), ("sort_dir", "asc")], (("name", "asc"), ("id", "desc"))),
        ([("sort", "name:asc, size")], (("name", "asc"), ("size", "desc"))),
        ([("sort", "name:asc"), ("sort", "id:desc")], (("name", "asc"), ("id", "desc"))),
        ([("sort", "")], (("created_at", "desc"),)),
    ],
)
def test_orders(pairs: list[tuple[str, str]], expected: SortKeys) -> None:
    assert sort_by(*pairs) == expected


def test_a_missing_direction_may_be_that_of_the_key_before() -> None:
    asked = [("sort_key", "name"), ("sort_dir", "asc"), ("sort_key", "id")]
    assert sort_by(*asked, missing="previous") == (("name", "asc"), ("id", "asc"))
    assert sort_by(("sort_key", "name"), missing="asc") == (("name", "asc"),)


@pytest.mark.parametrize(
    "pairs",
    [
        [("sort_key", "secret")],
        [("sort_key", "name"), ("sort_dir", "up")],
        [("sort_dir", "up")],
        [("sort", "name:asc"), ("sort_key", "name")],
        [("sort_key", "name"), ("sort_dir", "asc"), ("sort_dir", "asc")],
    ],
)
def test_other_orders_are_refused(pairs: list[tuple[str, str]]) -> None:
    with pytest.raises(BadRequest):
        sort_by(*pairs)


def test_where_directions_and_keys_must_be_as_many() -> None:
    asked = [("sort_key", "name"), ("sort_key", "id"), ("sort_dir", "asc")]
    with pytest.raises(BadRequest, match="sort_dir"):
        sort_by(*asked, equal_numbers=True)
    assert sort_by(*asked[:2], equal_numbers=True, missing="asc") == (("name", "asc"), ("id", "asc"))


def test_an_order_is_made_total() -> None:
    assert complete_sort((("name", "asc"),), ("created_at", "id")) == (
        ("name", "asc"),
        ("created_at", "asc"),
        ("id", "asc"),
    )
    assert complete_sort((("id", "desc"),), ("id",)) == (("id", "desc"),)


def test_the_next_page_keeps_the_other_parameters() -> None:
    args = query(("tag", "a"), ("tag", "b c"), ("limit", "7"), ("marker", "old"), ("offset", "3"))
    assert next_url("http://c/v3/x", args, "new", without=("offset",)) == (
        "http://c/v3/x?tag=a&tag=b+c&limit=7&marker=new"
    )
    assert next_url("http://c/v3/x", args, "new", limit=5, without=("offset",)) == (
        "http://c/v3/x?tag=a&tag=b+c&limit=5&marker=new"
    )


def test_a_service_has_its_own_sentences_and_error() -> None:
    listing = Dialect(error=Conflict, not_a_number="limit has to be a number, not {value}.")
    with pytest.raises(Conflict, match=r"limit has to be a number, not x{64}…") as refused:
        listing.limit(query(("limit", "x" * 5000)), default=1, maximum=1)
    assert len(str(refused.value)) < 120
