"""What the scenarios have in common: a cloud with one host, and a server in it."""

from typing import Any

from sqlalchemy import select

from pileus_compute.db.models import Host, Job
from pileus_compute.rpc import Power
from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
NETWORK_ID = "22222222-2222-4222-8222-222222222222"


class World:
    """A cloud with one host."""

    def __init__(self, compute: ComputeFixture, image: Any, network: Any, volume: Any) -> None:
        self.compute, self.image, self.network, self.volume = compute, image, network, volume
        self.runner = compute.runner
        self.server_id = ""

    def create(self, **fields: Any) -> str:
        body = {"name": "s", "flavorRef": "1", "imageRef": IMAGE_ID, "networks": [{"uuid": NETWORK_ID}]} | fields
        made = self.compute.client.post("/v2.1/servers", json={"server": body}, version="2.79")
        assert made.status_code == 202 and made.json, made.text
        self.server_id = made.json["server"]["id"]
        return self.compute.rung[-1]

    def status(self) -> str:
        return str(self.compute.show(self.server_id)["status"])

    def rows(self, model: type) -> list[Any]:
        with self.compute.sessions.read() as session:
            return list(session.scalars(select(model)))

    def used(self) -> tuple[int, int, int]:
        (host,) = self.rows(Host)
        return host.vcpus_used, host.memory_mib_used, host.disk_gib_used


class Existing(World):
    """A scenario that begins with a server."""

    def start(self) -> str:
        self.create()
        self.compute.drain()
        assert self.status() == "ACTIVE"
        self.before = self.compute.show(self.server_id)
        return self.ask()

    def ask(self) -> str:
        raise NotImplementedError

    def act(self, action: str, value: Any = None) -> str:
        answer = self.compute.client.post(
            f"/v2.1/servers/{self.server_id}/action", json={action: value}, version="2.79"
        )
        assert answer.status_code in (200, 202), answer.text
        return self.compute.rung[-1]


class Acted(Existing):
    """An action of a running server, after the actions `first`. It ends in `status_done` with the guest in `power`."""

    first: tuple[str, ...] = ()
    action, value, status_done, power = "", None, "ACTIVE", Power.RUNNING
    statuses_undone: tuple[str, ...] = ("ACTIVE",)

    def ask(self) -> str:
        for action in self.first:
            self.act(action)
            self.compute.drain()
        return self.act(self.action, self.value)

    def done(self) -> None:
        assert self.status() == self.status_done and self.compute.power(self.server_id) is self.power

    def undone(self) -> None:
        """The guest may be in either state; the server is as before, or in ERROR."""
        assert self.status() in self.statuses_undone
        assert len(self.network.ports) == 1 and self.used() == (1, 64, 1)

    def guest(self) -> Any:
        return self.compute.host.driver.guests_by_id[self.server_id]


class FollowUp(World):
    """The job of `flow` that a finished action has enqueued."""

    flow = ""

    def start(self) -> str:
        self.runner.run(super().start())  # type: ignore[misc]
        return next(str(job.id) for job in self.rows(Job) if job.flow == self.flow)
