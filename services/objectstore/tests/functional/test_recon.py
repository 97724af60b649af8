"""/recon of storage hosts, by the URLs that Swift documents for it."""

import dataclasses
import hashlib
import http.client
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pileus_objectstore.agent.storage_server import StorageServer
from pileus_objectstore.storage.disks import MARKER
from pileus_objectstore.testing import ObjectStoreFixture
from pileus_objectstore.worker import Worker

PAGES = {  # what swift-recon reads of each
    "async": {"async_pending", "async_pending_last"},
    "auditor/account": {"account_audits_passed", "account_auditor_pass_completed"},
    "auditor/container": {"container_audits_passed", "container_auditor_pass_completed"},
    "auditor/object": {"object_auditor_stats_ALL", "object_auditor_stats_ZBF"},
    "driveaudit": {"drive_audit_errors"},
    "expirer/object": {"object_expiration_pass", "expired_last_pass"},
    "load": {"1m", "5m", "15m", "tasks", "processes"},
    "mem": {"MemTotal", "MemFree"},
    "quarantined": {"objects", "containers", "accounts", "policies"},
    "reconstruction/object": {"object_reconstruction_last", "object_reconstruction_time"},
    "relinker": {"devices", "workers"},
    "replication": {"object_replication_time", "object_replication_last"},
    "replication/account": {"replication_time", "replication_stats", "replication_last"},
    "replication/container": {"replication_time", "replication_stats", "replication_last"},
    "replication/object": {"replication_time", "object_replication_time", "object_replication_last"},
    "sharding": {"sharding_stats", "sharding_time", "sharding_last"},
    "sockstat": {"tcp_in_use", "orphan", "time_wait", "tcp_mem_allocated_bytes"},
    "updater/container": {"container_updater_sweep"},
    "updater/object": {"object_updater_sweep"},
    "version": {"version"},
}


@pytest.fixture
def open_store(store: ObjectStoreFixture) -> Iterator[ObjectStoreFixture]:
    """A store whose only host answers the machine itself."""
    reopen(store, ("127.0.0.0/8",))
    yield store


def reopen(store: ObjectStoreFixture, networks: tuple[str, ...]) -> None:
    store.stop_host(0)
    store.configs[0] = dataclasses.replace(store.configs[0], recon_networks=networks)
    store.start_host(0)


def get(store: ObjectStoreFixture, path: str, method: str = "GET") -> tuple[int, str, bytes]:
    connection = http.client.HTTPConnection(store.configs[0].storage_bind, timeout=30)
    try:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.getheader("Content-Type") or "", answer.read()
    finally:
        connection.close()


def page(store: ObjectStoreFixture, name: str) -> Any:
    status, media, body = get(store, f"/recon/{name}")
    assert (status, media) == (200, "application/json"), name
    return json.loads(body)


def test_every_page_has_what_swift_recon_reads(open_store: ObjectStoreFixture) -> None:
    for name, fields in PAGES.items():
        assert fields <= page(open_store, name).keys(), name
    assert abs(page(open_store, "time") - time.time()) < 60
    home = open_store.configs[0].home
    assert page(open_store, "devices") == {str(home): ["d1", "d2", "d3", "d4"]}
    rings = {str(home / "rings" / f"{kind}.ring") for kind in ("account", "container", "object")}
    found = page(open_store, "ringmd5")
    assert found.keys() == rings
    for path, digest in found.items():
        assert digest == hashlib.md5(Path(path).read_bytes()).hexdigest()
    assert len(page(open_store, "swiftconfmd5")) == 1


def test_devices_and_what_is_wrong_with_them(open_store: ObjectStoreFixture) -> None:
    home = open_store.configs[0].home
    (home / "d2" / MARKER).unlink()
    assert page(open_store, "unmounted") == [{"device": "d2", "mounted": False}]
    usage = {each["device"]: each for each in page(open_store, "diskusage")}
    assert usage["d2"] == {"device": "d2", "mounted": False, "size": "", "used": "", "avail": ""}
    assert usage["d1"]["mounted"] is True and usage["d1"]["size"] >= usage["d1"]["used"] > 0
    assert [each["device"] for each in page(open_store, "mounted")] == ["d1", "d3", "d4"]
    for kind in ("objects", "packs-1", "containers"):
        directory = home / "d1" / "quarantined" / kind
        directory.mkdir(parents=True)
        (directory / "x").touch()
    found = page(open_store, "quarantined")
    assert (found["objects"], found["containers"], found["accounts"]) == (2, 1, 0)
    assert found["policies"] == {"0": {"objects": 1}, "1": {"objects": 1}}
    pending = home / "d1" / "pending"
    pending.mkdir(exist_ok=True)
    (pending / "1-a").write_bytes(b"damaged")
    assert page(open_store, "async")["async_pending"] == 1


def test_what_the_daemons_did(open_store: ObjectStoreFixture) -> None:
    assert page(open_store, "replication/object")["object_replication_last"] is None
    worker = Worker(open_store.configs[0])
    try:
        for daemon in worker.runner.daemons:
            if daemon.name in ("replicator", "auditor", "expirer"):
                worker.runner._report(daemon, 120.0, daemon.run())
    finally:
        worker.stop()
    of_objects = page(open_store, "replication/object")
    assert of_objects["object_replication_time"] == 2.0, "minutes, as in Swift"
    assert abs(of_objects["object_replication_last"] - time.time()) < 120
    assert page(open_store, "replication/container")["replication_time"] == 120.0, "seconds, as in Swift"
    assert page(open_store, "expirer/object") == {"object_expiration_pass": 120.0, "expired_last_pass": 0}
    assert page(open_store, "auditor/object")["object_auditor_stats_ALL"]["audit_time"] == 120.0


def test_only_the_networks_of_the_option_may_ask(store: ObjectStoreFixture) -> None:
    assert get(store, "/recon/load")[0] == 401
    reopen(store, ("192.0.2.0/24", "2001:db8::/32"))
    assert get(store, "/recon/load")[0] == 401
    reopen(store, ("127.0.0.1/32",))
    assert get(store, "/recon/load")[0] == 200
    assert get(store, "/get_recon", "POST")[0] == 401, "the calls of the contract still need the key"
    with pytest.raises(ValueError, match="network"):
        StorageServer(dataclasses.replace(store.configs[0], recon_networks=("everyone",)))


@pytest.mark.parametrize(
    "path", ["/recon/", "/recon/../etc", "/recon/auditor", "/recon/load/x", "/", "/get_object", "/%00"]
)
def test_other_paths_are_not_there(open_store: ObjectStoreFixture, path: str) -> None:
    assert get(open_store, path)[0] == 404
    assert open_store.client.put(f"{open_store.account}/c").status_code == 201, "the host goes on"


def test_the_proxy_tells_nothing(open_store: ObjectStoreFixture) -> None:
    for path in ("/recon/load", "/recon/diskusage"):
        assert open_store.client.get(path, anonymous=True).status_code in (403, 404)
        assert open_store.client.get(path).status_code in (400, 404)
