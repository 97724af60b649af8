"""Volumes and interfaces of servers."""

from sqlalchemy import select

from flow_scenarios.base import Existing
from pileus_compute.db.models import Job, ServerPort, ServerVolume
from pileus_kit.flow import enqueue


class AttachVolume(Existing):
    def ask(self) -> str:
        self.volume_id = self.volume.add()
        answer = self.compute.client.post(
            f"/v2.1/servers/{self.server_id}/os-volume_attachments",
            json={"volumeAttachment": {"volumeId": self.volume_id}},
            version="2.79",
        )
        assert answer.status_code == 200, answer.text
        return self.compute.rung[-1]

    def done(self) -> None:
        assert self.volume.volumes[self.volume_id]["status"] == "in-use"
        assert list(self.compute.host.driver.guests_by_id[self.server_id].volumes) == [self.volume_id]
        assert self.rows(ServerVolume)[0].device == "/dev/vdb"

    def undone(self) -> None:
        assert self.volume.volumes[self.volume_id]["status"] == "available"
        assert not self.compute.host.driver.guests_by_id[self.server_id].volumes and not self.rows(ServerVolume)


class DetachVolume(AttachVolume):
    def ask(self) -> str:
        super().ask()
        self.compute.drain()
        answer = self.compute.client.delete(
            f"/v2.1/servers/{self.server_id}/os-volume_attachments/{self.volume_id}", version="2.79"
        )
        assert answer.status_code == 202, answer.text
        return self.compute.rung[-1]

    def done(self) -> None:
        super().undone()

    def undone(self) -> None:
        assert len(self.rows(ServerVolume)) == 1  # it may be asked for again


class ExtendVolume(AttachVolume):
    def ask(self) -> str:
        super().ask()
        self.compute.drain()
        event = {"name": "volume-extended", "server_uuid": self.server_id, "tag": self.volume_id}
        answer = self.compute.client.post(
            "/v2.1/os-server-external-events", json={"events": [event]}, as_=self.compute.book.admin, version="2.79"
        )
        assert answer.status_code == 200, answer.text
        return self.compute.rung[-1]

    def done(self) -> None:
        super().done()
        assert ("extend_volume", self.server_id) in self.compute.host.driver.calls

    def undone(self) -> None:
        super().done()


class AttachInterface(Existing):
    def ask(self) -> str:
        """Enqueue the job as the API does, whose request would wait until the job is done."""
        with self.compute.sessions.begin() as session:
            (created,) = session.scalars(select(Job).where(Job.flow == "server.create"))
            return enqueue(
                session,
                Job,
                flow="server.attach_interface",
                subject=f"{self.server_id}/nic",
                data={"network": created.data["networks"][0]},
                caller=self.compute.book.member,
            ).id

    def has(self, count: int) -> None:
        guest = self.compute.host.driver.guests_by_id[self.server_id]
        assert len(self.network.ports) == count and self.status() == "ACTIVE"
        assert set(guest.nics) == set(self.network.ports) == {row.id for row in self.rows(ServerPort)}

    def done(self) -> None:
        self.has(2)

    def undone(self) -> None:
        self.has(1)


class DetachInterface(AttachInterface):
    def ask(self) -> str:
        (port_id,) = self.network.ports
        answer = self.compute.client.delete(f"/v2.1/servers/{self.server_id}/os-interface/{port_id}", version="2.79")
        assert answer.status_code == 202, answer.text
        return self.compute.rung[-1]

    def done(self) -> None:
        self.has(0)

    def undone(self) -> None:
        assert len(self.rows(ServerPort)) == 1  # it may be asked for again


class RefreshAddresses(Existing):
    """A floating IP of a port that changed after the server recorded it."""

    def ask(self) -> str:
        (port,) = self.network.ports
        self.network.floating("192.0.2.9", port)
        with self.compute.sessions.begin() as session:
            return enqueue(session, Job, flow="server.refresh_addresses", subject=f"{self.server_id}/addresses").id

    def done(self) -> None:
        assert [list(row.floating_ips.values()) for row in self.rows(ServerPort)] == [["192.0.2.9"]]

    def undone(self) -> None:
        """The flow only reads, so nothing has to be undone."""
        assert self.status() == "ACTIVE"
