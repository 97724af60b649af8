"""Quotas of projects and users, quota classes, and limits."""

import pytest

from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"


def test_quota(compute: ComputeFixture) -> None:
    admin, client = compute.book.admin, compute.client
    put = client.put("/v2.1/os-quota-sets/p1", json={"quota_set": {"instances": 1}}, as_=admin)
    assert put.status_code == 200 and put.json["quota_set"]["instances"] == 1
    compute.server(imageRef=IMAGE_ID)
    body = {"name": "x", "flavorRef": "1", "imageRef": IMAGE_ID, "networks": "none"}
    refused = client.post("/v2.1/servers", json={"server": body}, version="2.79")
    assert refused.status_code == 403
    message = refused.json["forbidden"]["message"]
    assert message.startswith("Quota exceeded for instances: Requested 1, but already used 1")
    limits = client.get("/v2.1/limits").json["limits"]["absolute"]
    assert limits["totalInstancesUsed"] == 1 and limits["maxTotalInstances"] == 1
    detail = client.get("/v2.1/os-quota-sets/p1/detail").json["quota_set"]
    assert detail["instances"] == {"limit": 1, "in_use": 1, "reserved": 0}
    assert client.get("/v2.1/os-quota-sets/p1", as_=compute.book.other).status_code == 403
    assert client.delete("/v2.1/os-quota-sets/p1", as_=admin).status_code == 202
    assert client.get("/v2.1/os-quota-sets/p1").json["quota_set"]["instances"] == 10


SETS = "/v2.1/os-quota-sets/p1"
NETWORKING = {"fixed_ips", "floating_ips", "security_groups", "security_group_rules"}
INJECTED = {"injected_files", "injected_file_content_bytes", "injected_file_path_bytes"}


@pytest.mark.parametrize(
    ("version", "hidden"), [("2.35", set()), ("2.36", NETWORKING), ("2.57", NETWORKING | INJECTED)]
)
def test_what_a_quota_set_shows(compute: ComputeFixture, version: str, hidden: set[str]) -> None:
    shown = compute.client.get(SETS, version=version).json["quota_set"]
    assert not hidden & shown.keys() and (NETWORKING | INJECTED) - hidden <= shown.keys()
    changed = {"quota_set": dict.fromkeys(hidden or {"fixed_ips"}, 5)}
    answer = compute.client.put(SETS, json=changed, as_=compute.book.admin, version=version)
    assert answer.status_code == (400 if hidden else 200)


def test_limits_of_users_are_within_the_projects(compute: ComputeFixture) -> None:
    admin, put = compute.book.admin, compute.client.put
    user = SETS + "?user_id=u-member"
    assert put(user, json={"quota_set": {"cores": 5}}, as_=admin).json["quota_set"]["cores"] == 5
    assert compute.client.get(user).json["quota_set"]["cores"] == 5
    assert compute.client.get(SETS).json["quota_set"]["cores"] == 20
    for value in (21, -1):
        refused = put(user, json={"quota_set": {"cores": value}}, as_=admin)
        assert refused.status_code == 400 and "less than or equal to 20" in refused.text
    assert compute.client.delete(user, as_=admin).status_code == 202
    assert compute.client.get(user).json["quota_set"]["cores"] == 20


def test_a_limit_below_what_is_used_has_to_be_forced(compute: ComputeFixture) -> None:
    compute.server(imageRef=IMAGE_ID)
    admin, put = compute.book.admin, compute.client.put
    refused = put(SETS, json={"quota_set": {"instances": 0}}, as_=admin)
    assert refused.status_code == 400 and "already used" in refused.text
    assert put(SETS, json={"quota_set": {"instances": 0, "force": True}}, as_=admin).status_code == 200
    assert put(SETS, json={"quota_set": {"colours": 1}}, as_=admin).status_code == 400
    assert put(SETS, json={"quota_set": {"instances": 1}}).status_code == 403


def test_the_quota_class_holds_for_projects_without_limits(compute: ComputeFixture) -> None:
    admin, path = compute.book.admin, "/v2.1/os-quota-class-sets/default"
    changed = compute.client.put(path, json={"quota_class_set": {"instances": 3}}, as_=admin)
    assert changed.json["quota_class_set"]["instances"] == 3
    assert compute.client.get(SETS).json["quota_set"]["instances"] == 3
    assert compute.client.get(f"{SETS}/defaults").json["quota_set"]["instances"] == 3
    assert compute.client.get(path, as_=admin).json["quota_class_set"]["id"] == "default"
    other = "/v2.1/os-quota-class-sets/gold"
    assert compute.client.get(other, as_=admin).json["quota_class_set"]["instances"] == 10
    assert compute.client.put(other, json={"quota_class_set": {}}, as_=admin).status_code == 400
    assert compute.client.put(path, json={"quota_class_set": {}}).status_code == 403


def test_limits_of_another_project_are_for_administrators(compute: ComputeFixture) -> None:
    assert compute.client.get("/v2.1/limits?tenant_id=p2").status_code == 403
    answer = compute.client.get("/v2.1/limits?tenant_id=p2", as_=compute.book.admin)
    assert answer.json["limits"]["absolute"]["totalInstancesUsed"] == 0
    for version, name, shown in (
        ("2.35", "maxSecurityGroups", True),
        ("2.36", "maxSecurityGroups", False),
        ("2.38", "maxImageMeta", True),
        ("2.39", "maxImageMeta", False),
        ("2.56", "maxPersonality", True),
        ("2.57", "maxPersonality", False),
    ):
        limits = compute.client.get("/v2.1/limits", version=version).json["limits"]["absolute"]
        assert (name in limits) == shown, (version, name)
