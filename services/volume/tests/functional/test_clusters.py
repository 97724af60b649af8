"""Clusters of storage hosts, of which there are none."""

from typing import Any

import pytest

LISTS = ("/v3/clusters", "/v3/clusters/detail")


@pytest.mark.parametrize("path", LISTS)
def test_the_lists_are_empty(world: Any, path: str) -> None:
    def get(query: str, version: str = "3.26") -> Any:
        return world.client.get(path + query, version=version, as_=world.book.admin)

    assert get("", "3.7").json == get("").json == {"clusters": []}
    assert get("?name=c&binary=cinder-volume&is_up=true&disabled=0&num_hosts=2&num_down_hosts=1").status_code == 200
    assert get("?replication_status=error&frozen=true&active_backend_id=b").json == {"clusters": []}
    with_project = path.replace("/v3/", f"/v3/{world.book.admin.project_id}/")
    assert world.client.get(with_project, version="3.7", as_=world.book.admin).json == {"clusters": []}


@pytest.mark.parametrize("path", LISTS)
@pytest.mark.parametrize(
    ("query", "version"),
    [
        ("?colour=blue", "3.26"),
        ("?is_up=perhaps", "3.7"),
        ("?disabled=perhaps", "3.7"),
        ("?num_hosts=two", "3.7"),
        ("?frozen=perhaps", "3.26"),
        ("?frozen=true", "3.25"),
        ("?replication_status=error", "3.25"),
        ("?active_backend_id=b", "3.25"),
    ],
)
def test_filters_that_do_not_exist_or_cannot_be_read_are_refused(
    world: Any, path: str, query: str, version: str
) -> None:
    assert world.client.get(path + query, version=version, as_=world.book.admin).status_code == 400


def test_no_cluster_is_found_by_any_name(world: Any) -> None:
    admin = world.book.admin
    shown = world.client.get("/v3/clusters/c", version="3.7", as_=admin)
    assert shown.status_code == 404 and "Cluster c could not be found." in shown.text
    for action in ("enable", "disable"):
        answer = world.client.put(f"/v3/clusters/{action}", json={"name": "c"}, version="3.7", as_=admin)
        assert answer.status_code == 404 and "Cluster c could not be found." in answer.text
    reason = {"name": "c", "binary": "cinder-volume", "disabled_reason": "disk"}
    assert world.client.put("/v3/clusters/disable", json=reason, version="3.7", as_=admin).status_code == 404


@pytest.mark.parametrize(
    ("action", "body"),
    [
        ("enable", {}),
        ("disable", {"binary": "cinder-volume"}),
        ("enable", {"name": "n" * 256}),
        ("enable", {"name": "c", "binary": "b" * 256}),
        ("enable", {"name": "c", "disabled_reason": "disk"}),
        ("disable", {"name": "c", "disabled_reason": "r" * 256}),
    ],
)
def test_bodies_that_the_schema_does_not_allow_are_refused(world: Any, action: str, body: dict[str, str]) -> None:
    answer = world.client.put(f"/v3/clusters/{action}", json=body, version="3.7", as_=world.book.admin)
    assert answer.status_code == 400


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("GET", path) for path in (*LISTS, "/v3/clusters/c")),
        *(("PUT", f"/v3/clusters/{action}") for action in ("enable", "disable")),
    ],
)
def test_clusters_are_for_administrators_since_3_7(world: Any, method: str, path: str) -> None:
    body = {"name": "c"} if method == "PUT" else None

    def status(as_: Any, version: str) -> int:
        return int(world.client.request(method, path, json=body, as_=as_, version=version).status_code)

    assert status(world.book.member, "3.7") == 403
    assert status(world.book.admin, "3.6") == 404
