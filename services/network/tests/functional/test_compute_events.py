"""Compute gets an event of each changed port: after the commit, at least once, whatever process is killed meanwhile."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from flask import Flask, request
from sqlalchemy import select, update

from pileus_kit.db import now
from pileus_kit.flow import Runner
from pileus_kit.testing import kill_at_every_step, routed_peers
from pileus_network.core.compute_events import RETENTION
from pileus_network.db.models import Event, Job
from pileus_network.flows import notify_compute
from pileus_network.testing import NetworkFixture


class Compute:
    """The one call of compute that network makes."""

    def __init__(self, status: int = 200) -> None:
        self.app, self.heard, self.status = Flask("compute"), [], status  # type: ignore[var-annotated]
        self.app.add_url_rule("/v2.1/os-server-external-events", "events", self._events, methods=["POST"])

    def _events(self) -> tuple[dict[str, Any], int]:
        self.heard += request.get_json()["events"]
        return {}, self.status


class World:
    """A server's port and a floating IP that is about to lead to it."""

    def __init__(self, directory: Path, compute: Compute) -> None:
        self.network, self.compute = NetworkFixture(directory), compute
        self.runner: Runner = self.network.runner(routed_peers({"compute": compute.app}))
        self.port = ""

    def start(self) -> str:
        network, client, book = self.network, self.network.client, self.network.book
        public, net = network.public()["id"], network.made("network", {})["id"]
        subnet = network.made("subnet", {"network_id": net, "ip_version": 4, "cidr": "10.0.0.0/24"})["id"]
        router = network.made("router", {"external_gateway_info": {"network_id": public}})["id"]
        client.put(f"/v2.0/routers/{router}/add_router_interface", json={"subnet_id": subnet}, as_=book.member)
        requested = {"network_id": net, "project_id": "p1", "device_id": "vm", "device_owner": "compute:nova"}
        self.port = network.made("port", requested, book.service)["id"]
        assert network.notifications.jobs == []
        network.made("floatingip", {"floating_network_id": public, "port_id": self.port})
        (job_id,) = network.notifications.jobs
        return job_id

    def done(self) -> None:
        assert self.compute.heard[-1] == {"name": "network-changed", "server_uuid": "vm", "tag": self.port}

    def undone(self) -> None:
        with self.network.sessions.read() as session:
            assert {job.state for job in session.scalars(select(Job))} == {"undone"}


@contextmanager
def world() -> Iterator[World]:
    with TemporaryDirectory() as directory:
        made = World(Path(directory), Compute())
        try:
            yield made
        finally:
            made.network.close()


@pytest.mark.no_cover  # it runs the same lines again and again
def test_kill_at_every_step() -> None:
    kill_at_every_step(notify_compute, world)


def test_an_event_for_a_deleted_server_is_dropped(tmp_path: Path) -> None:
    made = World(tmp_path, Compute(status=404))
    job_id = made.start()
    made.runner.drain()
    with made.network.sessions.read() as session:
        assert session.get_one(Job, job_id).state == "done"
    made.network.close()


def test_compute_gets_an_event_for_each_change_of_addresses_and_groups(tmp_path: Path) -> None:
    compute = Compute()
    made = World(tmp_path, compute)
    made.start()
    network, client, book = made.network, made.network.client, made.network.book
    floating = client.get("/v2.0/floatingips", as_=book.member).get_json()["floatingips"][0]["id"]

    client.put(f"/v2.0/ports/{made.port}", json={"port": {"name": "x"}}, as_=book.member)
    made.runner.drain()
    count = len(compute.heard)
    client.put(f"/v2.0/floatingips/{floating}", json={"floatingip": {"port_id": None}}, as_=book.member)
    made.runner.drain()
    assert (count, len(compute.heard)) == (1, 2)
    subnet = client.get(f"/v2.0/ports/{made.port}", as_=book.member).get_json()["port"]["fixed_ips"][0]["subnet_id"]
    requested = {"port": {"fixed_ips": [{"subnet_id": subnet, "ip_address": "10.0.0.200"}]}}
    assert client.put(f"/v2.0/ports/{made.port}", json=requested, as_=book.member).status_code == 200
    made.runner.drain()
    assert len(compute.heard) == count + 2
    group = network.made("security_group", {"name": "g"})["id"]
    for _ in range(2):  # the second time it has them
        requested = {"port": {"security_groups": [group]}}
        assert client.put(f"/v2.0/ports/{made.port}", json=requested, as_=book.member).status_code == 200
        made.runner.drain()
    count += 1
    assert len(compute.heard) == count + 2
    lonely = network.made("port", {"network_id": network.made("network", {})["id"]})["id"]
    client.put(f"/v2.0/ports/{lonely}", json={"port": {"fixed_ips": []}}, as_=book.member)
    made.runner.drain()
    assert len(compute.heard) == count + 2, "ports that are no server's concern nobody"
    network.close()


def test_old_records_are_dropped_and_live_jobs_kept(tmp_path: Path) -> None:
    made = World(tmp_path, Compute())
    job_id = made.start()
    control, sessions = made.network.control, made.network.sessions

    def age() -> None:
        with sessions.begin() as session:
            session.execute(update(Job).values(updated_at=now() - 2 * RETENTION))
            session.execute(update(Event).values(finished_at=now() - 2 * RETENTION))
        control.clean_up()

    def left() -> tuple[int, int]:
        with sessions.read() as session:
            return len(session.scalars(select(Job)).all()), len(session.scalars(select(Event)).all())

    age()
    assert left() == (1, 0), "it waits still"
    made.runner.run(job_id)
    control.clean_up()
    assert left() == (1, 1), "it is fresh"
    age()
    assert left() == (0, 0)
    made.network.close()
