"""The actions that were done with a server."""

from typing import Any

from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"


def test_actions_are_on_record(compute: ComputeFixture) -> None:
    client, server = compute.client, compute.server(imageRef=IMAGE_ID)["id"]
    compute.act(server, "os-stop")
    path = f"/v2.1/servers/{server}/os-instance-actions"
    rows = client.get(path, version="2.79").json["instanceActions"]
    assert [a["action"] for a in rows] == ["stop", "create"]
    one = client.get(f"{path}/{rows[1]['request_id']}", version="2.79").json["instanceAction"]
    assert one["events"][0]["event"] == "compute_select_host" and one["events"][0]["result"] == "Success"
    client.delete(f"/v2.1/servers/{server}")
    compute.drain()
    assert client.get(path, version="2.79").json["instanceActions"][0]["action"] == "delete"
    assert client.get(path, version="2.1").status_code == 404
    usage = client.get("/v2.1/os-simple-tenant-usage/p1").json["tenant_usage"]
    assert usage["server_usages"][0]["state"] == "deleted"


def test_pages_of_actions_from_2_58(compute: ComputeFixture) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    for action in ("os-stop", "os-start"):
        compute.act(server, action)
    path = f"/v2.1/servers/{server}/os-instance-actions"

    def actions(query: str, version: str) -> list[str]:
        answer = compute.client.get(f"{path}{query}", version=version)
        assert answer.status_code == 200, answer.text
        return [a["action"] for a in answer.json["instanceActions"]]

    assert actions("", "2.1") == ["start", "stop", "create"]
    first = compute.client.get(f"{path}?limit=1", version="2.58").json
    assert len(first["instanceActions"]) == 1 and first["links"]
    marker = first["instanceActions"][0]["request_id"]
    assert actions(f"?marker={marker}", "2.58") == ["stop", "create"]
    assert actions("?changes-since=2001-01-01T00:00:00Z", "2.58") == ["start", "stop", "create"]
    assert actions("?changes-before=2001-01-01T00:00:00Z", "2.66") == []
    for query, version in (
        ("?marker=none", "2.58"),
        ("?changes-before=2001-01-01T00:00:00Z", "2.58"),
        ("?x=y", "2.58"),
    ):
        assert compute.client.get(f"{path}{query}", version=version).status_code == 400, query
    assert compute.client.get(f"{path}/req-none").status_code == 404
    assert compute.client.get(path, as_=compute.book.other).status_code == 404


def test_what_the_events_of_an_action_show(compute: ComputeFixture) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    path = f"/v2.1/servers/{server}/os-instance-actions"
    request_id = compute.client.get(path).json["instanceActions"][0]["request_id"]

    def shown(version: str, **kwargs: Any) -> Any:
        return compute.client.get(f"{path}/{request_id}", version=version, **kwargs).json["instanceAction"]

    assert "events" not in shown("2.50") and "events" in shown("2.50", as_=compute.book.admin)
    assert "hostId" not in shown("2.61")["events"][0]
    assert shown("2.62")["events"][0]["hostId"] and "host" not in shown("2.62")["events"][0]
    assert shown("2.62", as_=compute.book.admin)["events"][0]["host"] == "host1"
    assert "details" in shown("2.84")["events"][0] and "updated_at" in shown("2.58")
