"""Storage hosts on several machines prove themselves to each other by TLS, and take no other certificates."""

import datetime
import socket
import ssl
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from certificates import Authority, SecuredObjectStore

from pileus_kit.errors import HostDown
from pileus_objectstore.config import Config
from pileus_objectstore.ring.ring_files import RingFiles
from pileus_objectstore.wire.client import Pool, open_pool
from pileus_objectstore.wire.daemon_calls import DoneReply, GetRings, PutRing, RingsReply
from pileus_objectstore.wire.secured import Credentials

LARGE = bytes(range(256)) * 4096 * 3
Store = Iterator[SecuredObjectStore]


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = SecuredObjectStore(tmp_path)
    made.client.put(f"{made.account}/c")
    yield made
    made.close()


@pytest.fixture
def pool_of(store: SecuredObjectStore, tmp_path: Path) -> Iterator[Callable[[str], Pool]]:
    """Makes the connections of a machine that has the certificate in a directory, and the cluster's key."""
    made: list[Pool] = []

    def make(folder: str) -> Pool:
        config = Config(
            state=str(tmp_path / "x"),
            cluster_key=store.config.key(),
            storage_bind="127.0.0.1:1",
            storage_local="127.0.0.1:1",
            storage_tls=str(tmp_path / folder),
        )
        made.append(open_pool(config))
        return made[-1]

    yield make
    for pool in made:
        pool.close()


def ask(pool: Pool, store: SecuredObjectStore, host: int = 0) -> RingsReply:
    return pool.call(store.configs[host].storage_bind, "get_rings", GetRings(), RingsReply)[0]


def test_objects_of_all_sizes_go_through_tls(store: SecuredObjectStore) -> None:
    for name, data in {"small": b"x" * 4096, "large": LARGE}.items():
        assert store.client.put(f"{store.account}/c/{name}", data=data).status_code == 201
        assert store.client.get(f"{store.account}/c/{name}").data == data
    ranged = store.client.get(f"{store.account}/c/large", headers={"Range": "bytes=70000-2000000"})
    assert ranged.data == LARGE[70000:2000001]
    store.drain()
    assert store.client.get(f"{store.account}/c").data == b"large\nsmall\n"


def test_nothing_can_be_said_without_tls_but_on_the_machine_itself(store: SecuredObjectStore) -> None:
    plain = Pool(store.config.key())
    config = store.configs[0]
    try:
        with pytest.raises(HostDown):
            plain.call(config.storage_bind, "get_rings", GetRings(), RingsReply)
        assert plain.call(config.storage_local, "get_rings", GetRings(), RingsReply)[0].status == 200
    finally:
        plain.close()


@pytest.mark.parametrize("kind", ["expired", "forged", "a machine's own", "its guests'", "its volumes'", "none"])
def test_other_certificates_are_refused(
    store: SecuredObjectStore, pool_of: Callable[[str], Pool], tmp_path: Path, kind: str
) -> None:
    name = {"a machine's own": "m2", "its guests'": "guests of m2", "its volumes'": "exports of m2"}
    signer = Authority() if kind == "forged" else store.authority
    lasts = datetime.timedelta(minutes=-1 if kind == "expired" else 5)
    signer.issue(tmp_path / "tried", name.get(kind, "objects of m2"), lasts)
    if kind == "forged":
        store.authority.issue(tmp_path / "right", "m2")
        (tmp_path / "tried/ca-cert.pem").write_bytes((tmp_path / "right/ca-cert.pem").read_bytes())
    if kind == "none":
        trusting = ssl.create_default_context(cafile=tmp_path / "tried/ca-cert.pem")
        name, _, port = store.configs[0].storage_bind.rpartition(":")
        with socket.create_connection((name, int(port)), 10) as sock, pytest.raises(OSError):
            with trusting.wrap_socket(sock, server_hostname=name) as secured:
                secured.sendall(b"GET /recon HTTP/1.1\r\n\r\n")
                assert not secured.recv(10), "an end is a refusal, too"
                raise ConnectionResetError
        return
    with pytest.raises(HostDown):
        ask(pool_of("tried"), store)
    store.authority.issue(tmp_path / "good", "objects of m2")
    assert ask(pool_of("good"), store).status == 200


def test_a_caller_takes_no_other_machine_for_a_storage_host(
    store: SecuredObjectStore, pool_of: Callable[[str], Pool], tmp_path: Path
) -> None:
    """A machine without that part has a certificate of this cloud, too, and may answer at an address of the ring."""
    store.authority.issue(Path(store.configs[0].storage_tls), "m1")
    store.stop_host(0)
    store.start_host(0)
    store.authority.issue(tmp_path / "good", "objects of m2")
    with pytest.raises(HostDown, match="isn't one for objects"):
        ask(pool_of("good"), store)


def test_a_removed_machine_is_refused_by_all_at_once(
    store: SecuredObjectStore, pool_of: Callable[[str], Pool], tmp_path: Path
) -> None:
    serial = store.authority.issue(tmp_path / "gone", "objects of gone")
    gone, others = pool_of("gone"), pool_of("proxy-tls")
    kept = gone.open(store.configs[0].storage_bind, "put_ring", PutRing("x.ring"), 10).start()
    assert ask(gone, store, 1).status == 200
    RingFiles(tmp_path / "tell").refuse([serial])
    for config in store.configs:
        data = RingFiles(tmp_path / "tell").data("removed.json")
        others.call(config.storage_bind, "put_ring", PutRing("removed.json"), DoneReply, data)
    with pytest.raises(HostDown):
        kept.reply(DoneReply)  # the server would wait for the body otherwise
    for number in range(2):
        with pytest.raises(HostDown):
            ask(gone, store, number)
        assert ask(others, store, number).status == 200
        store.stop_host(number)
        store.start_host(number)
        with pytest.raises(HostDown):
            ask(pool_of("gone"), store, number)


def test_lists_of_removed_machines_only_grow(tmp_path: Path) -> None:
    one, other = RingFiles(tmp_path / "one"), RingFiles(tmp_path / "other")
    one.refuse(["AA"])
    other.refuse(["BB"])
    assert one.take("removed.json", other.data("removed.json"))
    assert other.take("removed.json", one.data("removed.json"))
    assert one.data("removed.json") == other.data("removed.json") == b'["AA","BB"]'
    assert one.states() == other.states()
    assert not one.take("removed.json", b'["AA"]')


def test_a_renewed_certificate_is_used_for_the_next_connection(
    store: SecuredObjectStore, pool_of: Callable[[str], Pool], tmp_path: Path
) -> None:
    store.authority.issue(tmp_path / "mine", "objects of m2")
    credentials = Credentials(tmp_path / "mine")
    before = credentials.calling()
    (tmp_path / "mine/objects-key.pem").write_text("half a renewal")
    assert credentials.calling() is before
    store.authority.issue(tmp_path / "mine", "objects of m2")
    assert credentials.calling() is not before
    assert ask(pool_of("mine"), store).status == 200
