"""Moving servers between two hosts. The server has a local disk, a blank disk, a port and a volume."""

from typing import Any

from flow_scenarios.base import IMAGE_ID, Existing
from pileus_compute.db.models import Host, Job, Leftover, Migration, Server
from pileus_compute.errors import HypervisorFailed
from pileus_compute.rpc import Power
from pileus_compute.worker import AgentAPI

ONE, NOTHING = (1, 64, 2), (0, 0, 0)
"""What the server takes of a host."""


class TwoHosts(Existing):
    """A cloud with a server on host1, and host2 beside it."""

    def start(self) -> str:
        self.compute.flavor("blank", ephemeral_gib=1)
        return super().start()

    def create(self, **fields: Any) -> str:
        root = {
            "source_type": "image",
            "uuid": IMAGE_ID,
            "destination_type": "local",
            "boot_index": 0,
            "delete_on_termination": True,
        }
        self.disk = self.volume.add()
        data = {"source_type": "volume", "destination_type": "volume", "uuid": self.disk, "boot_index": -1}
        return super().create(flavorRef="blank", block_device_mapping_v2=[root, data], **fields)

    def add_host(self) -> None:
        self.other = self.compute.add_host("host2")
        self.ran_twice: list[str] = []
        drivers = (self.compute.host.driver, self.other.driver)
        for here, there in (drivers, drivers[::-1]):
            here.enter = self._watched(here.enter, there)

    def _watched(self, enter: Any, there: Any) -> Any:
        """Note each boot of a guest that runs on the other host."""

        def watched(name: str, guest_id: str) -> None:
            enter(name, guest_id)
            guest = there.guests_by_id.get(guest_id)
            if name == "boot" and guest and guest.power is Power.RUNNING:
                self.ran_twice.append(there.host)

        return watched

    def act_as_admin(self, action: str, value: Any = None, version: str = "2.79", status: int = 202) -> str:
        answer = self.compute.client.post(
            f"/v2.1/servers/{self.server_id}/action",
            json={action: value},
            version=version,
            as_=self.compute.book.admin,
        )
        assert answer.status_code == status, answer.text
        return self.compute.rung[-1]

    def guest_on(self, host: Any) -> Any:
        return host.driver.guests_by_id.get(self.server_id)

    def is_on(self, host: Any, elsewhere: tuple[int, int, int] = NOTHING) -> None:
        """Everything of the server is on this host, and what it has claimed of the other one is `elsewhere`."""
        (server,) = self.rows(Server)
        assert server.host == host.driver.host
        assert self.guest_on(host).power is Power.RUNNING and self.ran_twice == []
        (port,) = self.network.ports.values()
        assert port["binding:host_id"] == server.host
        (attachment,) = self.volume.attachments.values()
        assert (attachment["host"], attachment["status"]) == (server.host, "attached")
        assert list(self.image.images) == [IMAGE_ID]
        used = {h.name: (h.vcpus_used, h.memory_mib_used, h.disk_gib_used) for h in self.rows(Host)}
        assert used.pop(server.host) == ONE and list(used.values()) == [elsewhere]

    def nothing_on(self, host: Any) -> None:
        assert self.guest_on(host) is None and self.rows(Leftover) == []

    def migration(self) -> tuple[str, str]:
        row = self.rows(Migration)[-1]
        return row.type, row.status


class Migrate(TwoHosts):
    def ask(self) -> str:
        self.add_host()
        return self.act_as_admin("migrate")

    def done(self) -> None:
        assert self.status() == "VERIFY_RESIZE" and self.migration() == ("migration", "finished")
        self.is_on(self.other, elsewhere=ONE)
        here, there = self.guest_on(self.compute.host), self.guest_on(self.other)
        assert here.power is Power.STOPPED and here.root == IMAGE_ID
        assert there.root not in ("", IMAGE_ID) and there.ephemeral not in ("", "blank", there.root)

    def undone(self) -> None:
        assert self.status() in ("ACTIVE", "ERROR") and self.migration() == ("migration", "error")
        self.is_on(self.compute.host)
        self.nothing_on(self.other)


class ConfirmMove(Migrate):
    def ask(self) -> str:
        super().ask()
        self.compute.drain()
        return self.act_as_admin("confirmResize", status=204)


class LeaveHost(ConfirmMove):
    """The source is left after the confirmation."""

    def start(self) -> str:
        self.runner.run(super().start())
        return next(str(job.id) for job in self.rows(Job) if job.flow == "server.leave_host")

    def done(self) -> None:
        assert self.status() == "ACTIVE" and self.migration() == ("migration", "confirmed")
        self.is_on(self.other)
        self.nothing_on(self.compute.host)

    def undone(self) -> None:
        """The host is told when it reports."""
        self.is_on(self.other)
        (left,) = self.rows(Leftover)
        assert (left.host, left.server_id) == ("host1", self.server_id)
        report(self, self.compute.host)
        self.nothing_on(self.compute.host)


class RevertMove(Migrate):
    def ask(self) -> str:
        super().ask()
        self.compute.drain()
        return self.act_as_admin("revertResize")

    def done(self) -> None:
        assert self.status() == "ACTIVE" and self.migration() == ("migration", "reverted")
        self.is_on(self.compute.host)
        self.nothing_on(self.other)

    def undone(self) -> None:
        if self.status() == "VERIFY_RESIZE":
            self.is_on(self.other, elsewhere=ONE)
            return
        assert self.status() in ("ACTIVE", "ERROR", "VERIFY_RESIZE")
        self.is_on(self.compute.host)
        self.nothing_on(self.other)


class Return(TwoHosts):
    """A migration fails on the other host."""

    def ask(self) -> str:
        self.add_host()

        def fail() -> None:
            raise HypervisorFailed(what="start the guest", why="the test says so")

        self.other.driver.fail("boot", fail)
        self.runner.run(self.act_as_admin("migrate"))
        return next(str(job.id) for job in self.rows(Job) if job.flow == "server.return")

    def done(self) -> None:
        assert self.status() == "ERROR" and self.migration() == ("migration", "error")
        self.is_on(self.compute.host)
        self.nothing_on(self.other)

    def undone(self) -> None:
        assert self.status() == "ERROR"
        self.nothing_on(self.other)


class Evacuate(TwoHosts):
    def ask(self) -> str:
        self.add_host()
        self.compute.host.driver.power_cut()
        self.compute.host.down = True
        self.force_down(True)
        return self.act_as_admin("evacuate", {}, status=200)

    def force_down(self, down: bool) -> None:
        with self.compute.sessions.begin() as session:
            session.get_one(Host, "host1").forced_down = down

    def done(self) -> None:
        assert self.status() == "ACTIVE" and self.migration() == ("evacuation", "done")
        self.is_on(self.other)
        assert self.guest_on(self.other).root == IMAGE_ID and self.guest_on(self.other).ephemeral == "blank"
        assert [left.host for left in self.rows(Leftover)] == ["host1"]
        self.come_back()
        self.nothing_on(self.compute.host)

    def come_back(self) -> None:
        """The host is up again: its agent asks what is to run, and reports."""
        self.compute.host.down = False
        self.force_down(False)
        control = AgentAPI(self.compute.tools)
        assert self.server_id not in {guest.id for guest in control.wanted("host1")}
        report(self, self.compute.host)

    def undone(self) -> None:
        assert self.status() in ("ACTIVE", "ERROR") and self.migration() == ("evacuation", "error")
        (server,) = self.rows(Server)
        assert server.host == "host1" and self.guest_on(self.compute.host).root == IMAGE_ID
        self.nothing_on(self.other)
        (port,) = self.network.ports.values()
        (attachment,) = self.volume.attachments.values()
        assert port["binding:host_id"] == attachment["host"] == "host1"
        used = {h.name: (h.vcpus_used, h.memory_mib_used, h.disk_gib_used) for h in self.rows(Host)}
        assert used == {"host1": ONE, "host2": NOTHING}


def report(world: TwoHosts, host: Any) -> None:
    """Let a host report as its agent does."""
    AgentAPI(world.compute.tools).hello(host.driver.host, host.driver.inventory(), host.driver.guests())
