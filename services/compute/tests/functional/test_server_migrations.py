"""Migrations: resizes in a list for administrators, and live migrations, of which there are none."""

from typing import Any

import pytest

from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
PATH = "/v2.1/os-migrations"


@pytest.fixture
def server(compute: ComputeFixture) -> str:
    compute.flavor("2", vcpus=2)
    server = str(compute.server(imageRef=IMAGE_ID)["id"])
    compute.act(server, "resize", {"flavorRef": "2"})
    return server


def migrations(compute: ComputeFixture, query: str = "", version: str = "2.1") -> list[dict[str, Any]]:
    answer = compute.client.get(f"{PATH}{query}", version=version, as_=compute.book.admin)
    assert answer.status_code == 200, answer.text
    return list(answer.json["migrations"])


@pytest.mark.parametrize(
    ("version", "shown"),
    [
        ("2.22", set()),
        ("2.23", {"migration_type"}),
        ("2.59", {"migration_type", "uuid"}),
        ("2.80", {"migration_type", "uuid", "user_id", "project_id"}),
    ],
)
def test_what_a_migration_shows(compute: ComputeFixture, server: str, version: str, shown: set[str]) -> None:
    (one,) = migrations(compute, version=version)
    assert one.keys() & {"migration_type", "uuid", "user_id", "project_id"} == shown
    assert (one["instance_uuid"], one["status"]) == (server, "finished")


def test_filters(compute: ComputeFixture, server: str) -> None:
    for query, count in (
        (f"?instance_uuid={server}", 1),
        ("?status=error", 0),
        ("?status=finished&host=host1&source_compute=host1", 1),
        ("?host=mars", 0),
        ("?migration_type=live-migration", 0),
    ):
        assert len(migrations(compute, query)) == count, query
    assert len(migrations(compute, "?project_id=p2", "2.80")) == 0
    assert len(migrations(compute, "?user_id=u-member", "2.80")) == 1


def test_migrations_are_refused(compute: ComputeFixture, server: str) -> None:
    assert compute.client.get(PATH).status_code == 403
    admin = compute.book.admin
    for query, version in (("?marker=none", "2.59"), ("?limit=x", "2.59"), ("?project_id=p1", "2.79")):
        assert compute.client.get(f"{PATH}{query}", version=version, as_=admin).status_code == 400, query


def test_no_live_migration_is_under_way(compute: ComputeFixture, server: str) -> None:
    path, admin = f"/v2.1/servers/{server}/migrations", compute.book.admin
    assert compute.client.get(path, as_=admin, version="2.22").status_code == 404
    assert compute.client.get(path, as_=admin, version="2.23").json == {"migrations": []}
    assert compute.client.get(f"{path}/1", as_=admin, version="2.23").status_code == 404
