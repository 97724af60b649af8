"""Compute together with the real image, network and volume services, all in this process."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from pileus_compute.testing import ComputeFixture, compute_service
from pileus_image.testing import ImageFixture, image_service
from pileus_kit.testing import TokenBook
from pileus_network.testing import NetworkFixture
from pileus_volume.testing import VolumeFixture


@dataclass
class Cloud:
    compute: ComputeFixture
    image: ImageFixture
    network: NetworkFixture
    volume: VolumeFixture
    book: TokenBook

    def drain(self) -> None:
        """Until nobody has anything left to do."""
        for _ in range(30):
            self.network.drain()
            self.volume.drain()
            try:
                self.compute.runner.drain(rounds=3)
            except TimeoutError:
                continue
            self.volume.drain()  # what compute asked for last
            return
        raise AssertionError("the cloud does not come to rest")

    def create(self, **wish: Any) -> dict[str, Any]:
        view = self.compute.server(drain=False, **wish)
        self.drain()
        return self.compute.show(view["id"])


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    book = TokenBook()
    with (image_service(tmp_path / "image", book=book) as image,
          NetworkFixture(_made(tmp_path / "network"), authenticate=book) as network,
          VolumeFixture(tmp_path / "volume", apps={"image": image.app}, book=book) as volume,
          compute_service(tmp_path / "compute", book=book, apps={
              "image": image.app, "network": network.app, "volume": volume.app}) as compute):
        compute.flavor()
        yield Cloud(compute, image, network, volume, book)


def _made(path: Path) -> Path:
    path.mkdir()
    return path


def _private(cloud: Cloud) -> str:
    member = cloud.book.member
    wish = {"network": {"name": "private"}}
    network = cloud.network.client.post("/v2.0/networks", json=wish, as_=member).json["network"]
    subnet = {"network_id": network["id"], "ip_version": 4, "cidr": "10.1.0.0/24"}
    made = cloud.network.client.post("/v2.0/subnets", json={"subnet": subnet}, as_=member)
    assert made.status_code == 201, made.text
    return str(network["id"])


def test_a_server_on_a_network_from_an_image_with_a_volume(cloud: Cloud) -> None:
    network_id = _private(cloud)
    image = cloud.image.image(content=b"\0" * 512)
    server = cloud.create(imageRef=image["id"], networks=[{"uuid": network_id}], config_drive=True)
    assert server["status"] == "ACTIVE", server
    assert server["addresses"]["private"][0]["addr"].startswith("10.1.0.")
    guest_nics = cloud.compute.host.driver.guests_by_id[server["id"]].nics
    ports = cloud.network.client.get(f"/v2.0/ports?device_id={server['id']}", as_=cloud.book.member).json["ports"]
    assert [p["id"] for p in ports] == list(guest_nics)

    made = cloud.volume.client.post("/v3/p1/volumes", json={"volume": {"size": 1}}, as_=cloud.book.member)
    assert made.status_code == 202, made.text
    volume_id = made.json["volume"]["id"]
    cloud.drain()
    path = f"/v2.1/servers/{server['id']}/os-volume_attachments"
    answer = cloud.compute.client.post(path, json={"volumeAttachment": {"volumeId": volume_id}})
    assert answer.status_code == 200, answer.text
    cloud.drain()
    assert _volume(cloud, volume_id)["status"] == "in-use"
    assert volume_id in cloud.compute.host.driver.guests_by_id[server["id"]].volumes
    assert cloud.compute.client.delete(f"{path}/{volume_id}").status_code == 202
    cloud.drain()
    assert _volume(cloud, volume_id)["status"] == "available"

    assert cloud.compute.client.delete(f"/v2.1/servers/{server['id']}").status_code == 204
    cloud.drain()
    assert not cloud.network.client.get(f"/v2.0/ports?device_id={server['id']}", as_=cloud.book.admin).json["ports"]


def _volume(cloud: Cloud, volume_id: str) -> dict[str, Any]:
    return dict(cloud.volume.client.get(f"/v3/p1/volumes/{volume_id}", as_=cloud.book.member).json["volume"])


def test_a_server_that_boots_from_a_volume_made_of_an_image(cloud: Cloud) -> None:
    image = cloud.image.image(content=b"\0" * 512)
    disk = {"source_type": "image", "destination_type": "volume", "uuid": image["id"], "volume_size": 1,
            "boot_index": 0, "delete_on_termination": True}
    server = cloud.create(imageRef="", block_device_mapping_v2=[disk])
    assert server["status"] == "ACTIVE", server
    attached, = server["os-extended-volumes:volumes_attached"]
    assert _volume(cloud, attached["id"])["status"] == "in-use"
    cloud.compute.client.delete(f"/v2.1/servers/{server['id']}")
    cloud.drain()
    assert cloud.volume.client.get(f"/v3/p1/volumes/{attached['id']}", as_=cloud.book.member).status_code == 404


def test_a_volume_that_a_shelved_server_gets_is_in_use_and_there_when_it_is_back(cloud: Cloud) -> None:
    image = cloud.image.image(content=b"\0" * 512)
    disk = {"source_type": "image", "destination_type": "volume", "uuid": image["id"], "volume_size": 1,
            "boot_index": 0, "delete_on_termination": True}
    server = cloud.create(imageRef="", block_device_mapping_v2=[disk])["id"]

    def act(name: str, status: str) -> None:
        answer = cloud.compute.client.post(f"/v2.1/servers/{server}/action", json={name: None}, version="2.79")
        assert answer.status_code == 202, answer.text
        cloud.drain()
        assert cloud.compute.show(server)["status"] == status

    act("shelve", "SHELVED_OFFLOADED")
    volumes = "/v3/p1/volumes"
    made = cloud.volume.client.post(volumes, json={"volume": {"size": 1}}, as_=cloud.book.member).json["volume"]["id"]
    cloud.drain()
    path = f"/v2.1/servers/{server}/os-volume_attachments"
    assert cloud.compute.client.post(path, json={"volumeAttachment": {"volumeId": made}}).status_code == 200
    cloud.drain()
    assert _volume(cloud, made)["status"] == "in-use" and _volume(cloud, made)["attachments"][0]["server_id"] == server
    act("unshelve", "ACTIVE")
    assert made in cloud.compute.host.driver.guests_by_id[server].volumes
    assert _volume(cloud, made)["status"] == "in-use"
    act("shelve", "SHELVED_OFFLOADED")
    assert cloud.compute.client.delete(f"{path}/{made}").status_code == 202
    cloud.drain()
    assert _volume(cloud, made)["status"] == "available"


def test_a_server_that_boots_from_a_volume_is_rebuilt(cloud: Cloud) -> None:
    """Before 2.93 with the image that it has; from then on the volume gets the content of any."""
    first, second = (cloud.image.image(content=bytes([n]) * 512)["id"] for n in (1, 2))
    disk = {"source_type": "image", "destination_type": "volume", "uuid": first, "volume_size": 1, "boot_index": 0}
    server = cloud.create(imageRef="", block_device_mapping_v2=[disk])
    (root,) = (v["id"] for v in server["os-extended-volumes:volumes_attached"])
    path = f"/v2.1/servers/{server['id']}/action"

    def rebuild(image: str, version: str) -> int:
        answer = cloud.compute.client.post(path, json={"rebuild": {"imageRef": image}}, version=version)
        if answer.status_code == 202:
            shown = cloud.compute.show(server["id"])
            assert (shown["status"], shown["OS-EXT-STS:task_state"]) == ("REBUILD", "rebuilding")
        cloud.drain()
        return int(answer.status_code)

    assert rebuild(second, "2.92") == 400
    assert rebuild(first, "2.92") == 202
    assert rebuild(second, "2.93") == 202
    shown = cloud.compute.show(server["id"])
    assert shown["status"] == "ACTIVE" and shown["image"] == "", shown.get("fault")
    volume = _volume(cloud, root)
    assert volume["status"] == "in-use" and volume["volume_image_metadata"]["image_id"] == second
    assert len(volume["attachments"]) == 1 and cloud.volume.fake.origins[root] == f"image {second}"
    large = cloud.image.image(content=b"x" * 512, min_disk=5)["id"]
    assert rebuild(large, "2.93") == 400
