"""The updater's threads go on, whatever happens to a host, a ring or a listing."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pileus_objectstore.agent import updater as updater_module
from pileus_objectstore.agent.updater import Updater
from pileus_objectstore.ring.rings import Placement, Rings
from pileus_objectstore.testing import ObjectStoreFixture


@pytest.fixture
def three(tmp_path: Path) -> Iterator[ObjectStoreFixture]:
    fixture = ObjectStoreFixture(tmp_path, hosts=3, devices=2)
    yield fixture
    fixture.close()


def until(true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def pendings(store: ObjectStoreFixture) -> list[Path]:
    return list(Path(store.config.state).glob("**/pending/*"))


def test_a_silent_host_is_asked_once_in_a_round(three: ObjectStoreFixture, monkeypatch: pytest.MonkeyPatch) -> None:
    container = f"{three.account}/c"
    three.client.put(container)
    three.stop_host(2)
    for n in range(12):
        assert three.client.put(f"{container}/o{n}", data=b"x").status_code == 201
    assert len(pendings(three)) > 3
    for server in three.servers[:2]:
        asked: list[str] = []
        call = server.pool.call

        def counted(host: str, *args: Any, asked: list[str] = asked, call: Any = call) -> Any:
            if threading.current_thread() is threading.main_thread():  # the updater's own thread reports sums meanwhile
                asked.append(host)
            return call(host, *args)

        monkeypatch.setattr(server.pool, "call", counted)
        server.updater.retry()
        assert asked.count(three.configs[2].storage_bind) <= 1
    three.start_host(2)
    for server in three.servers:
        server.updater.retry()
    assert not pendings(three)
    assert len(three.client.get(container).data.split()) == 12


def test_logs_are_shortened_while_a_recovery_lasts(
    store: ObjectStoreFixture, container: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(updater_module, "LOG_AGE_S", 0.0)
    updater = store.servers[0].updater
    busy: list[int] = []

    def recover(self: Updater) -> None:
        busy.append(1)
        while not self._stopping.wait(0.05):
            pass

    monkeypatch.setattr(Updater, "recover", recover)
    updater._woken.set()
    until(lambda: bool(busy))
    assert store.client.put(f"{container}/o", data=b"x").status_code == 201
    until(lambda: not list(store.configs[0].home.glob("d*/rows/*")))
    assert store.client.get(container).data == b"o\n"


def test_a_ring_that_can_not_be_used_ends_no_thread(
    store: ObjectStoreFixture, container: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    updater = store.servers[0].updater
    failed: list[int] = []

    def placement(self: Rings, *names: str, policy: int = 0) -> Placement:
        failed.append(1)
        raise IndexError("a ring that was never balanced")

    with monkeypatch.context() as broken:
        broken.setattr(Rings, "placement", placement)
        updater.report_later("/AUTH_p1/c")
        until(lambda: bool(failed))
    assert store.client.put(f"{container}/o", data=b"12345").status_code == 201
    until(lambda: store.client.head(store.account).headers["X-Account-Bytes-Used"] == "5")
