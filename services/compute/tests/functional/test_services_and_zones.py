"""What runs the cloud, as OpenStack's tools look for it; and the fixed list of extensions."""

from datetime import timedelta
from typing import Any

import pytest

from pileus_compute.core import workers
from pileus_compute.db.models import Worker
from pileus_compute.testing import ComputeFixture
from pileus_kit.db import now


@pytest.fixture
def control(compute: ComputeFixture) -> str:
    with compute.sessions.begin() as session:
        workers.record_heartbeat(session, "control")
    return "control"


def services(compute: ComputeFixture, query: str = "", version: str = "2.53") -> list[dict[str, Any]]:
    answer = compute.client.get(f"/v2.1/os-services{query}", as_=compute.book.admin, version=version)
    return list(answer.json["services"])


def test_schedulers_and_conductors_are_services(compute: ComputeFixture, control: str) -> None:
    found = services(compute)
    assert [(s["binary"], s["host"], s["zone"], s["state"]) for s in found] == [
        ("nova-scheduler", control, "internal", "up"),
        ("nova-conductor", control, "internal", "up"),
        ("nova-compute", "host1", "nova", "up"),
    ]
    assert len({s["id"] for s in found}) == 3 and len({s["id"] for s in services(compute, version="2.1")}) == 3
    assert {key for s in found for key in s} == {
        "id",
        "binary",
        "host",
        "zone",
        "status",
        "state",
        "updated_at",
        "disabled_reason",
        "forced_down",
    }
    assert [s["binary"] for s in services(compute, "?binary=nova-conductor")] == ["nova-conductor"]
    assert [s["binary"] for s in services(compute, "?host=host1")] == ["nova-compute"]
    assert services(compute, "?binary=nova-api") == []


def test_a_worker_that_is_silent_is_down(compute: ComputeFixture, control: str) -> None:
    with compute.sessions.begin() as session:
        session.get_one(Worker, control).seen_at = now() - timedelta(hours=1)
    assert {s["state"] for s in services(compute, f"?host={control}")} == {"down"}
    with compute.sessions.begin() as session:
        workers.record_heartbeat(session, control)
    assert {s["state"] for s in services(compute, f"?host={control}")} == {"up"}


def test_they_are_in_a_zone_that_only_details_show(compute: ComputeFixture, control: str) -> None:
    detailed = compute.client.get("/v2.1/os-availability-zone/detail", as_=compute.book.admin).json
    internal, nova = detailed["availabilityZoneInfo"]
    assert internal["zoneName"] == "internal" and set(internal["hosts"][control]) == {
        "nova-scheduler",
        "nova-conductor",
    }
    assert nova["zoneName"] == "nova"
    plain = compute.client.get("/v2.1/os-availability-zone").json["availabilityZoneInfo"]
    assert plain == [{"zoneName": "nova", "zoneState": {"available": True}, "hosts": None}]
    body = {
        "name": "s",
        "flavorRef": "1",
        "imageRef": "11111111-1111-4111-8111-111111111111",
        "availability_zone": "internal",
    }
    assert compute.client.post("/v2.1/servers", json={"server": body}).status_code == 400


def test_extensions_are_a_fixed_list(compute: ComputeFixture) -> None:
    listed = compute.client.get("/v2.1/extensions").json["extensions"]
    assert len(listed) == 99 and [e["alias"] for e in listed] == sorted(e["alias"] for e in listed)
    assert compute.client.get("/v2.1/extensions/os-keypairs").json["extension"] in listed
    assert set(listed[0]) == {"alias", "name", "description", "links", "namespace", "updated"}
    assert compute.client.get("/v2.1/extensions/os-nothing").status_code == 404
    assert compute.client.get("/v2.1/extensions/OS-EXT-VIF-NET").status_code == 404
    assert compute.client.get("/v2/extensions/OS-EXT-VIF-NET").json["extension"]["name"] == "ExtendedVIFNet"
