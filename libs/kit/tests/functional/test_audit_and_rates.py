"""The audit's lines, and how many requests are too many."""

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from pileus_kit import logs
from pileus_kit.config import ServiceConfig
from pileus_kit.errors import Forbidden, Unauthorized
from pileus_kit.policy import Enforcer, Rule
from pileus_kit.rates import RateExceeded, Rates
from pileus_kit.testing import Client, TokenBook
from pileus_kit.testing.callers import make_caller
from pileus_kit.web import Resource, add_audit_facts, create_app, named_error

things = Resource("things", __name__, url_prefix="/v1")


@things.endpoint("GET", "/things", policy="small:read")
def show() -> dict[str, Any]:
    return {}


@things.endpoint("POST", "/things", policy="small:write", body={"type": "object"})
def create(body: dict[str, Any]) -> tuple[dict[str, Any], int]:
    return {}, 202


@things.endpoint("GET", "/versions", public="tests ask without a token")
def versions() -> dict[str, Any]:
    return {}


@things.endpoint("POST", "/login", public="like a login", body={"type": "object"})
def login(body: dict[str, Any]) -> dict[str, Any]:
    add_audit_facts(login=body["user"])
    if body["password"] != "right":
        raise Unauthorized()
    return {}


@things.endpoint("GET", "/proof/<proof>", public="like a host's signature", counted=False)
def prove(proof: str) -> dict[str, Any]:
    if proof != "right":
        raise Forbidden(rule="proof")
    return {}


@dataclass(frozen=True)
class Tools:
    config: ServiceConfig


def small(**settings: Any) -> Client:
    rules = [Rule("small:read", "@"), Rule("small:write", "role:member")]
    app = create_app(
        "small",
        tools=Tools(ServiceConfig(**settings)),
        resources=[things],
        authenticate=TokenBook(),
        enforcer=Enforcer(rules),
        error_view=named_error,
        service_type="small",
    )
    return Client(app)


@pytest.fixture
def book(tmp_path: Path) -> Iterator[Path]:
    """The file of the audit's lines."""
    root, audit = logging.getLogger(), logging.getLogger("pileus.audit")
    before = root.handlers[:], root.level, audit.handlers[:], audit.propagate
    logs.setup("small-api", audit=str(tmp_path / "audit" / "small.log"))
    yield tmp_path / "audit" / "small.log"
    root.handlers[:], audit.handlers[:], audit.propagate = before[0], before[2], before[3]
    root.setLevel(before[1])


def lines(book: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in book.read_text().splitlines()] if book.exists() else []


def test_each_write_has_a_line(book: Path) -> None:
    answer = small().post(
        "/v1/things?secret=abcdefgh",
        as_="token-member",
        json={"adminPass": "swordfish1"},
        headers={"X-Forwarded-For": "192.0.2.7"},
        environ_overrides={"REMOTE_ADDR": "192.0.2.1"},
    )
    (line,) = lines(book)
    assert line.pop("time").endswith("+00:00")
    assert line.pop("request_id") == answer.headers["X-OpenStack-Request-ID"]
    assert line == {
        "service": "small",
        "method": "POST",
        "path": "/v1/things",
        "rule": "small:write",
        "status": 202,
        "from": "192.0.2.1",
        "forwarded_for": "192.0.2.7",
        "user_id": "u-member",
        "user_name": "member",
        "project_id": "p1",
        "roles": ["member", "reader"],
        "methods": ["password"],
        "audit_ids": ["audit-member"],
    }
    assert not {"swordfish1", "abcdefgh", "token-member"} & set(book.read_text().replace('"', " ").split())


@pytest.mark.parametrize(
    ("method", "token", "status", "who"),
    [
        ("GET", "token-nonsense", 401, None),
        ("GET", "", 401, None),
        ("POST", "token-reader", 403, "u-reader"),
        ("POST", "token-nonsense", 401, None),
    ],
)
def test_each_refusal_has_a_line(book: Path, method: str, token: str, status: int, who: str | None) -> None:
    assert small().request(method, "/v1/things", as_=token, json={}).status_code == status
    (line,) = lines(book)
    assert (line["status"], line.get("user_id"), line["method"]) == (status, who, method)


def test_a_refused_login_says_who_tried_and_not_with_what(book: Path) -> None:
    small().post("/v1/login", json={"user": "demo", "password": "swordfish1"})
    (line,) = lines(book)
    assert (line["login"], line["status"]) == ("demo", 401) and "swordfish1" not in book.read_text()


def test_what_is_read_has_none(book: Path) -> None:
    client = small()
    assert client.get("/v1/things", as_="token-member").status_code == 200
    assert client.get("/v1/nowhere", as_="token-member").status_code == 404
    assert lines(book) == []


def test_a_file_that_is_moved_away_is_made_anew(book: Path) -> None:
    client = small()
    client.post("/v1/things", as_="token-member", json={})
    book.rename(book.with_suffix(".1"))
    client.post("/v1/things", as_="token-member", json={})
    assert len(lines(book)) == 1


def test_a_project_has_its_rate(book: Path) -> None:
    client = small(requests_per_minute=6, request_burst=3)
    assert [client.get("/v1/things", as_="token-member").status_code for _ in range(4)] == [200, 200, 200, 429]
    answer = client.get("/v1/things", as_="token-reader")  # of the same project
    assert answer.status_code == 429 and 1 <= int(answer.headers["Retry-After"]) <= 10
    assert answer.json["overLimit"]["message"].startswith("Too many requests; try again in ")
    assert client.get("/v1/things", as_="token-other").status_code == 200
    assert [client.get("/v1/things", as_="token-service").status_code for _ in range(9)] == [200] * 9
    on_behalf = {"X-Service-Token": "token-service"}
    assert client.get("/v1/things", as_="token-member", headers=on_behalf).status_code == 200
    assert [(line["status"], line["user_id"]) for line in lines(book)] == [(429, "u-member"), (429, "u-reader")]


def test_who_has_no_token_has_the_address_rate() -> None:
    client = small(requests_per_minute=6, request_burst=2)
    assert [client.get("/v1/versions").status_code for _ in range(3)] == [200, 200, 429]
    assert client.get("/v1/versions", environ_overrides={"REMOTE_ADDR": "192.0.2.1"}).status_code == 200
    assert client.get("/v1/things", as_="token-member").status_code == 200


def test_our_own_hosts_have_no_rate_unless_their_proof_is_wrong() -> None:
    client = small(requests_per_minute=6, request_burst=2, refusals_per_minute=6, refusal_burst=15)
    assert {client.get("/v1/proof/right").status_code for _ in range(50)} == {200}
    assert [client.get("/v1/proof/wrong").status_code for _ in range(3)] == [403, 403, 429]


def test_tokens_and_passwords_are_not_tried_for_ever() -> None:
    client = small(refusals_per_minute=6, refusal_burst=15)
    wrong = {"user": "demo", "password": "wrong"}
    assert [client.post("/v1/login", json=wrong).status_code for _ in range(3)] == [401, 401, 429]
    assert client.post("/v1/login", json=wrong | {"password": "right"}).status_code == 429
    assert client.get("/v1/things", as_="token-guess").status_code == 429
    assert client.get("/v1/things", as_="token-member").status_code == 200  # a token that is known
    elsewhere = {"REMOTE_ADDR": "192.0.2.1"}
    assert client.post("/v1/login", json=wrong, environ_overrides=elsewhere).status_code == 401


def test_no_bound_is_a_bound_of_zero() -> None:
    rates = Rates(ServiceConfig(requests_per_minute=0, refusals_per_minute=0))
    for _ in range(100_000):
        rates.count_caller(make_caller("somebody", "member"))
        rates.count_refusal("192.0.2.1", login=True)
        rates.check_login("192.0.2.1")


def test_clients_that_work_never_see_a_bound() -> None:
    """A benchmark's burst from one project, by the default settings."""
    rates = Rates(ServiceConfig())
    for _ in range(25_000):
        rates.count_caller(make_caller("somebody", "member"))


def test_a_caller_without_a_project_has_a_rate_of_its_own() -> None:
    rates = Rates(ServiceConfig(requests_per_minute=1, request_burst=1))
    one, two = (
        make_caller("one", "admin", project=None, system=True),
        make_caller("two", "admin", project=None, domain="d"),
    )
    for who in (one, two, replace(one, user_id="third")):
        rates.count_caller(who)
        with pytest.raises(RateExceeded):
            rates.count_caller(who)
