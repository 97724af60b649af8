"""Host names outside the store's domains, with a name server that answers what the test wants."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import dns.message
import dns.rcode
import dns.rrset
import pytest

from pileus_objectstore.testing import ObjectStoreFixture


class NameServer:
    """Answers questions for CNAME records on a UDP port of this machine; `asked` has the names in order."""

    def __init__(self) -> None:
        self.records: dict[str, str] = {}
        self.asked: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            data, sender = self._socket.recvfrom(4096)
            if not data:
                return
            question = dns.message.from_wire(data)
            answer = dns.message.make_response(question)
            name = question.question[0].name
            self.asked.append(name.to_text(omit_final_dot=True))
            target = self.records.get(self.asked[-1])
            if target is None:
                answer.set_rcode(dns.rcode.NXDOMAIN)
            elif target:
                answer.answer.append(dns.rrset.from_text(name, 300, "IN", "CNAME", f"{target}."))
            self._socket.sendto(answer.to_wire(), sender)

    def close(self) -> None:
        address, _, port = self.address.partition(":")
        self._socket.sendto(b"", (address, int(port)))
        self._thread.join()
        self._socket.close()


@pytest.fixture
def names() -> Iterator[NameServer]:
    server = NameServer()
    yield server
    server.close()


@pytest.fixture
def store(tmp_path: Path, names: NameServer) -> Iterator[ObjectStoreFixture]:
    fixture = ObjectStoreFixture(
        tmp_path,
        storage_domains=("storage.test",),
        s3_domains=("s3.test",),
        cname_lookup=True,
        cname_lookup_depth=3,
        nameservers=(names.address,),
    )
    fixture.client.put("/c", headers={"Host": "AUTH-p1.storage.test"})
    fixture.client.put("/c/o", headers={"Host": "AUTH-p1.storage.test"}, data=b"x")
    yield fixture
    fixture.close()


def get(store: ObjectStoreFixture, host: str, path: str = "/o") -> tuple[int, bytes]:
    answer = store.client.get(path, headers={"Host": host})
    return answer.status_code, answer.data


def test_a_name_of_ones_own(store: ObjectStoreFixture, names: NameServer) -> None:
    names.records["pictures.example"] = "c.AUTH-p1.storage.test"
    assert get(store, "pictures.example") == (200, b"x")
    assert get(store, "Pictures.Example:8080") == (200, b"x")
    assert names.asked == ["pictures.example"], "an answer is remembered"
    assert store.client.get("/info", headers={"Host": "storage.test"}).json["cname_lookup"] == {"lookup_depth": 3}


def test_a_chain_ends(store: ObjectStoreFixture, names: NameServer) -> None:
    names.records |= {"a.example": "b.example", "b.example": "c.example", "c.example": "c.AUTH-p1.storage.test"}
    assert get(store, "a.example") == (200, b"x")
    names.records["z.example"] = "a.example"
    assert get(store, "z.example") == (400, b"CNAME lookup failed after 3 tries")


@pytest.mark.parametrize(
    "records",
    [
        {},
        {"a.example": ""},
        {"a.example": "a.example"},
        {"a.example": "b.example", "b.example": "a.example"},
        {"a.example": "evilstorage.test"},
        {"a.example": "storage.test.evil.example"},
        {"a.example": "s3.test"},
    ],
)
def test_what_leads_nowhere(store: ObjectStoreFixture, names: NameServer, records: dict[str, str]) -> None:
    names.records |= records
    assert get(store, "a.example") == (400, b"CNAME lookup failed to resolve to a valid domain")
    assert len(names.asked) <= 3


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..example", "." * 300, "\xe9.example", "a b", "-"])
def test_hostile_names(store: ObjectStoreFixture, names: NameServer, host: str) -> None:
    assert get(store, host)[0] == 400


def test_own_names_and_addresses_are_not_looked_up(store: ObjectStoreFixture, names: NameServer) -> None:
    assert get(store, "c.AUTH-p1.storage.test") == (200, b"x")
    for host in ("storage.test", "127.0.0.1", "127.0.0.1:8080", "[::1]:8080"):
        assert get(store, host, "/v1/AUTH_p1/c/o") == (200, b"x"), host
    assert get(store, "bucket.s3.test", "/")[0] in (403, 404)
    assert names.asked == []


def test_a_silent_name_server_is_not_waited_for_long(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
        silent.bind(("127.0.0.1", 0))
        server = f"127.0.0.1:{silent.getsockname()[1]}"
        store = ObjectStoreFixture(
            tmp_path, storage_domains=("storage.test",), cname_lookup=True, nameservers=(server,)
        )
        try:
            assert get(store, "a.example")[0] == 400
        finally:
            store.close()


def test_questions_count_for_their_address(tmp_path: Path, names: NameServer) -> None:
    store = ObjectStoreFixture(
        tmp_path,
        storage_domains=("storage.test",),
        cname_lookup=True,
        nameservers=(names.address,),
        requests_per_minute=1,
        request_burst=2,
    )
    try:
        assert [get(store, f"{n}.example")[0] for n in range(4)] == [400, 400, 429, 429]
        assert len(names.asked) == 2
    finally:
        store.close()


def test_without_the_option_nothing_is_asked(tmp_path: Path, names: NameServer) -> None:
    store = ObjectStoreFixture(tmp_path, storage_domains=("storage.test",), nameservers=(names.address,))
    try:
        assert get(store, "a.example", "/v1/AUTH_p1")[0] == 204
        assert names.asked == [] and "cname_lookup" not in store.client.get("/info").json
    finally:
        store.close()
