"""Every call of the proxy with every kind of caller, against a table that was reviewed.

PILEUS_WRITE_TABLES=1 rewrites the table. Each call meets a container with one object.
"""

import os
from pathlib import Path

import pytest

from pileus_kit.testing.callers import make_caller
from pileus_objectstore.core import account_deletions
from pileus_objectstore.testing import ObjectStoreFixture
from pileus_objectstore.worker import Worker

TABLE = Path(__file__).with_name("policy_matrix.txt")
PATHS = {"account": "", "container": "/c", "object": "/c/o"}
ACTORS = (
    "anonymous",
    "expired",
    "revoked",
    "nobody",
    "reader",
    "other",
    "member",
    "manager",
    "admin",
    "other_reader",
    "service",
    "domain_admin",
    "system_reader",
    "system_admin",
    "reseller",
)


def test_policy_matrix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = ObjectStoreFixture(tmp_path)
    try:
        found = matrix(store)
    finally:
        store.close()
    if os.environ.get("PILEUS_WRITE_TABLES"):
        TABLE.write_text(found)
    assert found.splitlines() == TABLE.read_text().splitlines()


def reap(store: ObjectStoreFixture) -> None:
    """Bring a deleted account to its end, so that the next request finds a new one."""
    worker = Worker(store.configs[0])
    while list(account_deletions.INDEX.entries(worker.tools)):
        worker.reaper.run()
        store.drain()
    worker.stop()


def matrix(store: ObjectStoreFixture) -> str:
    people = {name: getattr(store.tokens, "without_roles" if name == "nobody" else name, None) for name in ACTORS}
    people["reseller"] = store.tokens.add(make_caller("reseller", "ResellerAdmin", project="p9"))
    lines = [f"{'':8}{'':11}{'rule':32}" + " ".join(f"{name:>12}" for name in ACTORS)]
    for kind, method in sorted(store.app.calls, key=lambda key: (list(PATHS).index(key[0]), key[1])):
        call = store.app.calls[kind, method]
        statuses = []
        for name in ACTORS:
            store.client.put(f"{store.account}/c")
            store.client.put(f"{store.account}/c/o", data=b"x")
            headers = {"Destination": "c/copy"} if method == "COPY" else {}
            answer = store.client.request(
                method, store.account + PATHS[kind], as_=people[name], anonymous=people[name] is None, headers=headers,
                environ_overrides={"CONTENT_LENGTH": "0"},
            )  # fmt: skip
            statuses.append(answer.status_code)
            store.client.delete(f"{store.account}/c/copy")
            if answer.status_code == 204 and (kind, method) == ("account", "DELETE"):
                reap(store)
        assert statuses[:3] == [401, 401, 401], f"{method} {kind} lets in callers without a valid token: {statuses}"
        lines.append(f"{method:8}{kind:11}{call.policy:32}" + " ".join(f"{status:>12}" for status in statuses))
    return "\n".join(lines) + "\n"
