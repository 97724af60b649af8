"""The services of hosts: enabled, disabled, declared down, deleted."""

from typing import Any

import pytest

from pileus_compute.testing import ComputeFixture
from pileus_kit.testing import Client

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
PATH = "/v2.1/os-services"
HOST = {"host": "host1", "binary": "nova-compute"}


@pytest.fixture
def admin(compute: ComputeFixture) -> Client:
    return Client(compute.app, "compute", as_=compute.book.admin)


def only(admin: Client, version: str) -> dict[str, Any]:
    (service,) = admin.get(f"{PATH}?binary=nova-compute", version=version).json["services"]
    return dict(service)


@pytest.mark.parametrize(
    ("version", "kind", "forced"), [("2.10", int, False), ("2.11", int, True), ("2.53", str, True)]
)
def test_what_a_service_shows(admin: Client, version: str, kind: type, forced: bool) -> None:
    service = only(admin, version)
    assert isinstance(service["id"], kind) and ("forced_down" in service) == forced
    assert (service["zone"], service["status"], service["state"]) == ("nova", "enabled", "up")
    assert admin.get(f"{PATH}?host=nowhere", version=version).json == {"services": []}


def test_changes_by_host_until_2_52(admin: Client) -> None:
    def put(word: str, version: str = "2.1", **fields: Any) -> Any:
        return admin.put(f"{PATH}/{word}", json=HOST | fields, version=version)

    assert put("disable").json["service"] == HOST | {"status": "disabled"}
    assert only(admin, "2.1")["status"] == "disabled"
    assert put("enable").json["service"]["status"] == "enabled"
    assert put("disable-log-reason").status_code == 400
    assert put("disable-log-reason", disabled_reason="dust").json["service"]["disabled_reason"] == "dust"
    assert put("force-down", "2.10", forced_down=True).status_code == 404
    assert put("force-down", "2.11").status_code == 400
    assert put("force-down", "2.11", forced_down=True).json["service"]["forced_down"] is True
    assert only(admin, "2.11")["state"] == "down"
    for wrong in ({"host": "nowhere"}, {"binary": "nova-scheduler"}):
        assert put("enable", **wrong).status_code == 404
    assert put("enable", "2.53").status_code == 404


def test_changes_by_id_from_2_53(admin: Client) -> None:
    path = f"{PATH}/{only(admin, '2.53')['id']}"

    def put(path: str = path, version: str = "2.53", **fields: Any) -> Any:
        return admin.put(path, json=fields, version=version)

    changed = put(status="disabled", disabled_reason="dust", forced_down=True).json["service"]
    assert (changed["status"], changed["disabled_reason"], changed["state"]) == ("disabled", "dust", "down")
    assert put(status="enabled").json["service"]["disabled_reason"] is None
    assert put().status_code == 400
    assert put(status="enabled", disabled_reason="dust").status_code == 400
    assert put(status="paused").status_code == 400
    assert put(f"{PATH}/nope", status="enabled").status_code == 404
    assert put(version="2.52", status="enabled").status_code in (404, 405)


def test_a_host_with_servers_is_not_deleted(compute: ComputeFixture, admin: Client) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    path = f"{PATH}/{only(admin, '2.53')['id']}"
    refused = admin.delete(path, version="2.53")
    assert refused.status_code == 409 and "hosting instances" in refused.text
    assert admin.delete(f"{PATH}/x", version="2.1").status_code == 400
    assert admin.delete(f"{PATH}/99", version="2.1").status_code == 404
    compute.client.delete(f"/v2.1/servers/{server}")
    compute.drain()
    assert admin.delete(path, version="2.53").status_code == 204
    assert admin.get(f"{PATH}?host=host1").json == {"services": []}
    compute.hello("host1")
    assert only(admin, "2.53")["state"] == "up"


def test_members_see_no_services(compute: ComputeFixture) -> None:
    assert compute.client.get(PATH).status_code == 403
    assert compute.client.put(f"{PATH}/enable", json=HOST).status_code == 403


def test_hosts_until_2_42(compute: ComputeFixture, admin: Client) -> None:
    compute.server(imageRef=IMAGE_ID)
    (host,) = admin.get("/v2.1/os-hosts").json["hosts"]
    assert host == {"host_name": "host1", "service": "compute", "zone": "nova"}
    assert admin.get("/v2.1/os-hosts?zone=mars").json == {"hosts": []}
    rows = {r["resource"]["project"]: r["resource"] for r in admin.get("/v2.1/os-hosts/host1").json["host"]}
    assert rows["(used_now)"]["cpu"] == rows["(used_max)"]["cpu"] == rows["p1"]["cpu"] == 1
    assert admin.get("/v2.1/os-hosts/nowhere").status_code == 404
    assert admin.put("/v2.1/os-hosts/host1", json={"status": "enable"}).status_code == 501
    for word in ("startup", "shutdown", "reboot"):
        assert admin.get(f"/v2.1/os-hosts/host1/{word}").status_code == 501
        assert admin.get(f"/v2.1/os-hosts/nowhere/{word}").status_code == 404
    assert admin.get("/v2.1/os-hosts", version="2.43").status_code == 404
    assert compute.client.get("/v2.1/os-hosts").status_code == 403


def test_the_audit_log_of_usage(compute: ComputeFixture, admin: Client) -> None:
    path = "/v2.1/os-instance_usage_audit_log"
    log = admin.get(path).json["instance_usage_audit_logs"]
    assert log["num_hosts"] == log["num_hosts_done"] == 1 and log["overall_status"] == "ALL hosts done. 0 errors."
    before = admin.get(f"{path}/2026-03-15 10:00:00").json["instance_usage_audit_log"]
    assert before["period_beginning"] == "2026-02-01 00:00:00" and before["period_ending"] == "2026-03-01 00:00:00"
    assert admin.get(f"{path}/2026-03-15 10:00:00.5").status_code == 200
    assert admin.get(f"{path}/yesterday").status_code == 400
    assert compute.client.get(path).status_code == 403
