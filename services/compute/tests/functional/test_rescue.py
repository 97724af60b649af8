"""Rescued servers."""

from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"


def test_rescue_console_and_password(compute: ComputeFixture) -> None:
    server = compute.server(imageRef=IMAGE_ID)["id"]
    text = compute.act(server, "os-getConsoleOutput", {"length": 10}, status=200).json["output"]
    assert "boot finished" in text
    compute.act(server, "changePassword", {"adminPass": "new"})
    rescued = compute.act(server, "rescue", {"adminPass": "r"}, status=200)
    assert rescued.json == {"adminPass": "r"} and compute.show(server)["status"] == "RESCUE"
    compute.act(server, "unrescue")
    assert compute.show(server)["status"] == "ACTIVE"
    compute.act(server, "os-resetState", {"state": "error"}, as_=compute.book.admin)
    assert compute.show(server)["status"] == "ERROR"
    compute.act(server, "os-resetState", {"state": "error"}, status=403)
    compute.act(server, "nonsense", status=400)
