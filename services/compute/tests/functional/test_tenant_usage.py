"""What projects used in a span of time."""

from typing import Any

import pytest

from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
PATH = "/v2.1/os-simple-tenant-usage"


@pytest.fixture
def used(compute: ComputeFixture) -> list[str]:
    """Two servers of p1, one of them deleted, and one of p2."""
    ids = [compute.server(imageRef=IMAGE_ID, as_=who)["id"] for who in (None, None, compute.book.other)]
    compute.client.delete(f"/v2.1/servers/{ids[0]}")
    compute.drain()
    return ids


def usage(compute: ComputeFixture, path: str, version: str = "2.1", **kwargs: Any) -> Any:
    answer = compute.client.get(f"{PATH}{path}", version=version, **{"as_": compute.book.admin} | kwargs)
    assert answer.status_code == 200, answer.text
    return answer.json


def test_each_project_has_its_own_sum(compute: ComputeFixture, used: list[str]) -> None:
    plain = usage(compute, "")["tenant_usages"]
    assert [p["tenant_id"] for p in plain] == ["p1", "p2"] and "server_usages" not in plain[0]
    detailed = usage(compute, "?detailed=1")["tenant_usages"]
    assert {s["instance_id"] for s in detailed[0]["server_usages"]} == set(used[:2])
    (own,) = [usage(compute, "/p2", as_=compute.book.other)["tenant_usage"]]
    assert own["server_usages"][0]["state"] == "active" and own["total_vcpus_usage"] >= 0


def test_pages_of_servers_from_2_40(compute: ComputeFixture, used: list[str]) -> None:
    first, second = sorted(used[:2])
    page = usage(compute, "/p1?limit=1", "2.40")
    assert [s["instance_id"] for s in page["tenant_usage"]["server_usages"]] == [first]
    assert page["tenant_usage_links"][0]["rel"] == "next"
    rest = usage(compute, f"/p1?marker={first}", "2.40")
    assert [s["instance_id"] for s in rest["tenant_usage"]["server_usages"]] == [second]
    assert len(usage(compute, "/p1?limit=1", "2.39")["tenant_usage"]["server_usages"]) == 2
    assert usage(compute, "?limit=1", "2.40")["tenant_usages_links"]
    assert usage(compute, f"/p1?marker={second}", "2.40")["tenant_usage"] == {}


def test_spans(compute: ComputeFixture, used: list[str]) -> None:
    assert usage(compute, "/p1?start=2001-01-01&end=2001-02-01")["tenant_usage"] == {}
    assert usage(compute, "/p1?start=2001-01-01T00:00:00")["tenant_usage"]["tenant_id"] == "p1"
    for bad in ("start=yesterday", "start=2002-01-01&end=2001-01-01"):
        assert compute.client.get(f"{PATH}/p1?{bad}").status_code == 400
    assert compute.client.get(f"{PATH}/p1?colour=red").status_code == 200
    assert compute.client.get(f"{PATH}/p1?colour=red", version="2.75").status_code == 400


def test_usage_of_other_projects_is_for_administrators(compute: ComputeFixture, used: list[str]) -> None:
    assert compute.client.get(PATH).status_code == 403
    assert compute.client.get(f"{PATH}/p2").status_code == 403
