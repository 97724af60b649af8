"""A large object on this host is sent from its file, once all its checksums were verified lately."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn
from wsgiref.util import FileWrapper

import pytest
from werkzeug.test import EnvironBuilder

from pileus_kit.errors import Unavailable
from pileus_objectstore.agent import verified_files
from pileus_objectstore.api import object_versions
from pileus_objectstore.core.buckets import BucketRegistry
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.object_stream import ObjectStream
from pileus_objectstore.testing import ObjectStoreFixture
from pileus_objectstore.wire.contract import ObjectReply

DATA = os.urandom(1_500_000)
SENDS_FILES = {"wsgi.file_wrapper": FileWrapper}


@pytest.fixture
def path(store: ObjectStoreFixture, container: str) -> Iterator[str]:
    assert store.client.put(f"{container}/o", data=DATA).status_code == 201
    yield f"{container}/o"


def reply(store: ObjectStoreFixture, path: str) -> ObjectReply:
    """What the storage server answers to a proxy that wants a part of the object."""
    cluster = store.app.tools.cluster
    found, exchange, _ = cluster.open(cluster.locate(Target(*path.split("/", 4)[2:])), first=0, last=600_000)
    exchange.drop()
    return found


def get(store: ObjectStoreFixture, path: str, headers: dict[str, str] | None = None) -> bytes:
    answer = store.client.get(path, headers=headers, environ_overrides=SENDS_FILES)
    assert answer.status_code in (200, 206)
    return answer.data


def test_a_verified_file_is_sent(store: ObjectStoreFixture, path: str) -> None:
    assert not reply(store, path).file
    assert get(store, path, {"Range": "bytes=0-499999"}) == DATA[:500_000]
    assert not reply(store, path).file  # not all of it was verified
    assert get(store, path) == DATA
    named = reply(store, path)
    assert named.file
    assert Path(named.file).stat().st_ino == named.inode
    for _ in range(2):
        assert get(store, path) == DATA
        assert store.client.get(path).data == DATA  # by a server that can't send files
        assert get(store, path, {"Range": "bytes=300000-"}) == DATA[300_000:]
        assert get(store, path, {"Range": "bytes=-400000"}) == DATA[-400_000:]
    assert store.client.head(path, environ_overrides=SENDS_FILES).headers["Content-Length"] == str(len(DATA))


def test_a_new_version_is_another_file(store: ObjectStoreFixture, path: str) -> None:
    get(store, path)
    assert reply(store, path).file
    other = os.urandom(700_000)
    store.client.put(path, data=other)
    assert not reply(store, path).file
    assert get(store, path) == other
    assert get(store, path) == other


def test_damage_is_found_when_the_file_counts_no_longer(
    store: ObjectStoreFixture, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verified_files, "VERIFIED_S", 0.0)
    get(store, path)
    found = reply(store, path)
    assert not found.file
    for file in Path(store.configs[0].home).glob(f"{found.devices[0]}/objects/*/*"):
        with open(file, "r+b") as changed:
            changed.seek(900_000)
            changed.write(b"damage")
    for _ in range(2):
        assert get(store, path) == DATA


def test_a_file_that_ends_early_is_continued_from_another_copy(store: ObjectStoreFixture, path: str) -> None:
    get(store, path)
    cluster = store.app.tools.cluster
    placement = cluster.locate(Target(*path.split("/", 4)[2:]))
    opened = cluster.open(placement)
    stream = ObjectStream(cluster, placement, *opened)
    assert stream.file is not None
    pieces = iter(stream)
    first = next(pieces)
    os.truncate(opened[0].file, 600_000)
    assert first + b"".join(pieces) == DATA


def test_a_file_that_is_gone_is_read_elsewhere(store: ObjectStoreFixture, path: str) -> None:
    get(store, path)
    cluster = store.app.tools.cluster
    placement = cluster.locate(Target(*path.split("/", 4)[2:]))
    opened = cluster.open(placement)
    Path(opened[0].file).unlink()
    stream = ObjectStream(cluster, placement, *opened)
    assert stream.file is None
    assert stream.whole() == DATA


def test_a_proxy_elsewhere_gets_the_bytes(store: ObjectStoreFixture, path: str) -> None:
    get(store, path)
    store.app.tools.cluster.local_host = "192.0.2.1:6200"
    assert not reply(store, path).file
    assert get(store, path) == DATA


def open_files(store: ObjectStoreFixture) -> int:
    """How many descriptors of objects' own files this process has."""
    found = 0
    for link in Path("/proc/self/fd").iterdir():
        try:
            target = str(link.readlink())
        except OSError:
            continue
        found += target.startswith(store.configs[0].state) and "/objects/" in target
    return found


def test_a_refusal_leaves_no_file_open(store: ObjectStoreFixture, path: str, monkeypatch: pytest.MonkeyPatch) -> None:
    store.client.post(f"{store.account}/c", headers={"X-Container-Read": ".r:*"})
    BucketRegistry().claim(store.app.tools, "c", "AUTH_p1")
    get(store, path)
    assert reply(store, path).file
    before = open_files(store)
    kept: list[BaseException] = []  # a traceback holds the stream, as a log's handler may
    for _ in range(3):
        assert b"InvalidPart" in store.client.get("/c/o?partNumber=2", anonymous=True).data
    assert open_files(store) == before

    def away(*_: object) -> NoReturn:
        kept.append(Unavailable(why="away"))
        raise kept[-1]

    monkeypatch.setattr(object_versions, "shown_headers", away)
    assert [store.client.get(path).status_code for _ in range(3)] == [503] * 3
    assert open_files(store) == before


def test_a_head_that_the_server_refuses_leaves_no_file_open(store: ObjectStoreFixture, path: str) -> None:
    get(store, path)
    before, kept = open_files(store), []

    def refuse(*_: object) -> NoReturn:
        raise ValueError("a header has a line feed")

    for _ in range(3):
        environ = EnvironBuilder(path, headers={"X-Auth-Token": store.tokens.member.token}).get_environ() | SENDS_FILES
        with pytest.raises(ValueError, match="line feed") as caught:
            store.app(environ, refuse)
        kept.append(caught)
    assert open_files(store) == before
    assert kept, "their tracebacks are alive"


def test_a_stream_that_is_forgotten_closes_its_file(store: ObjectStoreFixture, path: str) -> None:
    get(store, path)
    before, cluster = open_files(store), store.app.tools.cluster
    placement = cluster.locate(Target(*path.split("/", 4)[2:]))
    stream: ObjectStream | None = ObjectStream(cluster, placement, *cluster.open(placement))
    assert stream is not None and stream.file is not None and open_files(store) == before + 1
    with pytest.warns(ResourceWarning):
        stream = None
    assert open_files(store) == before
