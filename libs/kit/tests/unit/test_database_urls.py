"""Which servers a URL names, and that no password shows."""

import pytest
from sqlalchemy import create_engine

from pileus_kit.database_urls import engine_url, in_schema, text_of, without_password


@pytest.mark.parametrize(
    ("url", "wanted"),
    [
        (
            "postgresql://u:p%40x@one:5433,two/cloud?sslmode=verify-full",
            {
                "user": "u",
                "password": "p@x",
                "host": "one,two",
                "port": "5433,5432",
                "dbname": "cloud",
                "sslmode": "verify-full",
                "target_session_attrs": "read-write",
            },
        ),
        ("postgres://u@[::1]/cloud", {"user": "u", "host": "::1", "port": "5432", "dbname": "cloud"}),
        (
            "postgresql://one,[fd00::2]:99/c?target_session_attrs=any",
            {"host": "one,fd00::2", "port": "5432,99", "dbname": "c", "target_session_attrs": "any"},
        ),
        ("postgresql+psycopg2://u@/cloud?host=/run/pg", {"user": "u", "host": "/run/pg", "dbname": "cloud"}),
    ],
)
def test_what_libpq_is_told(url: str, wanted: dict[str, str]) -> None:
    for written in (url, text_of(engine_url(url))):
        engine = create_engine(engine_url(written))
        assert engine.dialect.create_connect_args(engine.url)[1] == wanted


def test_sqlite_stays_as_it_is() -> None:
    assert engine_url("sqlite:////var/lib/x.sqlite").database == "/var/lib/x.sqlite"


def test_a_password_is_not_shown() -> None:
    assert "geheim" not in without_password("postgresql://u:geheim@one,two/cloud")


@pytest.mark.parametrize(
    "url",
    [
        "postgresql:/geheim",
        "postgresql://u:geheim@one two/c",
        "postgresql://u:geheim@one:x/c",
        "postgresql://u:geheim@a,,b/c",
    ],
)
def test_what_is_no_url_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(ValueError, match="PostgreSQL") as refused:
        engine_url(url)
    assert "geheim" not in str(refused.value)


@pytest.mark.parametrize(
    ("given", "wanted"), [("", "-csearch_path=x"), ("?options=-cfoo%3D1", "-cfoo=1 -csearch_path=x")]
)
def test_a_schema_of_the_same_database(given: str, wanted: str) -> None:
    found = engine_url(in_schema(f"postgresql://u:p%40x@one,two/cloud{given}", "x"))
    assert (found.query["options"], found.query["host"], found.password) == (wanted, "one,two", "p@x")
