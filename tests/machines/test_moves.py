"""Servers move between machines: their disk goes by TLS through the image service, their volume is served to the new
machine alone, and a machine that was cut off gives up what was moved away meanwhile."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from machine_volumes import COMPUTE_VERSION, Volumes, do, reached
from namespaces import Failed, Machine, eventually
from three_machines import Machines

from pileus_deploy.bootstrap import Cloud

BACK_S = 240.0
"""Within this time a machine whose wire was cut is heard of again."""


@dataclass
class Moved:
    """A server with a disk, a port, and a volume that m3 keeps."""

    admin: Cloud
    volumes: Volumes
    server: str
    volume: str

    def show(self) -> dict[str, Any]:
        shown = self.admin.call("GET", "compute", f"/v2.1/servers/{self.server}", headers=COMPUTE_VERSION)["server"]
        return dict(shown)

    def act(self, name: str, value: Any = None) -> None:
        path = f"/v2.1/servers/{self.server}/action"
        self.admin.call("POST", "compute", path, {name: value}, headers=COMPUTE_VERSION)

    def await_on(self, host: str, status: str) -> dict[str, Any]:
        """Wait until the server is on the machine, with its port. Returns how the machine reaches the volume."""

        def is_there() -> bool:
            view = self.show()
            assert view["status"] != "ERROR", view
            return (view["status"], view["OS-EXT-SRV-ATTR:host"], view["OS-EXT-STS:task_state"]) == (status, host, None)

        eventually(f"{status} on {host}", is_there, BACK_S)
        path = f"/v2.0/ports?device_id={self.server}"
        (port,) = self.admin.call("GET", "network", path)["ports"]
        assert port["binding:host_id"] == host
        eventually(
            "its port is ACTIVE", lambda: self.admin.call("GET", "network", path)["ports"][0]["status"] == "ACTIVE"
        )
        return self.way()

    def way(self) -> dict[str, Any]:
        (attachment,) = self.volumes.show(self.volume)["attachments"]
        path = f"/v3/{{project}}/attachments/{attachment['attachment_id']}"
        headers = {"OpenStack-API-Version": "volume 3.70"}
        found: dict[str, Any] = self.admin.call("GET", "volume", path, headers=headers)["attachment"]["connection_info"]
        eventually("it is served", lambda: reached(found["host"], found["port"]))
        return found


@pytest.fixture(scope="module")
def moved(joined: Machines, admin: Cloud) -> Iterator[Moved]:
    volumes = Volumes(admin)
    volumes.switch("m1", "disable")
    volume = volumes.create()
    volumes.switch("m1", "enable")
    image = admin.call("GET", "image", "/v2/images?name=pileus-test")["images"][0]["id"]
    network = admin.call("POST", "network", "/v2.0/networks", {"network": {"name": "moves"}})["network"]["id"]
    subnet = {"network_id": network, "ip_version": 4, "cidr": "10.20.0.0/24"}
    admin.call("POST", "network", "/v2.0/subnets", {"subnet": subnet})
    wanted = {"name": "moved", "imageRef": image, "flavorRef": "1", "networks": [{"uuid": network}], "host": "m2"}
    made = admin.call("POST", "compute", "/v2.1/servers", {"server": wanted}, headers=COMPUTE_VERSION)["server"]["id"]
    found = Moved(admin, volumes, made, volume)
    eventually("ACTIVE", lambda: found.show()["status"] == "ACTIVE")
    volumes.attach(made, volume)
    yield found
    admin.call("DELETE", "compute", f"/v2.1/servers/{made}")
    eventually("the volume is available", lambda: volumes.show(volume)["status"] == "available")
    admin.call("DELETE", "volume", f"/v3/{{project}}/volumes/{volume}")
    admin.call("DELETE", "network", f"/v2.0/networks/{network}")


def guests_of(machine: Machine) -> dict[str, dict[str, Any]]:
    """Return what the machine's fake hypervisor has, by server."""
    rows = json.loads((machine.state / f"fake/{machine.name}.json").read_text())
    return {row["id"]: row for row in rows}


def test_a_server_moves_to_another_machine_and_back(joined: Machines, moved: Moved) -> None:
    before = moved.await_on("m2", "ACTIVE")
    do(joined.second, before, "write -P 9 1M 64k")
    moved.act("migrate", {"host": "m1"})
    way = moved.await_on("m1", "VERIFY_RESIZE")
    assert "verification failed" not in do(joined.controller, way, "read -P 9 1M 64k").lower()
    with pytest.raises(Failed):
        do(joined.second, before, "read 0 512")
    assert guests_of(joined.second)[moved.server]["power"] == "stopped"
    root = guests_of(joined.controller)[moved.server]["root"]
    images = moved.admin.call("GET", "image", "/v2/images?os_hidden=true")["images"]
    assert root not in {image["id"] for image in images}, "the image in which the disk travelled is gone"
    moved.act("revertResize")
    do(joined.second, moved.await_on("m2", "ACTIVE"), "read -P 9 1M 64k")
    eventually("m1 has nothing of it", lambda: moved.server not in guests_of(joined.controller))


def test_a_machine_that_was_cut_off_gives_up_what_was_evacuated(joined: Machines, moved: Moved) -> None:
    before = moved.await_on("m2", "ACTIVE")
    joined.second.unplug()
    try:
        declare(moved.admin, "m2", down=True)
        moved.act("evacuate", {"host": "m1"})
        do(joined.controller, moved.await_on("m1", "ACTIVE"), "read -P 9 1M 64k")
        assert guests_of(joined.second)[moved.server]["power"] == "running", "it knows nothing yet"
    finally:
        joined.second.plug_in()
        declare(moved.admin, "m2", down=False)
    eventually("m2 has nothing of it", lambda: moved.server not in guests_of(joined.second), BACK_S)
    with pytest.raises(Failed):
        do(joined.second, before, "read 0 512")
    do(joined.controller, moved.await_on("m1", "ACTIVE"), "read -P 9 1M 64k")


def declare(admin: Cloud, host: str, down: bool) -> None:
    """Declare the machine down, or no longer."""
    path = f"/v2.1/os-services?binary=nova-compute&host={host}"
    (service,) = admin.call("GET", "compute", path, headers=COMPUTE_VERSION)["services"]
    path = f"/v2.1/os-services/{service['id']}"
    admin.call("PUT", "compute", path, {"forced_down": down}, headers=COMPUTE_VERSION)
