"""Servers move between hosts together with the real image, network and volume services."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from pileus_compute.db.models import Host
from pileus_compute.rpc import Power, Upload, Uploaded


@pytest.fixture
def server(cloud: Any, tmp_path: Path) -> str:
    """A server with a local disk, a port and a volume on host1; host2 is there, too."""
    member = cloud.book.member
    network = cloud.network.client.post("/v2.0/networks", json={"network": {"name": "n"}}, as_=member).json["network"]
    subnet = {"network_id": network["id"], "ip_version": 4, "cidr": "10.1.0.0/24"}
    assert cloud.network.client.post("/v2.0/subnets", json={"subnet": subnet}, as_=member).status_code == 201
    made = cloud.volume.client.post("/v3/p1/volumes", json={"volume": {"size": 1}}, as_=member)
    cloud.drain()
    image = cloud.image.image(content=b"\0" * 512)
    server = cloud.create(imageRef=image["id"], networks=[{"uuid": network["id"]}])["id"]
    path = f"/v2.1/servers/{server}/os-volume_attachments"
    body = {"volumeAttachment": {"volumeId": made.json["volume"]["id"]}}
    assert cloud.compute.client.post(path, json=body).status_code == 200
    cloud.drain()
    cloud.network.hello("host2", "192.0.2.2")
    cloud.compute.add_host("host2")
    cloud.compute.host._snapshot = lambda guest_id, upload: put(cloud, tmp_path, upload)
    return str(server)


def put(cloud: Any, directory: Path, upload: Upload) -> Uploaded:
    """What an agent does, over HTTP in this process."""
    cloud.compute.host.driver._write_empty(directory / "disk", upload.format)
    headers = {"X-Image-Ticket": upload.ticket, "X-Image-Format": upload.format}
    answer = cloud.image.client.put(
        urlsplit(upload.url).path,
        data=(directory / "disk").read_bytes(),
        headers=headers,
        content_type="application/octet-stream",
    )
    assert answer.status_code < 300, answer.text
    return Uploaded(1, "0" * 64)


def act(cloud: Any, server: str, name: str, value: Any = None, status: int = 202) -> None:
    answer = cloud.compute.client.post(
        f"/v2.1/servers/{server}/action", json={name: value}, version="2.79", as_=cloud.book.admin
    )
    assert answer.status_code == status, answer.text
    for _ in range(2):  # what compute does to a port comes to the port's host with the next drain
        cloud.drain()


def is_on(cloud: Any, server: str, host: str, other: str, status: str) -> None:
    view = cloud.compute.show(server, as_=cloud.book.admin)
    assert (view["status"], view["OS-EXT-SRV-ATTR:host"]) == (status, host), view.get("fault")
    (port,) = cloud.network.client.get(f"/v2.0/ports?device_id={server}", as_=cloud.book.admin).json["ports"]
    assert (port["binding:host_id"], port["status"]) == (host, "ACTIVE")
    attachments = cloud.volume.client.get("/v3/p1/attachments/detail", as_=cloud.book.admin, version="3.50").json[
        "attachments"
    ]
    kinds = {"host1": "file", "host2": "nbd"}  # the volume is on host1
    assert [(a["status"], a["connection_info"]["driver_volume_type"]) for a in attachments] == [
        ("attached", kinds[host])
    ]
    agents = cloud.compute.tools._agents
    assert agents[host].driver.guests_by_id[server].power is Power.RUNNING
    left = agents[other].driver.guests_by_id.get(server)
    assert left is None or left.power is Power.STOPPED
    exports = cloud.volume.backends["host1"].exports
    assert len(exports) == (1 if host == "host2" else 0)


def images(cloud: Any) -> int:
    found = 0
    for hidden in ("true", "false"):
        for caller in (cloud.book.admin, cloud.book.member):
            listed = cloud.image.client.get(f"/v2/images?os_hidden={hidden}", as_=caller).json["images"]
            found += sum(1 for image in listed if "on its way" in (image["name"] or ""))
    return found


def test_a_server_moves_and_comes_back(cloud: Any, server: str) -> None:
    is_on(cloud, server, "host1", "host2", "ACTIVE")
    act(cloud, server, "migrate")
    is_on(cloud, server, "host2", "host1", "VERIFY_RESIZE")
    assert images(cloud) == 0
    act(cloud, server, "revertResize")
    is_on(cloud, server, "host1", "host2", "ACTIVE")


def test_a_server_moves_and_stays(cloud: Any, server: str) -> None:
    act(cloud, server, "migrate", {"host": "host2"})
    act(cloud, server, "confirmResize", status=204)
    is_on(cloud, server, "host2", "host1", "ACTIVE")


def test_a_server_goes_back_if_the_network_cannot_serve_it(cloud: Any, server: str) -> None:
    cloud.compute.add_host("host3")  # without an agent of the network
    act(cloud, server, "migrate", {"host": "host3"})
    view = cloud.compute.show(server, as_=cloud.book.admin)
    assert view["status"] == "ERROR" and "Binding failed" in view["fault"]["message"]
    is_on(cloud, server, "host1", "host3", "ERROR")
    assert images(cloud) == 0


def test_a_server_is_evacuated(cloud: Any, server: str) -> None:
    with cloud.compute.sessions.begin() as session:
        session.get_one(Host, "host1").forced_down = True
    cloud.compute.host.driver.power_cut()
    cloud.compute.host.down = True
    act(cloud, server, "evacuate", {}, status=200)
    is_on(cloud, server, "host2", "host1", "ACTIVE")
