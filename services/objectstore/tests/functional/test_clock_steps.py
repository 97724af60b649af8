"""A proxy whose clock was set back: what is stored is newer, and writes are refused rather than lost."""

import time
from typing import Any

import pytest

from pileus_kit.policy import Enforcer
from pileus_kit.testing import Client
from pileus_objectstore import app
from pileus_objectstore.policy import RULES
from pileus_objectstore.testing import ObjectStoreFixture, no_access_keys


@pytest.fixture
def written_ahead(store: ObjectStoreFixture, container: str) -> str:
    """A container with two objects that a proxy has stored whose clock was an hour ahead."""
    proxy = app.create(store.config, store.tokens, Enforcer(RULES), no_access_keys)
    now = time.time()
    proxy.tools.cluster.clock.observe(now + 3600, now)
    client = Client(proxy, as_=store.tokens.member)  # type: ignore[arg-type]
    for name in ("a", "b"):
        assert client.put(f"{container}/{name}", data=b"old").status_code == 201
    proxy.tools.cluster.close()
    return container


REQUESTS: dict[str, dict[str, Any]] = {
    "PUT": {"data": b"new"},
    "POST": {"headers": {"X-Object-Meta-A": "new"}},
    "DELETE": {},
}


@pytest.mark.parametrize("method", REQUESTS)
def test_what_is_refused_is_accepted_when_it_is_tried_again(
    store: ObjectStoreFixture, written_ahead: str, method: str
) -> None:
    first, second = (
        store.client.request(method, f"{written_ahead}/a", **REQUESTS[method]).status_code for _ in range(2)
    )
    assert first == 503 and second < 300


@pytest.mark.parametrize("method", REQUESTS)
def test_requests_at_the_same_time_are_all_refused(
    store: ObjectStoreFixture, written_ahead: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second one has its time already when the first one finds out that the clock is behind."""
    cluster = store.app.tools.cluster
    write = cluster.write

    def overtaken(*args: Any, **more: Any) -> Any:
        monkeypatch.setattr(cluster, "write", write)
        assert store.client.put(f"{written_ahead}/b", data=b"new").status_code == 503
        return write(*args, **more)

    monkeypatch.setattr(cluster, "write", overtaken)
    path = f"{written_ahead}/a"
    assert store.client.request(method, path, **REQUESTS[method]).status_code == 503
    assert store.client.get(path).data == b"old"
    assert store.client.request(method, path, **REQUESTS[method]).status_code < 300
    shown = store.client.get(path)
    done = {"PUT": shown.data == b"new", "POST": "X-Object-Meta-A" in shown.headers, "DELETE": shown.status_code == 404}
    assert done[method]
