"""Locked servers."""

from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"


def test_locks(compute: ComputeFixture) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    compute.act(server, "lock", {"locked_reason": "mine"})
    assert compute.show(server)["locked_reason"] == "mine"
    compute.act(server, "os-stop", status=409)
    assert compute.client.delete(f"/v2.1/servers/{server}").status_code == 409
    compute.act(server, "unlock")
    compute.act(server, "os-stop")
