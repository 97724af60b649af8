"""The audit: which requests have a line, and what is in it."""

import json
from dataclasses import replace
from typing import Any

import pytest

from pileus_kit import audit, context
from pileus_kit.auth import Caller

CALLER = Caller(
    token="secret",
    user_id="u",
    user_name="Ada",
    project_id="p",
    roles=frozenset({"member", "admin"}),
    methods=("password",),
    audit_ids=("a",),
)


def line(
    caplog: pytest.LogCaptureFixture, method: str = "POST", status: int = 200, **more: object
) -> dict[str, object]:
    environ = {"REQUEST_METHOD": method, "PATH_INFO": "/v3/things", "REMOTE_ADDR": "192.0.2.1"} | more
    with caplog.at_level("INFO", "pileus.audit"):
        audit.record("volume", environ, status, "volume:create", CALLER, {"login": "Ada", "nothing": None})
    found: dict[str, Any] = json.loads(caplog.messages[-1]) if caplog.messages else {}
    caplog.clear()
    return found


@pytest.mark.parametrize(
    ("method", "status", "expected"),
    [("GET", 200, False), ("HEAD", 404, False), ("GET", 401, True), ("GET", 403, True), ("GET", 429, True)]
    + [(method, status, True) for method in ("POST", "PUT", "PATCH", "DELETE") for status in (200, 404, 500)],
)
def test_writes_and_refusals_have_a_line(
    caplog: pytest.LogCaptureFixture, method: str, status: int, expected: bool
) -> None:
    assert bool(line(caplog, method, status)) is expected


def test_a_line_says_who_did_what(caplog: pytest.LogCaptureFixture) -> None:
    token = context.request_id.set("req-1")
    try:
        found = line(caplog)
    finally:
        context.request_id.reset(token)
    assert found.pop("time")
    assert found == {
        "request_id": "req-1",
        "service": "volume",
        "method": "POST",
        "path": "/v3/things",
        "rule": "volume:create",
        "status": 200,
        "from": "192.0.2.1",
        "user_id": "u",
        "user_name": "Ada",
        "project_id": "p",
        "roles": ["admin", "member"],
        "methods": ["password"],
        "audit_ids": ["a"],
        "login": "Ada",
    }


def test_paths_are_bounded_and_decoded(caplog: pytest.LogCaptureFixture) -> None:
    found = line(caplog, PATH_INFO="/" + "ä".encode().decode("latin-1") * 1000)
    assert found["path"] == "/" + "ä" * 499


def test_a_service_that_acts_for_a_user_is_named(caplog: pytest.LogCaptureFixture) -> None:
    environ = {"REQUEST_METHOD": "POST", "PATH_INFO": "/"}
    with caplog.at_level("INFO", "pileus.audit"):
        audit.record("volume", environ, 202, "r", replace(CALLER, service_user_id="nova", system=True))
        audit.record("volume", environ, 401, "r", None)
    first, second = map(json.loads, caplog.messages)
    assert (first["through"], first["system"]) == ("nova", True)
    assert "user_id" not in second
