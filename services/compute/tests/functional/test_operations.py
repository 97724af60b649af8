"""/operations: what was done about servers, who may see it, and what took the time."""

from datetime import datetime
from typing import Any

from pileus_compute.testing import ComputeFixture
from pileus_kit.db import count_statements

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
NETWORK_ID = "22222222-2222-4222-8222-222222222222"


def listed(compute: ComputeFixture, what: str, query: str = "", as_: Any = None, status: int = 200) -> Any:
    answer = compute.client.get(f"/operations/{what}?{query}", as_=as_)
    assert answer.status_code == status, answer.text
    return answer.json and answer.json.get(what)


def test_a_boot_is_told_step_by_step_with_what_each_did(compute: ComputeFixture) -> None:
    server = compute.server(imageRef=IMAGE_ID, networks=[{"uuid": NETWORK_ID}])["id"]
    (job,) = listed(compute, "jobs", f"subject={server}")
    assert (job["flow"], job["state"], job["error"]) == ("server.create", "done", None)
    events = listed(compute, "events", f"request_id={job['request_id']}")
    assert [(e["step"], e["outcome"]) for e in events] == [
        (step, "done") for step in ("select_host", "create_ports", "record_ports", "prepare", "boot", "activate")
    ]
    called = [span["name"] for span in events[1]["spans"]]
    assert "POST v2.0/ports" in called and all(span["where"] == "network" for span in events[1]["spans"])
    times = [datetime.fromisoformat(text) for e in events for text in (e["started_at"], e["finished_at"])]
    assert datetime.fromisoformat(job["arrived_at"]) <= datetime.fromisoformat(job["created_at"]) <= times[0]
    assert times == sorted(times), "one step after the other"
    inside = sum(span["seconds"] for span in events[1]["spans"])
    assert inside <= (times[3] - times[2]).total_seconds()


def test_parts_of_a_resource_belong_to_it_and_nothing_else_does(compute: ComputeFixture) -> None:
    server, other = compute.server(imageRef=IMAGE_ID)["id"], compute.server(imageRef=IMAGE_ID)["id"]
    assert compute.client.delete(f"/v2.1/servers/{server}").status_code == 204
    compute.drain()
    assert {job["flow"] for job in listed(compute, "jobs", f"subject={server}")} == {"server.create", "server.delete"}
    assert {job["subject"] for job in listed(compute, "jobs", f"subject={other}")} == {other}
    assert listed(compute, "jobs", f"subject={server[:8]}") == []


def test_only_administrators_see_other_projects(compute: ComputeFixture) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    for what in ("jobs", "events"):
        assert listed(compute, what, f"subject={server}", as_=compute.book.reader)
        assert listed(compute, what, f"subject={server}", as_=compute.book.other) == []
        listed(compute, what, "all_projects=true", as_=compute.book.other, status=403)
        assert listed(compute, what, f"subject={server}&all_projects=true", as_=compute.book.admin)


def test_pages_filters_and_a_fixed_number_of_statements(compute: ComputeFixture) -> None:
    for _ in range(3):
        compute.server(imageRef=IMAGE_ID)
    first = listed(compute, "jobs", "limit=2")
    rest = listed(compute, "jobs", f"limit=2&marker={first[-1]['id']}")
    assert len(first) == 2 and len(rest) == 1 and rest[0]["created_at"] < first[-1]["created_at"]
    events = listed(compute, "events", "limit=4")
    assert listed(compute, "events", f"marker={events[-1]['id']}")[0]["id"] > events[-1]["id"]
    assert listed(compute, "jobs", "live=true") == []
    listed(compute, "jobs", "limit=x", status=400)
    listed(compute, "jobs", "colour=red", status=400)
    with count_statements(compute.sessions) as seen:
        listed(compute, "jobs")
        listed(compute, "events")
    assert len(seen) == 2


def test_a_list_goes_on_only_after_a_job_that_the_caller_sees(compute: ComputeFixture) -> None:
    (job,) = listed(compute, "jobs", f"subject={compute.server(imageRef=IMAGE_ID)['id']}")
    assert listed(compute, "jobs", f"marker={job['id']}") == []
    listed(compute, "jobs", "marker=unknown", status=400)
    listed(compute, "jobs", f"marker={job['id']}", as_=compute.book.other, status=400)
    listed(compute, "jobs", f"marker={job['id']}&all_projects=true", as_=compute.book.admin)


def test_who_waits_for_an_extended_volume_finds_openstacks_event(compute: ComputeFixture, volume: Any) -> None:
    server, disk = compute.server(imageRef=IMAGE_ID)["id"], volume.add()
    compute.client.post(
        f"/v2.1/servers/{server}/os-volume_attachments", version="2.79", json={"volumeAttachment": {"volumeId": disk}}
    )
    compute.drain()
    event = {"name": "volume-extended", "server_uuid": server, "tag": disk}
    compute.client.post(
        "/v2.1/os-server-external-events", json={"events": [event]}, as_=compute.book.admin, version="2.79"
    )
    compute.drain()
    path = f"/v2.1/servers/{server}/os-instance-actions"
    actions = compute.client.get(path, version="2.79").json["instanceActions"]
    wanted = next(action for action in actions if action["action"] == "extend_volume")
    shown = compute.client.get(f"{path}/{wanted['request_id']}", version="2.79", as_=compute.book.admin)
    assert [(e["event"], e["result"]) for e in shown.json["instanceAction"]["events"]] == [
        ("compute_extend_volume", "Success")
    ]
