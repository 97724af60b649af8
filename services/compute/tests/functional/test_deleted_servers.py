"""Servers that are gone: shown to administrators, and to everybody who asks what changed."""

from datetime import timedelta
from typing import Any

import pytest

from pileus_compute.db.models import DeletedServer, Server
from pileus_compute.testing import ComputeFixture
from pileus_kit.db import now

IMAGE_ID = "11111111-1111-4111-8111-111111111111"


def names(compute: ComputeFixture, query: str, as_: Any = None, version: str = "2.79") -> list[str]:
    answer = compute.client.get(f"/v2.1/servers{query}", as_=as_, version=version)
    assert answer.status_code == 200, answer.text
    return [s["name"] for s in answer.json["servers"]]


def delete(compute: ComputeFixture, server_id: str) -> None:
    assert compute.client.delete(f"/v2.1/servers/{server_id}").status_code == 204
    compute.drain()


@pytest.fixture
def gone(compute: ComputeFixture) -> str:
    """One server is there, one was there."""
    compute.server(imageRef=IMAGE_ID, name="there", drain=False)
    gone = compute.server(imageRef=IMAGE_ID, name="gone", metadata={"a": "b"}, version="2.79")["id"]
    delete(compute, gone)
    return gone


def test_an_administrator_lists_what_is_deleted(compute: ComputeFixture, gone: str) -> None:
    admin = compute.book.admin
    for query in ("?deleted=True", "?status=deleted", "?deleted=1&name=go", "?deleted=True&all_tenants=1"):
        assert names(compute, query, admin) == ["gone"], query
    assert names(compute, "?deleted=False", admin) == ["there"] and names(compute, "", admin) == ["there"]
    shown = compute.client.get("/v2.1/servers/detail?deleted=True", as_=admin, version="2.79").json["servers"][0]
    assert shown["id"] == gone and shown["status"] == "DELETED" and shown["metadata"] == {"a": "b"}
    assert shown["OS-EXT-STS:vm_state"] == "deleted" and shown["OS-SRV-USG:terminated_at"]
    assert shown["addresses"] == {} and shown["tags"] == [] and shown["image"]["id"] == IMAGE_ID
    assert shown["OS-EXT-SRV-ATTR:host"] == "host1" and shown["flavor"]["original_name"] == "m1"


def test_others_do_not(compute: ComputeFixture, gone: str) -> None:
    assert names(compute, "?deleted=True") == ["there"]
    assert compute.client.get("/v2.1/servers?status=DELETED").status_code == 403
    assert compute.client.get(f"/v2.1/servers/{gone}").status_code == 404
    assert names(compute, "?changes-since=2020-01-01T00:00:00Z", compute.book.other) == []


def test_whoever_asks_what_changed_hears_what_went(compute: ComputeFixture, gone: str) -> None:
    since = "?changes-since=2020-01-01T00:00:00Z"
    assert names(compute, since) == ["gone", "there"]
    assert names(compute, since + "&sort_key=display_name&sort_dir=desc") == ["there", "gone"]
    assert names(compute, since + "&limit=1") == ["gone"]
    assert names(compute, since + f"&limit=1&marker={gone}") == ["there"]
    assert names(compute, "?changes-before=2999-01-01T00:00:00Z") == ["gone", "there"]
    assert names(compute, "?changes-since=2999-01-01T00:00:00Z") == []
    assert names(compute, since + "&deleted=False", compute.book.admin) == ["there"]


def test_pages_of_both_kinds_miss_nothing(compute: ComputeFixture) -> None:
    made = [compute.server(imageRef=IMAGE_ID, name=f"n{i}", drain=False)["id"] for i in range(6)]
    compute.drain()
    for server in made[::2]:
        delete(compute, server)
    for key in ("created_at", "display_name", "host", "image_ref", "launched_at", "key_name"):
        seen: list[str] = []
        path = f"/v2.1/servers?changes-since=2020-01-01T00:00:00Z&limit=2&sort_key={key}&sort_dir=asc"
        while path:
            page = compute.client.get(path, version="2.79").json
            seen += [s["id"] for s in page["servers"]]
            path = next((link["href"].removeprefix("http://localhost") for link in page.get("servers_links", ())), "")
        assert sorted(seen) == sorted(made), key


def test_a_time_that_was_shown_is_a_bound_that_includes(compute: ComputeFixture, gone: str) -> None:
    """What is shown has whole seconds, what is kept has not."""
    with compute.sessions.begin() as session:
        for row in (session.query(Server).one(), session.query(DeletedServer).one()):
            row.updated_at = now().replace(microsecond=999_999) - timedelta(hours=1)
    rows = compute.client.get("/v2.1/servers/detail?changes-since=2020-01-01T00:00:00Z").json["servers"]
    assert len(rows) == 2
    for row in rows:
        for query in (
            f"?changes-before={row['updated']}",
            f"?changes-since={row['updated']}",
            f"?changes-since={row['updated']}&changes-before={row['updated']}",
        ):
            assert row["name"] in names(compute, query), query


@pytest.mark.parametrize(("version", "status"), [("2.37", 200), ("2.38", 400)])
def test_a_status_that_there_is_not(compute: ComputeFixture, version: str, status: int) -> None:
    assert compute.client.get("/v2.1/servers?status=happy", version=version).status_code == status
