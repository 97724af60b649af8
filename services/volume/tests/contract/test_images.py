"""Images become volumes and volumes become images, through the real image service over HTTP and real qcow2 files."""

import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from werkzeug.serving import make_server

from pileus_image.testing import ImageFixture
from pileus_kit.testing import TokenBook, WsgiAdapter
from pileus_kit.testing.clients import RoutedPeers
from pileus_volume.agent.image_transfer import send
from pileus_volume.drivers.file.driver import FileBackend
from pileus_volume.errors import ToolFailed
from pileus_volume.rpc import Ticket
from pileus_volume.testing import VolumeFixture

pytestmark = pytest.mark.skipif(shutil.which("qemu-img") is None, reason="needs qemu-utils")
MIB = 1 << 20


class Cloud:
    """Both services. The image service also listens on a port, which the storage host uses with tickets."""

    def __init__(self, directory: Path) -> None:
        book = TokenBook()
        self.images = ImageFixture(directory / "image", book)
        self.server = make_server("127.0.0.1", 0, self.images.app, threaded=True)
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()
        self.volumes = VolumeFixture(
            directory / "volume",
            book=book,
            backend=FileBackend,
            real_transfers=True,
            apps=Listening(self.images.app, self.server.server_port),
        )

    def close(self) -> None:
        self.volumes.close()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        self.images.close()

    def volume(self, **asked: Any) -> dict[str, Any]:
        made = self.volumes.client.post("/v3/p1/volumes", json={"volume": {"size": 1, **asked}})
        assert made.status_code == 202, made.text
        self.volumes.drain()
        return dict(self.volumes.client.get(f"/v3/p1/volumes/{made.json['volume']['id']}").json["volume"])

    def path(self, volume: str) -> Path:
        return Path(self.volumes.backends["host1"].directory, f"volume-{volume}")


class Listening(RoutedPeers):
    """Peers that call the app of this process, and that name the address at which hosts reach it."""

    def __init__(self, app: Any, port: int) -> None:
        super().__init__({"image": app}, "token-service")
        self._url = f"http://127.0.0.1:{port}"
        self._http.mount(self._url, WsgiAdapter(app))

    def endpoint(self, service: str) -> str:
        return self._url


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    made = Cloud(tmp_path)
    yield made
    made.close()


def qcow2(path: Path) -> bytes:
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", str(path), "40M"], check=True)
    subprocess.run(["qemu-io", "-f", "qcow2", "-c", "write -P 5 3M 1M", str(path)], check=True, capture_output=True)
    return path.read_bytes()


def test_there_and_back(cloud, tmp_path):
    image = cloud.images.image(qcow2(tmp_path / "source"), disk_format="qcow2", hw_disk_bus="virtio")
    volume = cloud.volume(imageRef=image["id"])
    assert volume["status"] == "available" and volume["bootable"] == "true"
    assert volume["volume_image_metadata"]["hw_disk_bus"] == "virtio"
    again = cloud.volume(imageRef=image["id"], size=2)
    for made in (volume, again):
        verdict = subprocess.run(
            ["qemu-io", "-f", "qcow2", "-c", "read -P 5 3M 1M", str(cloud.path(made["id"]))],
            check=True,
            capture_output=True,
            text=True,
        ).stdout
        assert "failed" not in verdict
    for form in ("raw", "qcow2"):
        answer = cloud.volumes.client.post(
            f"/v3/p1/volumes/{volume['id']}/action",
            json={"os-volume_upload_image": {"image_name": "back", "disk_format": form}},
        )
        assert answer.status_code == 202, answer.text
        cloud.volumes.drain()
        made = cloud.images.client.get(f"/v2/images/{answer.json['os-volume_upload_image']['image_id']}").json
        assert (made["status"], made["disk_format"], made["min_disk"]) == ("active", form, 1)
        assert made["virtual_size"] == 1 << 30
    assert cloud.volumes.client.get(f"/v3/p1/volumes/{volume['id']}").json["volume"]["status"] == "available"
    assert not list(cloud.path("x").parent.glob("upload-*"))


def test_an_image_that_vanished_meanwhile(cloud, tmp_path):
    image = cloud.images.image(qcow2(tmp_path / "source"), disk_format="qcow2")
    made = cloud.volumes.client.post("/v3/p1/volumes", json={"volume": {"size": 1, "imageRef": image["id"]}})
    assert cloud.images.client.delete(f"/v2/images/{image['id']}").status_code == 204
    cloud.volumes.drain()
    path = f"/v3/p1/volumes/{made.json['volume']['id']}"
    assert cloud.volumes.client.get(path).json["volume"]["status"] == "error"
    assert not list(cloud.path("x").parent.iterdir())


def test_other_peoples_images(cloud, tmp_path):
    image = cloud.images.image(qcow2(tmp_path / "source"), disk_format="qcow2", as_=cloud.images.book.other)
    answer = cloud.volumes.client.post("/v3/p1/volumes", json={"volume": {"size": 1, "imageRef": image["id"]}})
    assert answer.status_code == 400


def test_an_upload_that_is_sent_elsewhere_has_failed(tmp_path):
    """The ticket isn't sent to another address, and an upload that wasn't stored fails."""

    class Elsewhere(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.send_response(307)
            self.send_header("Location", "http://127.0.0.1:9/")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *args: object) -> None:
            pass

    (tmp_path / "file").write_bytes(b"x")
    with HTTPServer(("127.0.0.1", 0), Elsewhere) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        with pytest.raises(ToolFailed, match="307"):
            send(tmp_path / "file", Ticket(f"http://127.0.0.1:{server.server_port}/", "t"))
