"""Lists by when things changed, and migrations by what they are, page by page."""

from typing import Any

import pytest

from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
BACKWARDS = "?changes-since=2026-11-27T00:00:00Z&changes-before=2026-11-26T00:00:00Z"


def test_a_span_that_ends_before_it_starts_is_refused(compute: ComputeFixture) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    for path in ("/servers", "/servers/detail", "/os-migrations", f"/servers/{server}/os-instance-actions"):
        answer = compute.client.get(f"/v2.1{path}{BACKWARDS}", version="2.66", as_=compute.book.admin)
        assert answer.status_code == 400, path
        older = compute.client.get(f"/v2.1{path}{BACKWARDS}", version="2.65", as_=compute.book.admin)
        passed_over = path.startswith("/servers") and "actions" not in path  # the others refuse what they don't know
        assert older.status_code == (200 if passed_over else 400), path


@pytest.fixture
def resized(compute: ComputeFixture) -> list[str]:
    compute.flavor("more", memory_mib=128)
    servers = [compute.server(imageRef=IMAGE_ID)["id"] for _ in range(3)]
    for server in servers:
        compute.act(server, "resize", {"flavorRef": "more"})
    return servers


def _list(compute: ComputeFixture, query: str, version: str = "2.80") -> Any:
    answer = compute.client.get(f"/v2.1/os-migrations{query}", version=version, as_=compute.book.admin)
    assert answer.status_code == 200, answer.text
    return answer.json


def test_migrations_are_paged(compute: ComputeFixture, resized: list[str]) -> None:
    first = _list(compute, "?limit=2")
    assert [m["instance_uuid"] for m in first["migrations"]] == resized[:0:-1]
    (link,) = first["migrations_links"]
    second = _list(compute, "?" + link["href"].partition("?")[2])
    assert [m["instance_uuid"] for m in second["migrations"]] == resized[:1] and "migrations_links" not in second
    assert len(_list(compute, "?limit=2", "2.58")["migrations"]) == 3
    unknown = compute.client.get(f"/v2.1/os-migrations?marker={resized[0]}", version="2.59", as_=compute.book.admin)
    assert unknown.status_code == 400


def test_migrations_are_filtered(compute: ComputeFixture, resized: list[str]) -> None:
    for query, count in (
        ("status=finished", 3),
        ("status=error", 0),
        ("host=host1", 3),
        ("host=other", 0),
        ("source_compute=other", 0),
        ("migration_type=resize", 3),
        ("migration_type=evacuation", 0),
        ("user_id=nobody", 0),
        (f"instance_uuid={resized[0]}", 1),
        ("changes-since=2000-01-01T00:00:00Z", 3),
        ("changes-before=2000-01-01T00:00:00Z", 0),
    ):
        assert len(_list(compute, f"?{query}")["migrations"]) == count, query
