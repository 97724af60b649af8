"""Hypervisors, and the services on hosts."""

import pytest

from pileus_compute.testing import ComputeFixture
from pileus_kit.testing import Client

IMAGE_ID = "11111111-1111-4111-8111-111111111111"


def test_hosts(compute: ComputeFixture) -> None:
    admin, client = compute.book.admin, compute.client
    compute.server(imageRef=IMAGE_ID)
    (one,) = client.get("/v2.1/os-hypervisors/detail", as_=admin).json["hypervisors"]
    assert one["vcpus_used"] == 1 and one["running_vms"] == 1 and one["hypervisor_hostname"] == "host1"
    (new,) = client.get("/v2.1/os-hypervisors?with_servers=true", as_=admin, version="2.79").json["hypervisors"]
    assert len(new["servers"]) == 1 and len(new["id"]) == 36
    (service,) = client.get("/v2.1/os-services", as_=admin, version="2.79").json["services"]
    off = client.put(
        f"/v2.1/os-services/{service['id']}",
        as_=admin,
        version="2.79",
        json={"status": "disabled", "disabled_reason": "repair"},
    )
    assert off.json["service"]["disabled_reason"] == "repair"
    server = compute.server(imageRef=IMAGE_ID)
    assert server["status"] == "ERROR" and "host1 is disabled (repair)" in server["fault"]["message"]
    zones = client.get("/v2.1/os-availability-zone").json["availabilityZoneInfo"]
    assert zones == [{"zoneName": "nova", "zoneState": {"available": False}, "hosts": None}]


PATH = "/v2.1/os-hypervisors"


@pytest.fixture
def admin(compute: ComputeFixture) -> Client:
    for name in ("host2", "other3"):
        compute.add_host(name)
    return Client(compute.app, "compute", as_=compute.book.admin)


def names(admin: Client, query: str, version: str) -> list[str]:
    answer = admin.get(f"{PATH}{query}", version=version)
    assert answer.status_code == 200, answer.text
    return [h["hypervisor_hostname"] for h in answer.json["hypervisors"]]


def test_pages_of_hypervisors(admin: Client) -> None:
    assert names(admin, "?limit=1", "2.32") == ["host1"]
    first = admin.get(f"{PATH}?limit=2", version="2.33").json
    assert first["hypervisors_links"] and names(admin, "?marker=2", "2.33") == ["other3"]
    second = admin.get(PATH, version="2.53").json["hypervisors"][1]["id"]
    assert names(admin, f"?marker={second}", "2.53") == ["other3"]
    for query, version in (("?marker=99", "2.33"), ("?marker=x", "2.33"), ("?marker=x", "2.53")):
        assert admin.get(f"{PATH}{query}", version=version).status_code == 400


def test_hypervisors_are_found_by_name(compute: ComputeFixture, admin: Client) -> None:
    assert names(admin, "/host/search", "2.52") == ["host1", "host2"]
    assert names(admin, "?hypervisor_hostname_pattern=other", "2.53") == ["other3"]
    assert admin.get(f"{PATH}/zz/search", version="2.52").status_code == 404
    assert admin.get(f"{PATH}/host/search", version="2.53").status_code == 404
    assert admin.get(f"{PATH}?hypervisor_hostname_pattern=zz", version="2.53").status_code == 404
    server = compute.server(imageRef=IMAGE_ID)["id"]
    found = admin.get(f"{PATH}/o/servers", version="2.52").json["hypervisors"]
    assert [s["uuid"] for h in found for s in h.get("servers", ())] == [server]
    for version, count in (("2.53", 1), ("2.75", 3)):
        listed = admin.get(f"{PATH}?with_servers=true", version=version).json["hypervisors"]
        assert sum("servers" in h for h in listed) == count


@pytest.mark.parametrize(
    ("version", "shown", "hidden"),
    [
        ("2.27", {"cpu_info", "vcpus", "running_vms"}, {"uptime"}),
        ("2.87", {"cpu_info", "vcpus"}, {"uptime"}),
        ("2.88", {"uptime", "service"}, {"cpu_info", "vcpus", "running_vms"}),
    ],
)
def test_what_a_hypervisor_shows(admin: Client, version: str, shown: set[str], hidden: set[str]) -> None:
    first = admin.get(PATH, version=version).json["hypervisors"][0]["id"]
    view = admin.get(f"{PATH}/{first}", version=version).json["hypervisor"]
    assert shown <= view.keys() and not hidden & view.keys()
    assert isinstance(view.get("cpu_info", ""), str if version == "2.27" else dict | str)


def test_one_hypervisor_and_all_of_them(admin: Client) -> None:
    assert admin.get(f"{PATH}/1/uptime").json["hypervisor"]["uptime"]
    assert admin.get(f"{PATH}/1/uptime", version="2.88").status_code == 404
    total = admin.get(f"{PATH}/statistics").json["hypervisor_statistics"]
    assert total["count"] == 3 and total["running_vms"] == 0 and total["vcpus"] > 0
    assert admin.get(f"{PATH}/statistics", version="2.88").status_code == 404
    for missing, version in (("99", "2.1"), ("x", "2.1"), ("1", "2.53")):
        assert admin.get(f"{PATH}/{missing}", version=version).status_code == 404


def test_members_see_no_hypervisors(compute: ComputeFixture) -> None:
    for path in ("", "/detail", "/statistics", "/1", "/1/uptime"):
        assert compute.client.get(f"{PATH}{path}").status_code == 403
