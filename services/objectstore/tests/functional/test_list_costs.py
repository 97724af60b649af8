"""How many calls of storage servers a client's request costs. Most requests cost one."""

from collections.abc import Iterator

import pytest

from pileus_objectstore.testing import ObjectStoreFixture
from pileus_objectstore.wire.client import Exchange


@pytest.fixture
def made(store: ObjectStoreFixture, container: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The calls that the proxy makes. It remembers the container's head and the policy's verdict already."""
    calls: list[str] = []
    begin = Exchange.__init__

    def counted(self: Exchange, pool: object, host: str, name: str, *args: object) -> None:
        if pool is store.app.tools.cluster.pool:
            calls.append(name)
        begin(self, pool, host, name, *args)  # type: ignore[arg-type]

    monkeypatch.setattr("pileus_objectstore.core.listing_cache.FRESH_S", 1000.0)
    assert store.client.put(f"{container}/o", data=b"data").status_code == 201
    for number in range(30):
        store.client.put(f"{container}/many/{number}", data=b"x")
    monkeypatch.setattr(Exchange, "__init__", counted)
    yield calls


@pytest.mark.parametrize(
    ("method", "path", "headers", "expected"),
    [
        ("PUT", "/o", {}, ["put_object"]),
        ("PUT", "/new", {"If-None-Match": "*"}, ["put_object"]),
        ("GET", "/o", {}, ["get_object"]),
        ("GET", "/o", {"Range": "bytes=1-2"}, ["get_object"]),
        ("GET", "/o", {"If-None-Match": "x"}, ["get_object", "get_object"]),
        ("HEAD", "/o", {}, ["get_object"]),
        ("POST", "/o", {"X-Object-Meta-A": "b"}, ["post_object"]),
        ("DELETE", "/o", {}, ["delete_object"]),
        ("GET", "", {}, ["get_listing"]),
        ("GET", "?format=json&limit=20&prefix=many/", {}, ["get_listing"]),
        ("HEAD", "", {}, ["get_listing"]),
        ("COPY", "/o", {"Destination": "c/copy"}, ["get_object", "get_object", "put_object"]),
    ],
)
def test_calls_of_storage_servers(
    store: ObjectStoreFixture,
    container: str,
    made: list[str],
    method: str,
    path: str,
    headers: dict[str, str],
    expected: list[str],
) -> None:
    answer = store.client.request(method, container + path, data=b"body" if method == "PUT" else b"", headers=headers)
    assert answer.status_code < 300
    assert len(answer.data) >= 0
    assert made == expected


def test_a_listing_costs_one_call_however_long(store: ObjectStoreFixture, container: str, made: list[str]) -> None:
    short = store.client.get(f"{container}?format=json&limit=1")
    long = store.client.get(f"{container}?format=json&limit=1000")
    assert (len(short.json), len(long.json)) == (1, 31)
    assert made == ["get_listing", "get_listing"]
