"""The real process: streams in constant memory, sendfile, kill -9 in the middle of an upload, unmodified clients."""

import hashlib
import http.client
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import openstack
import pytest
from keystoneauth1 import session as keystone
from keystoneauth1.token_endpoint import Token
from sqlalchemy import update

from pileus_image.config import Config
from pileus_image.core import orphaned_blobs
from pileus_image.core.tools import make_tools
from pileus_image.db.models import Blob
from pileus_kit.config import load
from pileus_kit.db import migrate

MIB = 1 << 20
PATIENCE_S = 60


class Server:
    """One gunicorn with the image API; `start` again after `kill`."""

    def __init__(self, directory: Path) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.file = directory / "image.conf"
        self.file.write_text(
            f"[DEFAULT]\nstate={directory}\nbind=127.0.0.1:{self.port}\ndownload_networks=127.0.0.0/8\n"
        )
        self.config = load(Config, ["--config", str(self.file)])
        migrate(self.config.database_url("image"), "pileus_image")
        self.url = f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        script = Path(__file__).with_name("serve_image.py")
        self.process = subprocess.Popen([sys.executable, script, self.file], start_new_session=True)
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end:
            try:
                line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=1)
                line.request("GET", "/healthcheck")
                if line.getresponse().status == 200:
                    return
            except (OSError, http.client.HTTPException):
                time.sleep(0.05)
        raise AssertionError("the server does not answer")

    def kill(self) -> None:
        os.killpg(self.process.pid, 9)
        self.process.wait()

    def peak_mib(self) -> int:
        """Return the most memory that any of its processes ever had."""
        family = [
            self.process.pid,
            *map(
                int,
                subprocess.run(
                    ["pgrep", "-P", str(self.process.pid)], capture_output=True, text=True, check=True
                ).stdout.split(),
            ),
        ]
        status = [Path(f"/proc/{pid}/status").read_text() for pid in family]
        return max(int(text.partition("VmHWM:")[2].split()[0]) for text in status) // 1024

    def stored(self) -> list[Path]:
        return [path for path in Path(self.config.state, "image", "store").rglob("*") if path.is_file()]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    it = Server(tmp_path)
    it.start()
    yield it
    it.kill()


@pytest.fixture
def cloud(server: Server) -> openstack.connection.Connection:
    auth = Token(server.url, "token-member")
    return openstack.connection.Connection(session=keystone.Session(auth=auth), image_endpoint_override=server.url)


class Noise:
    """So many MiB of the same random bytes, as a file that is on no disk."""

    def __init__(self, mib: int) -> None:
        self.block, self.left, self.digest = os.urandom(MIB), mib, hashlib.sha512()

    def read(self, size: int) -> bytes:
        if not self.left:
            return b""
        self.left -= 1
        self.digest.update(self.block)
        return self.block


def put(server: Server, image_id: str, mib: int, send: int) -> http.client.HTTPConnection:
    """Begin an upload of `mib` MiB and send the first `send` of them."""
    line = http.client.HTTPConnection("127.0.0.1", server.port, timeout=PATIENCE_S, blocksize=MIB)
    line.putrequest("PUT", f"/v2/images/{image_id}/file")
    for name, value in (
        ("X-Auth-Token", "token-member"),
        ("Content-Type", "application/octet-stream"),
        ("Content-Length", str(mib * MIB)),
    ):
        line.putheader(name, value)
    line.endheaders()
    for _ in range(send):
        line.send(bytes(MIB))
    return line


def test_memory_does_not_grow_with_the_image(server, cloud):
    for mib in (8, 400):
        image = cloud.image.create_image(
            f"image-{mib}", disk_format="raw", container_format="bare", allow_duplicates=True
        )
        noise = Noise(mib)
        done = put(server, image.id, mib, 0)
        while block := noise.read(MIB):
            done.send(block)
        assert done.getresponse().status == 204
        digest = hashlib.sha512()
        for chunk in cloud.image.download_image(image.id, stream=True, chunk_size=MIB).iter_content(MIB):
            digest.update(chunk)
        assert digest.hexdigest() == noise.digest.hexdigest() == cloud.image.get_image(image.id).hash_value
        if mib == 8:
            small = server.peak_mib()
    assert server.peak_mib() - small < 24


def test_kill_9_in_the_middle_of_an_upload(server, cloud):
    image = cloud.image.create_image("image", disk_format="raw", container_format="bare")
    sending = put(server, image.id, 64, 8)  # kept, for a connection that nothing refers to is closed
    end = time.monotonic() + PATIENCE_S
    while not any(path.stat().st_size >= 4 * MIB for path in server.stored()):
        assert time.monotonic() < end, "nothing arrives"
        time.sleep(0.02)
    server.kill()
    sending.close()
    server.start()
    assert cloud.image.get_image(image.id).status == "saving"
    tools = make_tools(server.config, lambda job_id: None)
    with tools.sessions.begin() as session:
        session.execute(update(Blob).values(lease_until=0.0))  # as if a minute had passed
    assert orphaned_blobs.delete_orphans(tools) == 1
    assert cloud.image.get_image(image.id).status == "queued" and server.stored() == []
    assert put(server, image.id, 2, 2).getresponse().status == 204
    assert cloud.image.get_image(image.id).status == "active"
    tools.sessions.dispose()


def test_openstacksdk(server, cloud, tmp_path):
    file = tmp_path / "disk.qcow2"
    subprocess.run(["qemu-img", "create", "-q", "-f", "qcow2", file, "10M"], check=True)
    image = cloud.create_image(
        "mine",
        filename=str(file),
        disk_format="qcow2",
        container_format="bare",
        wait=True,
        meta={"os_distro": "debian"},
        tags=["one"],
    )
    assert (image.status, image.virtual_size, image.size) == ("active", 10 * MIB, file.stat().st_size)
    assert [found.id for found in cloud.image.images(tag="one", os_distro="debian")] == [image.id]
    changed = cloud.image.update_image(image, name="renamed", min_ram=64, is_protected=True)
    assert (changed.name, changed.min_ram, changed.is_protected) == ("renamed", 64, True)
    with pytest.raises(openstack.exceptions.ForbiddenException, match="protected"):
        cloud.image.delete_image(image, ignore_missing=False)
    cloud.image.update_image(image, is_protected=False)
    cloud.image.add_tag(image, "two")
    member = cloud.image.add_member(image, member_id="p2")
    assert member.status == "pending" and [m.member_id for m in cloud.image.members(image)] == ["p2"]
    cloud.image.deactivate_image(image)
    assert cloud.image.get(f"/images/{image.id}/file").status_code == 403
    cloud.image.reactivate_image(image)
    copy = tmp_path / "copy"
    cloud.image.download_image(image, output=str(copy))
    assert copy.read_bytes() == file.read_bytes()
    other = cloud.image.create_image("staged", disk_format="qcow2", container_format="bare")
    cloud.image.stage_image(other, filename=str(file))
    cloud.image.import_image(other)
    cloud.image.wait_for_status(other, "active", interval=0.1, wait=PATIENCE_S)
    assert [task.status for task in cloud.image.tasks()] == ["success"]
    wrong = cloud.image.create_image("wrong", disk_format="raw", container_format="bare")
    wrong.data = file.read_bytes()
    refused = wrong.upload(cloud.image)
    assert refused.status_code == 400 and "content is qcow2" in refused.text
    for each in (image, other, wrong):
        cloud.image.delete_image(each)
    with pytest.raises(openstack.exceptions.NotFoundException):
        cloud.image.get_image(image.id)
    assert list(cloud.image.images()) == [] and server.stored() == []


def test_the_openstack_command(server, tmp_path):
    file = tmp_path / "disk.raw"
    file.write_bytes(b"raw" * 1000)

    def command(*words: str) -> str:
        options = ["--os-auth-type", "admin_token", "--os-endpoint", f"{server.url}/v2", "--os-token", "token-member"]
        done = subprocess.run(
            [Path(sys.executable).with_name("openstack"), *options, "image", *words],
            capture_output=True,
            text=True,
            env={**os.environ, "OS_CLOUD": ""},
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    made = command(
        "create",
        "--file",
        str(file),
        "--disk-format",
        "raw",
        "--container-format",
        "bare",
        "--tag",
        "t",
        "--property",
        "a=b",
        "-f",
        "value",
        "-c",
        "id",
        "mine",
    ).strip()
    assert made in command("list", "-f", "value")
    assert "active" in command("show", made, "-f", "value", "-c", "status")
    command("save", "--file", str(tmp_path / "copy"), made)
    assert (tmp_path / "copy").read_bytes() == file.read_bytes()
    command("set", "--name", "renamed", "--property", "a=c", made)
    assert "renamed" in command("list", "--property", "a=c", "-f", "value")
    command("delete", made)
    assert server.stored() == []
