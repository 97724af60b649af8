"""Power, rescue and passwords."""

from flow_scenarios.base import IMAGE_ID, Acted, Existing
from pileus_compute.db.models import Job, Server
from pileus_compute.rpc import Power


class Stop(Existing):
    def ask(self) -> str:
        return self.act("os-stop")

    def done(self) -> None:
        assert self.status() == "SHUTOFF" and self.compute.power(self.server_id) is Power.STOPPED

    def undone(self) -> None:
        assert self.status() in ("ACTIVE", "SHUTOFF")


class Reboot(Existing):
    def ask(self) -> str:
        return self.act("reboot", {"type": "HARD"})

    def done(self) -> None:
        assert self.status() == "ACTIVE" and self.compute.power(self.server_id) is Power.RUNNING

    def undone(self) -> None:
        assert self.status() in ("ACTIVE", "ERROR")


class Start(Acted):
    first, action, statuses_undone = ("os-stop",), "os-start", ("SHUTOFF",)


class SoftReboot(Acted):
    action, value, statuses_undone = "reboot", {"type": "SOFT"}, ("ACTIVE", "ERROR")


class Pause(Acted):
    action, status_done, power = "pause", "PAUSED", Power.PAUSED


class Unpause(Acted):
    first, action, statuses_undone = ("pause",), "unpause", ("PAUSED",)


class Suspend(Acted):
    action, status_done, power, statuses_undone = "suspend", "SUSPENDED", Power.SUSPENDED, ("ACTIVE", "ERROR")


class Resume(Acted):
    first, action, statuses_undone = ("suspend",), "resume", ("SUSPENDED", "ERROR")


class Rescue(Acted):
    action, status_done, statuses_undone = "rescue", "RESCUE", ("ACTIVE", "ERROR")

    def done(self) -> None:
        super().done()
        assert self.guest().rescued

    def undone(self) -> None:
        super().undone()
        assert not self.guest().rescued and self.guest().root == IMAGE_ID


class Unrescue(Acted):
    first, action, statuses_undone = ("rescue",), "unrescue", ("RESCUE", "ERROR")

    def done(self) -> None:
        super().done()
        assert not self.guest().rescued


class ChangePassword(Acted):
    action, value = "changePassword", {"adminPass": "secret-of-the-test"}

    def done(self) -> None:
        super().done()
        assert ("set_password", self.server_id) in self.compute.host.driver.calls
        self.forgotten()

    def undone(self) -> None:
        super().undone()
        self.forgotten()

    def forgotten(self) -> None:
        assert self.rows(Server)[0].admin_password is None
        assert "secret-of-the-test" not in str([(job.data, job.error) for job in self.rows(Job)])
