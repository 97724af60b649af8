"""What every service answers, whatever goes wrong behind it."""

import os
import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import text
from sqlalchemy.dialects import sqlite

from pileus_kit import deadlines
from pileus_kit.db import Sessions, Utc
from pileus_kit.errors import StatementTimeout
from pileus_kit.policy import Enforcer, Rule
from pileus_kit.testing import TokenBook
from pileus_kit.web import Resource, create_app, named_error, tools_of

things = Resource("things", __name__, url_prefix="/v1")
tools = tools_of(Sessions)
WHY = "tests ask without a token"
ENDLESS = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"


@things.endpoint("POST", "/rows/<int:size>", public=WHY)
def write(size: int) -> dict[str, Any]:
    with tools().begin() as session:
        session.execute(text("INSERT INTO secrets VALUES (zeroblob(:size))"), {"size": size})
    return {"written": size}


@things.endpoint("GET", "/endless", public=WHY)
def endless() -> Any:
    with tools().read() as session:
        return {"last": session.scalar(text(ENDLESS))}


@things.endpoint("GET", "/missing", public=WHY)
def missing() -> Any:
    with tools().read() as session:
        return {"last": session.scalar(text("SELECT a FROM nowhere"))}


@things.endpoint("GET", "/full", public=WHY)
def full() -> Any:
    with Path("/dev/full").open("w") as file:
        file.write("x")
    return {}


@things.endpoint("GET", "/rows/<name>", public=WHY)
def show(name: str) -> dict[str, Any]:
    return {"row": name}


@pytest.fixture
def sessions(tmp_path: Path) -> Iterator[Sessions]:
    found = Sessions(f"sqlite:///{tmp_path / 'small.sqlite'}", connect_args={"timeout": 0.1})
    with found.begin() as session:
        session.execute(text("CREATE TABLE secrets (a BLOB)"))
    yield found
    found.dispose()


@pytest.fixture
def client(sessions: Sessions) -> FlaskClient:
    app = create_app(
        "small",
        tools=sessions,
        resources=[things],
        authenticate=TokenBook(),
        enforcer=Enforcer([Rule("small:things", "@")]),
        error_view=named_error,
        service_type="small",
    )
    return app.test_client()


def test_a_locked_database_is_weather(client: FlaskClient, sessions: Sessions, tmp_path: Path) -> None:
    with sessions.begin() as session:
        session.execute(text("PRAGMA busy_timeout=100"))
    holder = sqlite3.connect(tmp_path / "small.sqlite", isolation_level=None)
    holder.execute("BEGIN IMMEDIATE")
    answer = client.post("/v1/rows/1")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert answer.json == {
        "serviceUnavailable": {"code": 503, "message": "The database is busy or away; try again later."}
    }
    holder.execute("ROLLBACK")
    assert client.post("/v1/rows/1").status_code == 200
    holder.close()


def test_a_full_database_is_weather(client: FlaskClient, sessions: Sessions) -> None:
    with sessions.begin() as session:
        session.execute(text("PRAGMA max_page_count=10"))
    answer = client.post("/v1/rows/1000000")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert b"INSERT" not in answer.data and b"sqlite" not in answer.data


def test_a_statement_has_an_end(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "MAX_REQUEST_S", 0.2)
    answer = client.get("/v1/endless")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "1")
    assert "took too long" in answer.json["serviceUnavailable"]["message"]
    assert client.get("/v1/rows/a").status_code == 200


def test_a_statement_outside_a_request_has_none(
    client: FlaskClient, sessions: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deadlines, "MAX_REQUEST_S", 0.0)
    client.get("/v1/rows/a")
    with sessions.read() as session:
        counted = ENDLESS.replace("FROM n)", "FROM n WHERE i < 300000)")
        assert session.scalar(text(counted)) == 300_000


@pytest.mark.skipif("PILEUS_TEST_DATABASE" not in os.environ, reason="needs PostgreSQL")
def test_a_statement_has_an_end_on_postgresql_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deadlines, "MAX_REQUEST_S", 0.2)
    url = os.environ["PILEUS_TEST_DATABASE"]
    api, worker = Sessions(url), Sessions(url)
    deadlines.bound(api)
    with pytest.raises(StatementTimeout), api.read() as session:
        session.execute(text("SELECT pg_sleep(60)"))
    with api.read() as session:
        assert session.scalar(text("SELECT 1")) == 1
    with worker.read() as session:
        assert session.scalar(text("SHOW statement_timeout")) == "0"
    api.dispose()
    worker.dispose()


def test_a_disk_without_room(client: FlaskClient) -> None:
    answer = client.get("/v1/full")
    assert (answer.status_code, answer.headers["Retry-After"]) == (507, "60")
    assert answer.json == {"insufficientStorage": {"code": 507, "message": "The service's storage is full."}}


def test_a_bug_says_its_request_and_no_more(client: FlaskClient) -> None:
    answer = client.get("/v1/missing")
    assert answer.status_code == 500
    request_id = answer.headers["X-OpenStack-Request-ID"]
    assert answer.json == {
        "computeFault": {"code": 500, "message": f"Unexpected error; the log has its cause under {request_id}."}
    }


@pytest.mark.parametrize("path", ["//v1/rows/a", "/v1//rows/a", "/v1/rows///a", "//v1//rows//a/"])
def test_doubled_slashes_count_as_one(client: FlaskClient, path: str) -> None:
    answer = client.get("/", environ_overrides={"PATH_INFO": path})
    assert (answer.status_code, answer.json) == (200, {"row": "a"})


def test_slashes_are_collapsed_before_middleware_reads_the_path(client: FlaskClient) -> None:
    app, seen = client.application, []
    inner = app.wsgi_app

    def outer(environ: dict[str, Any], start_response: Any) -> Any:
        seen.append(environ["PATH_INFO"])
        return inner(environ, start_response)

    app.wsgi_app = outer  # type: ignore[method-assign]
    assert client.get("/", environ_overrides={"PATH_INFO": "//v1//rows/a"}).status_code == 200
    assert seen == ["/v1/rows/a"]


@pytest.mark.parametrize("year", [1, 9999])
@pytest.mark.parametrize("offset", [-23, 23])
def test_the_ends_of_the_calendar_can_be_asked_for(year: int, offset: int) -> None:
    month, day = (1, 1) if year == 1 else (12, 31)
    moment = datetime(year, month, day, 12, tzinfo=timezone(timedelta(hours=offset)))
    assert Utc().process_bind_param(moment, sqlite.dialect()).year == year
