"""/v3/OS-PILEUS/deleted-projects: services learn which projects were deleted."""

from typing import Any

import pytest

LIST = "/v3/OS-PILEUS/deleted-projects"


def listed(cloud: Any, query: str = "") -> list[Any]:
    answer = cloud.get(f"{LIST}?{query}")
    assert answer.status_code == 200, answer.json
    return list(answer.json["projects"])


def test_deleted_projects_are_listed_in_their_order(cloud: Any) -> None:
    made = [cloud.make("/v3/projects", "project", name=f"p{n}")["id"] for n in range(3)]
    assert listed(cloud) == []
    for project in reversed(made):
        assert cloud.call("DELETE", f"/v3/projects/{project}").status_code == 204
    rows = listed(cloud)
    assert [row["id"] for row in rows] == made[::-1]
    assert [row["serial"] for row in rows] == sorted({row["serial"] for row in rows})
    assert all(row["deleted_at"].endswith("Z") for row in rows)
    assert listed(cloud, "limit=1") == rows[:1]
    assert listed(cloud, f"since={rows[0]['serial']}") == rows[1:]
    assert listed(cloud, f"since={rows[-1]['serial']}") == []


def test_a_domain_goes_with_its_projects(cloud: Any) -> None:
    domain = cloud.make("/v3/domains", "domain", name="short")["id"]
    made = {cloud.make("/v3/projects", "project", name=f"p{n}", domain_id=domain)["id"] for n in range(3)}
    cloud.call("PATCH", f"/v3/domains/{domain}", json={"domain": {"enabled": False}})
    assert listed(cloud) == []  # what is disabled may be enabled again
    assert cloud.call("DELETE", f"/v3/domains/{domain}").status_code == 204
    rows = listed(cloud, "limit=1")  # a page ends between two transactions
    assert {row["id"] for row in rows} == made


@pytest.mark.parametrize(("who", "status"), [(None, 401), ("demo", 403), ("manager", 403), ("objectstore", 200)])
def test_only_services_and_administrators_see_them(cloud: Any, who: str | None, status: int) -> None:
    token = cloud.token(who) if who else ""
    assert cloud.call("GET", LIST, token).status_code == status


@pytest.mark.parametrize("query", ["since=yesterday", "since=-1", "limit=0", "other=1"])
def test_what_means_nothing_is_refused(cloud: Any, query: str) -> None:
    assert cloud.get(f"{LIST}?{query}").status_code == 400
