"""Container sync between two stores, over HTTP: what is in one container comes to the other, and the newer wins."""

import dataclasses
import http.client
import json
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from s3_clients import s3_store
from werkzeug.serving import make_server

from pileus_objectstore.core import container_sync, sync_realms
from pileus_objectstore.core.bucket_index import Entry
from pileus_objectstore.core.container_sync import INDEX
from pileus_objectstore.core.names import Target
from pileus_objectstore.testing import ObjectStoreFixture
from pileus_objectstore.worker import Worker

PATH = "/v1/AUTH_p1/c"
TO, KEY = "X-Container-Sync-To", "X-Container-Sync-Key"


class Cloud:
    """A store on a port, and its daemon."""

    def __init__(self, store: ObjectStoreFixture, realms: Path, stack: ExitStack) -> None:
        self.store, self.client = store, store.client
        server = make_server("127.0.0.1", 0, store.app, threaded=True)  # type: ignore[arg-type]
        threading.Thread(target=server.serve_forever, daemon=True).start()
        stack.callback(server.shutdown)
        self.port = server.server_port
        worker = Worker(dataclasses.replace(store.configs[0], container_sync_realms=str(realms)))
        stack.callback(worker.stop)
        self.daemon, self.tools = worker.container_sync, worker.tools

    def lead_to(self, cluster: str, key: str = "secret", path: str = PATH) -> None:
        """Create the container, which leads to the one of the same name in a cluster."""
        headers = {KEY: key} | ({TO: f"//realm/{cluster}/{path.removeprefix('/v1/')}"} if cluster else {})
        assert self.client.put(path, headers=headers).status_code in (201, 202)

    def sync(self) -> str:
        self.store.drain()
        return self.daemon.run()


@pytest.fixture
def clouds(tmp_path: Path) -> Iterator[Any]:
    realms = tmp_path / "realms.conf"
    with ExitStack() as stack:
        made = []
        for name in ("near", "far"):
            store = ObjectStoreFixture(tmp_path / name, devices=3, container_sync_realms=str(realms))
            stack.callback(store.close)
            made.append(Cloud(store, realms, stack))
        near, far = made
        urls = "".join(f"cluster_{n} = http://127.0.0.1:{c.port}/v1/\n" for n, c in (("near", near), ("far", far)))
        realms.write_text(f"[Realm]\nkey = of-realm\nkey2 = older\n{urls}")
        yield SimpleNamespace(near=near, far=far, realms=realms)


def test_objects_come_to_the_other_cloud_and_go_there_too(clouds: Any) -> None:
    near, far = clouds.near, clouds.far
    near.lead_to("far")
    far.lead_to("")
    for n in range(7):
        answer = near.client.put(
            f"{PATH}/o{n} %C3%BC/ %25", data=b"%d" % n, headers={"X-Object-Meta-N": f"{n}\xc3\xa9"}
        )
        assert answer.status_code == 201
    later = str(int(time.time()) + 9000)
    kept = {"Content-Type": "text/x", "Content-Encoding": "gzip", "X-Delete-At": later}
    near.client.put(f"{PATH}/kept", data=b"x" * 300_000, headers=kept)
    assert near.sync() == "8 changes sent, 0 refused, 0 containers wait"
    for n in range(7):
        answer, original = (cloud.client.get(f"{PATH}/o{n} %C3%BC/ %25") for cloud in (far, near))
        assert (answer.data, answer.headers["X-Object-Meta-N"]) == (
            f"{n}".encode(),
            original.headers["X-Object-Meta-N"],
        )
        assert answer.headers["X-Timestamp"] == original.headers["X-Timestamp"]
    answer = far.client.get(f"{PATH}/kept")
    assert answer.data == b"x" * 300_000
    assert {name: answer.headers[name] for name in kept} == kept
    far.store.drain()
    assert far.client.get(PATH).data == near.client.get(PATH).data
    assert near.sync() == ""
    assert near.client.post(f"{PATH}/kept", headers={"X-Object-Meta-New": "1"}).status_code == 202
    assert near.client.delete(f"{PATH}/o3 %C3%BC/ %25").status_code == 204
    assert near.sync() == "2 changes sent, 0 refused, 0 containers wait"
    assert far.client.head(f"{PATH}/kept").headers["X-Object-Meta-New"] == "1"
    assert far.client.get(f"{PATH}/o3 %C3%BC/ %25").status_code == 404


def test_two_containers_lead_to_each_other_and_the_newer_wins(clouds: Any) -> None:
    near, far = clouds.near, clouds.far
    near.lead_to("FAR")
    far.lead_to("Near")
    near.client.put(f"{PATH}/o", data=b"older")
    far.client.put(f"{PATH}/o", data=b"newer")
    near.client.put(f"{PATH}/gone", data=b"x")
    near.sync()
    assert far.client.delete(f"{PATH}/gone").status_code == 204
    far.client.put(f"{PATH}/far", data=b"f")
    for _ in range(2):
        near.sync()
        far.sync()
    assert near.sync() == far.sync() == ""
    for cloud in (near, far):
        cloud.store.drain()
        assert cloud.client.get(PATH).data == b"far\no\n"
        assert cloud.client.get(f"{PATH}/o").data == b"newer"


def test_manifests_and_links_come_as_they_are(clouds: Any) -> None:
    near, far = clouds.near, clouds.far
    near.lead_to("far")
    far.lead_to("")
    etags = [near.client.put(f"{PATH}/parts/{n}", data=b"part%d" % n).headers["Etag"] for n in range(2)]
    lines = [{"path": f"c/parts/{n}", "etag": etag, "size_bytes": 5} for n, etag in enumerate(etags)]
    link = {"X-Symlink-Target": "c/parts/0"}
    for name, body, headers in (
        ("static?multipart-manifest=put", json.dumps(lines), {}),
        ("dynamic", b"", {"X-Object-Manifest": "c/parts/"}),
        ("link", b"", link),
        ("exact", b"", {**link, "X-Symlink-Target-Etag": etags[0]}),
    ):
        answer = near.client.put(
            f"{PATH}/{name}", data=body, headers=headers, environ_overrides={"CONTENT_LENGTH": str(len(body))}
        )
        assert answer.status_code == 201
    assert near.sync() == "6 changes sent, 0 refused, 0 containers wait"
    for name, body in (("static", b"part0part1"), ("dynamic", b"part0part1"), ("link", b"part0"), ("exact", b"part0")):
        answer, original = (cloud.client.get(f"{PATH}/{name}") for cloud in (far, near))
        assert answer.data == original.data == body
        assert answer.headers["Etag"] == original.headers["Etag"]
    shown = "?format=json&prefix="
    far.store.drain()
    for name in ("static", "link", "exact"):
        rows = [cloud.client.get(f"{PATH}{shown}{name}").json[0] for cloud in (far, near)]
        assert rows[0] == rows[1]


def test_what_cannot_be_reached_is_brought_later(clouds: Any) -> None:
    near, far = clouds.near, clouds.far
    near.lead_to("far")
    near.client.put(f"{PATH}/o", data=b"x")
    assert near.sync() == "0 changes sent, 0 refused, 1 containers wait"  # there is no container yet
    far.lead_to("", key="another")
    assert near.sync() == "0 changes sent, 0 refused, 1 containers wait"
    far.lead_to("")
    far.store.stop_host(0)
    assert "1 containers wait" in near.sync()
    far.store.start_host(0)
    until = time.monotonic() + 60  # the proxy asks a host that was away again after a while
    while far.client.get(f"{PATH}/o").status_code != 200 and time.monotonic() < until:
        near.sync()
    assert far.client.get(f"{PATH}/o").data == b"x"
    clouds.realms.write_text("")
    assert "1 containers wait" in near.sync()  # the realm is gone


def test_a_refused_object_keeps_no_other_waiting(clouds: Any) -> None:
    near, far = clouds.near, clouds.far
    near.lead_to("far")
    far.lead_to("")
    assert far.client.post(PATH, headers={"X-Container-Meta-Quota-Bytes": "10"}).status_code == 204
    near.client.put(f"{PATH}/large", data=b"x" * 5_000_000)
    near.client.put(f"{PATH}/small", data=b"x")
    assert near.sync() == "1 changes sent, 1 refused, 0 containers wait"
    far.client.post(PATH, headers={"X-Remove-Container-Meta-Quota-Bytes": "1"})
    assert near.sync() == ""
    began = time.time()
    near.daemon.now = lambda: began + 2 * 86400
    assert near.sync() == "1 changes sent, 0 refused, 0 containers wait"
    assert len(far.client.get(f"{PATH}/large").data) == 5_000_000


def test_a_pass_that_was_killed_anywhere_goes_on(clouds: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    near, far = clouds.near, clouds.far
    near.lead_to("far")
    far.lead_to("")
    for n in range(6):
        near.client.put(f"{PATH}/o{n}", data=b"x")
    near.client.delete(f"{PATH}/o2")

    class Killed(BaseException):
        """The end of the process."""

    monkeypatch.setattr("pileus_objectstore.daemons.container_sync.PAGE_ROWS", 2)
    bring, sent = near.daemon._bring, 0
    for kills in range(8):

        def killed(*args: Any, left: list[int] = [kills]) -> None:  # noqa: B006 - a counter of this pass
            if not left[0]:
                raise Killed
            left[0] -= 1
            bring(*args)

        monkeypatch.setattr(near.daemon, "_bring", killed)
        try:
            near.sync()
        except Killed:
            sent += 1
    monkeypatch.undo()
    near.sync()
    assert sent
    far.store.drain()
    assert far.client.get(PATH).data == b"o0\no1\no3\no4\no5\n"


def test_rows_of_shards_are_brought(clouds: Any) -> None:
    near, far = clouds.near, clouds.far
    near.lead_to("far")
    far.lead_to("")
    names = [f"{n:02}" for n in range(30)]
    for name in names:
        near.client.put(f"{PATH}/{name}", data=b"x")
    near.store.drain()
    worker = Worker(near.store.configs[0])
    worker.sharder.shard_rows = 10
    for _ in range(4):
        worker.sharder.run()
        near.store.drain()
    worker.stop()
    assert near.tools.listing_cache.get(Target("AUTH_p1", "c"), fresh=True).ranges_at
    near.sync()
    near.client.delete(f"{PATH}/07")
    near.sync()
    far.store.drain()
    assert far.client.get(PATH).data.decode().splitlines() == [name for name in names if name != "07"]


def test_where_a_container_may_lead(clouds: Any) -> None:
    client = clouds.near.client
    client.put(PATH)
    for refused, why in {
        "http://127.0.0.1/v1/AUTH_p1/c": "form",
        "//realm/far/AUTH_p1": "form",
        "//realm/far/AUTH_p1/c/o": "form",
        "//other/far/AUTH_p1/c": "REALM",
        "//realm/mars/AUTH_p1/c": "FAR, NEAR",
    }.items():
        answer = client.post(PATH, headers={TO: refused, KEY: "k"})
        assert (answer.status_code, why in answer.data.decode()) == (400, True)
    realms = client.get("/info").json["container_sync"]["realms"]
    assert realms == {"REALM": {"clusters": {"NEAR": {}, "FAR": {}}}}
    good = {TO: "//realm/far/AUTH_p1/c", KEY: "k"}
    assert client.post(PATH, headers=good).status_code == 204
    assert client.head(PATH).headers[TO] == good[TO]
    assert client.post(PATH, headers={"X-Versions-Enabled": "true"}).status_code == 400
    assert client.post(PATH, headers={f"X-Remove{TO[1:]}": "x"}).status_code == 204
    assert client.post(PATH, headers={"X-Versions-Enabled": "true"}).status_code == 204
    assert client.post(PATH, headers=good).status_code == 400
    clouds.near.daemon.now = lambda: time.time() + 7200
    clouds.near.sync()
    assert not list(INDEX.entries(clouds.near.tools))


def signed(cloud: Cloud, method: str, **changes: str) -> int:
    """The status of a request that is signed by hand."""
    given = {"path": f"{PATH}/o", "stamp": f"{time.time():.5f}", "realm": "realm", "key": "of-realm", "own": "secret"}
    given |= changes
    signature = sync_realms.sign(method, given["path"], given["stamp"], "n", given["key"], given["own"])
    headers = {"X-Timestamp": given["stamp"], "X-Container-Sync-Auth": f"{given['realm']} n {signature}"}
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=30)
    try:
        connection.request(
            method, given.get("url", given["path"]), b"x" if method in ("PUT", "POST") else None, headers
        )
        return connection.getresponse().status
    finally:
        connection.close()


def test_only_what_is_signed_is_taken(clouds: Any) -> None:
    far = clouds.far
    far.lead_to("")
    far.lead_to("", path="/v1/AUTH_p1/keyless", key="")
    assert signed(far, "PUT") == 201
    assert signed(far, "HEAD") == 200
    assert signed(far, "PUT", key="older") == 201  # the second key counts here, too
    for changes in (
        {"realm": "other"},
        {"key": "wrong"},
        {"own": "wrong"},
        {"url": f"{PATH}/other"},
        {"path": "/v1/AUTH_p1/keyless/o", "own": ""},
        {"path": "/v1/AUTH_p2/c/o"},
    ):
        assert signed(far, "PUT", **changes) == 401, changes
    for method in ("GET", "POST", "COPY"):
        assert signed(far, method) == 401
    assert signed(far, "PUT", path=PATH) == signed(far, "DELETE", path=PATH) == 401
    assert signed(far, "PUT", stamp="yesterday") == 400
    assert signed(far, "PUT", stamp=f"{time.time() + 3600:.5f}") == 400
    assert signed(far, "PUT", stamp="1000000000.00000") == 202  # there is something newer
    assert signed(far, "DELETE", stamp="1000000000.00000") == 409
    assert signed(far, "DELETE") == 204
    assert signed(far, "HEAD") == 404
    assert far.client.put(PATH, headers={"X-Versions-Enabled": "true"}).status_code == 202
    assert signed(far, "PUT") == 409


NONSENSE = [
    b"x",
    b"[]",
    b'[{"name":"o"}]',
    b'[{"name":"/c/o","bytes":-5}]',
    b'[{"name":"/c/o","bytes":5,"range":"0-99"}]',
    b'[{"name":"/c/o","bytes":5,"range":"x"}]',
    b'[{"name":"/\\u0000segments\\u0000c/o","bytes":5}]',
    b'[{"data":"?"}]',
]


def test_manifests_that_make_no_sense_are_refused(clouds: Any) -> None:
    clouds.far.lead_to("")
    for body in NONSENSE:
        stamp = f"{time.time():.5f}"
        signature = sync_realms.sign("PUT", f"{PATH}/m", stamp, "n", "of-realm", "secret")
        headers = {"X-Timestamp": stamp, "X-Container-Sync-Auth": f"realm n {signature}", "X-Static-Large-Object": "1"}
        answer = clouds.far.client.put(f"{PATH}/m", data=body, headers=headers, anonymous=True)
        assert answer.status_code == 400, body


def test_without_realms_nothing_is_offered(store: ObjectStoreFixture, container: str) -> None:
    answer = store.client.post(container, headers={TO: "//realm/far/AUTH_p1/c", KEY: "k"})
    assert answer.status_code == 400
    assert b"not offered" in answer.data
    assert "container_sync" not in store.client.get("/info").json
    answer = store.client.put(f"{container}/o", data=b"x", headers={"X-Container-Sync-Auth": "realm n s"})
    assert answer.status_code == 401


def test_uploads_in_parts_arrive_whole_and_client_keys_are_left_out(tmp_path: Path) -> None:
    realms = tmp_path / "realms.conf"
    options: dict[str, Any] = {"container_sync_realms": str(realms), "customer_keys_over_http": True}
    with s3_store(tmp_path, **options) as s3:
        boto = s3.client()
        for name in ("a", "b"):
            boto.create_bucket(Bucket=f"bucket-{name}")
        realms.write_text(f"[r]\nkey = k\ncluster_here = {s3.url}/v1/\n")
        account = f"AUTH_{s3.project()}"
        lead = {"X_Container_Sync_To": f"//r/here/{account}/bucket-b", "X_Container_Sync_Key": "s"}
        assert s3.swift("POST", "bucket-a", **lead) == 204
        assert s3.swift("POST", "bucket-b", X_Container_Sync_Key="s") == 204
        upload = boto.create_multipart_upload(Bucket="bucket-a", Key="o", ContentType="text/x")["UploadId"]
        named = {"Bucket": "bucket-a", "Key": "o", "UploadId": upload}
        bodies = [b"1" * (5 << 20), b"2"]
        parts = [
            {"PartNumber": n, "ETag": boto.upload_part(**named, PartNumber=n, Body=body)["ETag"]}
            for n, body in enumerate(bodies, 1)
        ]
        boto.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
        boto.put_object(
            Bucket="bucket-a", Key="locked", Body=b"x", SSECustomerAlgorithm="AES256", SSECustomerKey="k" * 32
        )
        worker = Worker(dataclasses.replace(s3.store.configs[0], container_sync_realms=str(realms)))
        try:
            s3.store.drain()
            assert worker.container_sync.run() == "1 changes sent, 1 refused, 0 containers wait"
        finally:
            worker.stop()
        answer = boto.get_object(Bucket="bucket-b", Key="o")
        assert answer["ContentType"] == "text/x"
        assert answer["Body"].read() == b"".join(bodies)


def test_progress_survives_in_the_index(clouds: Any) -> None:
    near = clouds.near
    near.lead_to("far")
    entry = next(INDEX.entries(near.tools))
    assert isinstance(entry, Entry)
    assert container_sync.progress(near.tools, entry.bucket).changes == {}
