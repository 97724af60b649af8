"""Patterns of callers: what they match, what is refused, and that none of them takes long."""

import time

import pytest
from sqlalchemy import column, create_engine, event, literal_column, select

from pileus_kit import patterns
from pileus_kit.errors import BadRequest


@pytest.mark.parametrize(
    ("pattern", "text", "found"),
    [
        ("web", "my-web-1", True),
        ("^web", "my-web", False),
        ("^web$", "web", True),
        ("web|db", "db1", True),
        (r"\d+$", "n12", True),
        ("(?i)WEB", "web", True),
        ("a{2,3}", "caab", True),
        ("[[:digit:]]", "x", False),
        ("ü.", "für", True),
        ("", "anything", True),
        ("a", "\ud800a", False),
    ],
)
def test_what_a_pattern_finds(pattern: str, text: str, found: bool) -> None:
    assert patterns.matcher(pattern)(text) is found


@pytest.mark.parametrize(
    "pattern",
    [
        "(",
        "[z-a]",
        "*",
        "a**",
        r"(a)\1",
        "(?=a)",
        "(?<=a)b",
        "(?P<n>a)(?P=n)",
        "a{1001}",
        "(a{1,1000}){1,1000}",
        "((a{100}){100}){100}",
        "a" * 257,
        "\ud800",
        r"\u0041",
    ],
)
def test_what_is_no_pattern_here_is_refused(pattern: str) -> None:
    with pytest.raises(BadRequest):
        patterns.matcher(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "a*a*a*a*b",
        "(a*)*b",
        "(a|aa)+$",
        "(a|a)*b",
        "(.*)*(.*)*b",
        "a?" * 60 + "a" * 60 + "b",
        "(x+x+)+y",
    ],
)
def test_time_grows_with_the_text_only(pattern: str) -> None:
    """An engine that backtracks needs years for these; the process's own CPU is looked at, not the clock."""
    find = patterns.matcher(pattern)
    began = time.process_time()
    assert not any(find(("a" if "x" not in pattern else "x") * 255 + "!") for _ in range(100))
    assert time.process_time() - began < 5


def test_sqlite_asks_the_same_engine() -> None:
    engine = create_engine("sqlite://")
    event.listen(engine, "connect", lambda connection, _: patterns.install(connection))
    with engine.connect() as connection:

        def asked(text: str, pattern: str) -> object:
            return connection.scalar(select(patterns.matching(literal_column(f"'{text}'"), pattern)))

        assert asked("web-1", "^web") == 1
        assert asked("web-1", "b-") == 1
        assert asked("a" * 250, "a*a*a*a*a*a*b") == 0
        assert connection.scalar(select(literal_column("NULL").regexp_match("a"))) is None


def test_plain_words_need_no_expression() -> None:
    assert "LIKE" in str(patterns.matching(column("name"), "100%"))
    with pytest.raises(BadRequest):
        patterns.matching(column("name"), r"(a)\1")
