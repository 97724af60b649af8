"""Accounts of projects that were deleted in a real identity service."""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from s3_clients import S3, s3_store

from pileus_kit.testing import routed_peers
from pileus_objectstore.clients.deleted_projects import IdentityDeletedProjects
from pileus_objectstore.core import account_deletions
from pileus_objectstore.core.names import Target
from pileus_objectstore.daemons.project_reaper import ProjectReaper
from pileus_objectstore.worker import Worker


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Any]:
    with s3_store(tmp_path) as s3:
        worker = Worker(s3.store.configs[0])
        yield s3, worker, asking(s3, worker)
        worker.stop()


def asking(s3: S3, worker: Worker) -> ProjectReaper:
    """The daemon, an hour from now."""
    peers = routed_peers({"identity": s3.identity.app}, s3.identity.token("objectstore"))
    context = worker.project_reaper.context
    return ProjectReaper(context, worker.tools, IdentityDeletedProjects(peers), lambda: time.time() + 3600)


def test_an_account_ends_with_its_project(cloud: Any) -> None:
    s3, worker, daemon = cloud
    assert daemon.run() == ""
    headers = {"X-Auth-Token": s3.identity.token("admin")}
    account, project = f"AUTH_{s3.project()}", s3.project()
    assert s3.swift("PUT", "c") == 201
    assert s3.swift("PUT", "c/o", b"x") == 201
    s3.store.drain()
    made = s3.identity.client.post("/v3/projects", json={"project": {"name": "without"}}, headers=headers)
    for one in (made.get_json()["project"]["id"], project):
        assert s3.identity.client.delete(f"/v3/projects/{one}", headers=headers).status_code == 204
    early = ProjectReaper(daemon.context, daemon.tools, daemon.ask)
    assert early.run() == ""  # tokens may still count
    assert worker.tools.listing_cache.get(Target(account, "c"), fresh=True) is not None
    assert daemon.run() == "1 accounts of deleted projects deleted"
    assert daemon.run() == ""
    assert asking(s3, worker).run() == ""  # a new worker goes on where the last one was
    until = time.monotonic() + 60
    while list(account_deletions.INDEX.entries(worker.tools)) and time.monotonic() < until:
        worker.reaper.run()
        s3.store.drain()
    assert worker.tools.listing_cache.get(Target(account, "c"), fresh=True) is None
    assert worker.tools.listing_cache.get(Target(account), fresh=True) is None


def test_no_account_ends_unless_the_operator_wants_it(cloud: Any) -> None:
    _, worker, _ = cloud
    assert worker.project_reaper.ask is None
    assert worker.project_reaper.run() == ""
