"""Expressions of callers: those that OpenStack's clients send find what they ask for; no caller holds the service."""

import time
from typing import Any

import pytest

from pileus_compute.db.models import ServerPort
from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
NETWORK_ID = "22222222-2222-4222-8222-222222222222"


def found(compute: ComputeFixture, **query: str) -> list[str]:
    answer = compute.client.get("/v2.1/servers", query_string=query)
    assert answer.status_code == 200, answer.text
    return sorted(s["name"] for s in answer.json["servers"])


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("^node-1$", ["node-1"]),
        ("node-1", ["node-1", "node-10"]),
        ("^node-[0-9]+$", ["node-1", "node-10"]),
        ("node|web", ["node-1", "node-10", "web"]),
        ("n.*1", ["node-1", "node-10"]),
        ("(no){1}de", ["node-1", "node-10"]),
        ("%", []),
        ("_", []),
    ],
)
def test_names_are_searched_with_expressions(compute: ComputeFixture, pattern: str, names: list[str]) -> None:
    for name in ("node-1", "node-10", "web"):
        compute.server(imageRef=IMAGE_ID, name=name, drain=False)
    assert found(compute, name=pattern) == names


@pytest.mark.parametrize(
    "pattern",
    ["a*a*a*a*b", ".*.*.*.*.*.*b", "(a|a)*b", "(a+)+$b", "(.*)*x", "(a{0,9}){0,9}b", "a?" * 40 + "a" * 40 + "b"],
)
@pytest.mark.parametrize("field", ["name", "description", "hostname"])
def test_no_pattern_takes_for_ever(compute: ComputeFixture, pattern: str, field: str) -> None:
    """Each of these is a matter of minutes or years for an engine that backtracks."""
    compute.server(
        imageRef=IMAGE_ID, name="a" * 250, description="a" * 250, hostname="a" * 60, version="2.90", drain=False
    )
    began = time.process_time()
    answer = compute.client.get("/v2.1/servers", query_string={field: pattern})
    assert answer.status_code in (200, 400) and (answer.status_code == 400 or answer.json["servers"] == [])
    assert time.process_time() - began < 10


@pytest.mark.parametrize("field", ["ip", "ip6"])
def test_nor_one_for_addresses(compute: ComputeFixture, field: str) -> None:
    server = compute.server(imageRef=IMAGE_ID, networks=[{"uuid": NETWORK_ID}])["id"]
    with compute.sessions.begin() as session:
        session.query(ServerPort).filter_by(server_id=server).one().addresses = "1" * 4000
    began = time.process_time()
    assert found_by(compute, field, "1*1*1*1*2").json == {"servers": []}
    assert time.process_time() - began < 10


def found_by(compute: ComputeFixture, field: str, pattern: str) -> Any:
    return compute.client.get("/v2.1/servers", query_string={field: pattern}, version="2.5")


@pytest.mark.parametrize("pattern", ["[", "(a)\\1", "(?=a)b", "x*" * 200, "\\"])
def test_what_is_no_expression_is_refused(compute: ComputeFixture, pattern: str) -> None:
    refused = found_by(compute, "name", pattern)
    assert refused.status_code == 400 and "regular expression" in refused.json["badRequest"]["message"]
