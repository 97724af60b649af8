"""Creating and deleting servers."""

from flow_scenarios.base import IMAGE_ID, Existing, World
from pileus_compute.db.models import Allocation, Server, ServerPort
from pileus_compute.rpc import Power


class Create(World):
    def start(self) -> str:
        return self.create()

    def done(self) -> None:
        assert self.status() == "ACTIVE"
        assert self.compute.power(self.server_id) is Power.RUNNING
        assert len(self.network.ports) == 1 and len(self.rows(ServerPort)) == 1 and len(self.rows(Allocation)) == 1

    def undone(self) -> None:
        view = self.compute.show(self.server_id)
        assert view["status"] == "ERROR" and view["fault"]["message"]
        assert not self.compute.host.driver.guests_by_id
        assert not self.network.ports and not self.rows(ServerPort)
        assert not self.rows(Allocation) and self.used() == (0, 0, 0)
        assert self.rows(Server)[0].host is None


class CreateFromVolume(Create):
    def start(self) -> str:
        data = self.volume.add()
        root = {
            "source_type": "image",
            "destination_type": "volume",
            "uuid": IMAGE_ID,
            "volume_size": 1,
            "boot_index": 0,
        }
        more = {"source_type": "volume", "destination_type": "volume", "uuid": data}
        return self.create(imageRef="", block_device_mapping_v2=[root, more])

    def done(self) -> None:
        super().done()
        assert len(self.volume.volumes) == 2 and {v["status"] for v in self.volume.volumes.values()} == {"in-use"}
        assert len(self.volume.attachments) == 2

    def undone(self) -> None:
        super().undone()
        assert not self.volume.attachments
        (left,) = self.volume.volumes.values()
        assert left["status"] == "available"


class Delete(Existing):
    def ask(self) -> str:
        assert self.compute.client.delete(f"/v2.1/servers/{self.server_id}").status_code == 204
        return self.compute.rung[-1]

    def done(self) -> None:
        assert not self.rows(Server) and not self.network.ports and not self.compute.host.driver.guests_by_id
        assert self.used() == (0, 0, 0)

    def undone(self) -> None:
        assert self.status() == "ERROR"
