"""Real processes on real ports: a proxy under gunicorn, a storage server, the unmodified swiftclient; kill -9 at bad
moments.
"""

import hashlib
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from storage_processes import TOKEN, Cloud
from swiftclient.client import Connection
from swiftclient.exceptions import ClientException
from swiftclient.service import SwiftService, SwiftUploadObject

from pileus_objectstore.testing import free_port


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    cloud = Cloud(tmp_path)
    requests.put(f"{cloud.url}/c", headers=TOKEN, timeout=30).raise_for_status()
    yield cloud
    cloud.stop()


def test_swiftclient(cloud: Cloud, tmp_path: Path) -> None:
    """`swift upload`, `list`, `stat`, `download` and `delete` work, with large objects in segments."""
    swift = Connection(preauthurl=cloud.url, preauthtoken="token-member")
    swift.put_container("box", headers={"X-Container-Meta-Colour": "red"})
    etag = swift.put_object("box", "süß/o", b"data", content_type="text/plain", headers={"X-Object-Meta-A": "ä"})
    assert etag == hashlib.md5(b"data").hexdigest()
    head, data = swift.get_object("box", "süß/o")
    assert (data, head["x-object-meta-a"]) == (b"data", "ä")
    swift.post_object("box", "süß/o", {"X-Object-Meta-B": "2"})
    assert swift.head_object("box", "süß/o")["x-object-meta-b"] == "2"
    chunked = (b"x" * 100_000 for _ in range(30))
    swift.put_object("box", "chunked", chunked)
    assert swift.head_object("box", "chunked")["content-length"] == "3000000"
    assert [row["name"] for row in swift.get_container("box")[1]] == ["chunked", "süß/o"]
    assert swift.get_capabilities(f"{cloud.url.rpartition('/v1')[0]}/info")["slo"]["max_manifest_segments"] == 1000
    swift.copy_object("box", "süß/o", "/c/copy")
    assert swift.get_object("c", "copy")[1] == b"data"
    swift.delete_object("box", "süß/o")
    with pytest.raises(ClientException, match="404"):
        swift.get_object("box", "süß/o")

    source = tmp_path / "big"
    source.write_bytes(os.urandom(5_000_000))
    options = {"os_storage_url": cloud.url, "os_auth_token": "token-member", "segment_size": 1_000_000, "use_slo": True}
    with SwiftService(options=options) as service:
        for outcome in service.upload("box", [SwiftUploadObject(str(source), object_name="big")]):
            assert outcome["success"], outcome
        for outcome in service.download("box", ["big"], {"out_file": str(tmp_path / "copy")}):
            assert outcome["success"], outcome
        assert (tmp_path / "copy").read_bytes() == source.read_bytes()
        for outcome in service.delete("box", ["big"]):
            assert outcome["success"], outcome
    assert swift.get_container("box_segments")[1] == []


def test_storage_killed_in_the_middle_of_a_put(cloud: Cloud) -> None:
    """The client gets an error, readers never see half an object, and the restart removes what is left of it."""
    requests.put(f"{cloud.url}/c/o", data=b"before", headers=TOKEN, timeout=30).raise_for_status()

    def body() -> Iterator[bytes]:
        for number in range(40):
            if number == 20:
                until = time.monotonic() + 30
                while not cloud.files("tmp/*") and time.monotonic() < until:  # sockets may hold megabytes
                    time.sleep(0.01)
                cloud.kill("storage")
            yield os.urandom(1 << 18)

    answer = requests.put(f"{cloud.url}/c/o", data=body(), headers=TOKEN, timeout=60)
    assert answer.status_code == 503
    left = set(cloud.files("tmp/*"))
    assert left
    cloud.start("storage")
    for _ in range(200):
        got = requests.get(f"{cloud.url}/c/o", headers=TOKEN, timeout=30)
        if got.status_code != 503:
            break
        time.sleep(0.05)
    assert got.content == b"before"
    requests.put(f"{cloud.url}/c/o", data=b"after", headers=TOKEN, timeout=30).raise_for_status()
    until = time.monotonic() + 30
    while left & set(cloud.files("tmp/*")) and time.monotonic() < until:  # a device is taken when it is first used
        time.sleep(0.05)
    assert not left & set(cloud.files("tmp/*"))


def test_what_was_acknowledged_survives_kill_9(cloud: Cloud) -> None:
    """Every object that got its 201, and its row in the listing, is there after the storage server was killed."""
    for round_ in range(3):
        for number in range(10):
            path = f"{cloud.url}/c/{round_}-{number}"
            requests.put(path, data=f"{round_}-{number}".encode(), headers=TOKEN, timeout=30).raise_for_status()
        cloud.kill("storage")
        cloud.start("storage")
    names = requests.get(f"{cloud.url}/c", headers=TOKEN, timeout=30).text.split()
    assert names == sorted(f"{r}-{n}" for r in range(3) for n in range(10))
    for name in names:
        assert requests.get(f"{cloud.url}/c/{name}", headers=TOKEN, timeout=30).text == name
    for _ in range(100):
        if requests.head(cloud.url, headers=TOKEN, timeout=30).headers["X-Account-Object-Count"] == "30":
            return
        time.sleep(0.1)
    raise AssertionError("the account never got the sums of its container")


def test_an_upload_that_breaks_off(cloud: Cloud) -> None:
    """A client may close the connection in the middle of a body, with and without a Content-Length."""
    for framing in ("Content-Length: 1000000\r\n\r\n", "Transfer-Encoding: chunked\r\n\r\n40000\r\n"):
        with socket.create_connection(("127.0.0.1", cloud.proxy_port)) as sock:
            sock.sendall(
                f"PUT /v1/AUTH_p1/c/half HTTP/1.1\r\nHost: x\r\nX-Auth-Token: token-member\r\n{framing}".encode()
            )
            sock.sendall(b"x" * 200_000)
        assert requests.get(f"{cloud.url}/c/half", headers=TOKEN, timeout=30).status_code == 404
    assert requests.get(f"{cloud.url}/c", headers=TOKEN, timeout=30).text == ""


def test_without_the_key_there_is_no_answer(cloud: Cloud) -> None:
    """The storage server refuses every call without the cluster's key."""
    for head in (
        b"POST /get_object HTTP/1.1\r\n\r\n",
        b"POST /put_object HTTP/1.1\r\nX-Cluster-Key: guess\r\nX-Args: {}\r\n\r\n",
    ):
        with socket.create_connection(("127.0.0.1", cloud.storage_port), 10) as sock:
            sock.sendall(head)
            assert sock.recv(100).startswith(b"HTTP/1.1 401 ")
            assert sock.recv(100) == b""


def test_a_second_storage_server_gets_no_device(cloud: Cloud, tmp_path: Path) -> None:
    """Two processes that write to one disk would damage it."""
    other = tmp_path / "other.conf"
    other.write_text(cloud.conf.read_text().replace(str(cloud.storage_port), str(free_port())))
    code = (
        "import sys; from pileus_kit import config; from pileus_objectstore.config import Config\n"
        "from pileus_objectstore.agent.storage_server import StorageServer\n"
        "server = StorageServer(config.load(Config, ['--config', sys.argv[1]]))\n"
        "print(len(server.host.devices(['d1', 'd2', 'd3', 'd4'])))"
    )
    requests.put(f"{cloud.url}/c/o", data=b"x", headers=TOKEN, timeout=30).raise_for_status()
    out = subprocess.run([sys.executable, "-c", code, str(other)], capture_output=True, text=True, timeout=60)
    assert int(out.stdout) <= 1, out.stderr
