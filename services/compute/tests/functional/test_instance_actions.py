"""The actions that were done with a server."""

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
