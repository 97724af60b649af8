"""Server groups."""

from typing import Any

from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"


def test_groups_keep_servers_apart(compute: ComputeFixture) -> None:
    compute.add_host("host2")
    made = compute.client.post(
        "/v2.1/os-server-groups", version="2.79", json={"server_group": {"name": "g", "policy": "anti-affinity"}}
    )
    group = made.json["server_group"]["id"]

    def create() -> dict[str, Any]:
        body = {
            "server": {"name": "x", "flavorRef": "1", "imageRef": IMAGE_ID, "networks": "none"},
            "os:scheduler_hints": {"group": group},
        }
        answer = compute.client.post("/v2.1/servers", json=body, version="2.79")
        compute.drain()
        return compute.show(answer.json["server"]["id"], as_=compute.book.admin)

    first, second, third = create(), create(), create()
    assert {first["OS-EXT-SRV-ATTR:host"], second["OS-EXT-SRV-ATTR:host"]} == {"host1", "host2"}
    assert third["status"] == "ERROR" and "group" in third["fault"]["message"]
    shown = compute.client.get(f"/v2.1/os-server-groups/{group}", version="2.79").json["server_group"]
    assert set(shown["members"]) == {first["id"], second["id"], third["id"]}


PATH = "/v2.1/os-server-groups"


def make(compute: ComputeFixture, version: str, **fields: Any) -> Any:
    return compute.client.post(PATH, json={"server_group": {"name": "g"} | fields}, version=version)


def test_policies_and_rules_by_version(compute: ComputeFixture) -> None:
    for version, fields, status in (
        ("2.1", {"policies": ["affinity"]}, 200),
        ("2.14", {"policies": ["soft-affinity"]}, 400),
        ("2.15", {"policies": ["soft-affinity"]}, 200),
        ("2.63", {"policy": "affinity"}, 400),
        ("2.64", {"policy": "affinity"}, 200),
        ("2.64", {"policies": ["affinity"]}, 400),
        ("2.64", {"policy": "anti-affinity", "rules": {"max_server_per_host": 2}}, 200),
        ("2.64", {"policy": "affinity", "rules": {"max_server_per_host": 2}}, 400),
    ):
        answer = make(compute, version, **fields)
        assert answer.status_code == status, (version, fields, answer.text)
    shown = {v: make(compute, v, policies=["affinity"]).json["server_group"] for v in ("2.12", "2.13")}
    assert "project_id" not in shown["2.12"] and shown["2.13"]["project_id"] == "p1"


def test_groups_of_other_projects(compute: ComputeFixture) -> None:
    group = make(compute, "2.64", policy="affinity").json["server_group"]["id"]
    other, admin = compute.book.other, compute.book.admin
    assert compute.client.get(f"{PATH}/{group}", as_=other).status_code == 404
    assert compute.client.delete(f"{PATH}/{group}", as_=other).status_code == 404
    assert compute.client.get(PATH, as_=other).json == {"server_groups": []}
    assert compute.client.get(f"{PATH}?all_projects=1").status_code == 403
    listed = compute.client.get(f"{PATH}?all_projects=1&limit=1&offset=0", as_=admin).json["server_groups"]
    assert [g["id"] for g in listed] == [group]
    assert compute.client.delete(f"{PATH}/{group}").status_code == 204
    assert compute.client.get(f"{PATH}/{group}").status_code == 404


def test_groups_and_their_members_are_counted(compute: ComputeFixture) -> None:
    limits = {"quota_set": {"server_groups": 1, "server_group_members": 1}}
    compute.client.put("/v2.1/os-quota-sets/p1", json=limits, as_=compute.book.admin)
    group = make(compute, "2.64", policy="soft-affinity").json["server_group"]["id"]
    refused = make(compute, "2.64", policy="affinity")
    assert refused.status_code == 403 and "too many server groups" in refused.text

    def boot(group_id: str) -> Any:
        body = {
            "server": {"name": "x", "flavorRef": "1", "imageRef": IMAGE_ID, "networks": "none"},
            "os:scheduler_hints": {"group": group_id},
        }
        return compute.client.post("/v2.1/servers", json=body, version="2.79")

    assert boot(group).status_code == 202
    refused = boot(group)
    assert refused.status_code == 403 and "too many servers in group" in refused.text
    assert boot("99999999-9999-4999-8999-999999999999").status_code == 400
