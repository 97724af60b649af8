"""Real processes on real ports: a proxy under gunicorn, a storage server, the unmodified swiftclient; kill -9 at bad
moments.
"""

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
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
    """Every object that got its 201 is there after the storage server was killed, and a moment later it is listed."""
    for round_ in range(3):
        for number in range(10):
            path = f"{cloud.url}/c/{round_}-{number}"
            requests.put(path, data=f"{round_}-{number}".encode(), headers=TOKEN, timeout=30).raise_for_status()
        cloud.kill("storage")
        cloud.start("storage")
    names = sorted(f"{r}-{n}" for r in range(3) for n in range(10))
    assert await_names(cloud, names) == names
    for name in names:
        assert requests.get(f"{cloud.url}/c/{name}", headers=TOKEN, timeout=30).text == name
    for _ in range(100):
        if requests.head(cloud.url, headers=TOKEN, timeout=30).headers["X-Account-Object-Count"] == "30":
            return
        time.sleep(0.1)
    raise AssertionError("the account never got the sums of its container")


def await_names(cloud: Cloud, names: list[str]) -> list[str]:
    """Wait until the listing of `c` has these names; what it has in the end. A minute is promised."""
    until = time.monotonic() + 60
    while True:
        found = requests.get(f"{cloud.url}/c", headers=TOKEN, timeout=30).text.split()
        if found == names or time.monotonic() > until:
            return found
        time.sleep(0.1)


def test_rows_that_were_not_on_disk_are_made_again(cloud: Cloud) -> None:
    """The machine loses its power: of the listings' changes nothing is left, and the objects tell what they were."""
    for name in ("gone", "kept", "over"):
        requests.put(f"{cloud.url}/c/{name}", data=b"old", headers=TOKEN, timeout=30).raise_for_status()
    requests.get(f"{cloud.url}/c", headers=TOKEN, timeout=30).raise_for_status()
    cloud.stop_one("storage")
    saved = cloud.state / "saved"
    for device in cloud.files("."):
        for part in ("containers", "rows"):
            if (device / part).exists():
                shutil.copytree(device / part, saved / device.name / part)
    began = time.time()
    cloud.start("storage")
    until = time.monotonic() + 60
    while min(marker.stat().st_mtime for marker in cloud.files("told")) < began:  # objects are looked for since then
        assert time.monotonic() < until
        time.sleep(0.05)
    with ThreadPoolExecutor(8) as pool:
        paths = [f"{cloud.url}/c/{number:02}" for number in range(40)]
        answers = pool.map(lambda path: requests.put(path, data=b"new", headers=TOKEN, timeout=30), paths)
        assert {answer.status_code for answer in answers} == {201}
    requests.put(f"{cloud.url}/c/over", data=b"longer", headers=TOKEN, timeout=30).raise_for_status()
    requests.delete(f"{cloud.url}/c/gone", headers=TOKEN, timeout=30).raise_for_status()
    cloud.kill("storage")
    for device in cloud.files("."):
        for part in ("containers", "rows"):
            shutil.rmtree(device / part, ignore_errors=True)
    shutil.copytree(saved, cloud.home, dirs_exist_ok=True)
    cloud.start("storage")
    names = [*(f"{number:02}" for number in range(40)), "kept", "over"]
    assert await_names(cloud, names) == names
    rows = requests.get(f"{cloud.url}/c?format=json", headers=TOKEN, timeout=30).json()
    assert {row["name"]: row["bytes"] for row in rows} == {**dict.fromkeys(names, 3), "over": 6}


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
