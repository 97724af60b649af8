"""The machines of a cloud, as its services see them."""

from typing import Any

import pytest

from pileus_deploy import cloud_hosts, held_data


class Cloud:
    """Block storage of one machine with two backends; `sent` has what changed something."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, Any]] = []
        self.states = {"m1@file": "up", "m1@ssd": "up", "m2@file": "up"}

    def call(self, method: str, service: str, path: str, body: Any = None, **_: Any) -> Any:
        if method != "GET":
            self.sent.append((path.rpartition("/")[2], body["host"]))
            return {}
        if "/volumes/detail" in path:
            where = ("m1@file#file", "m1@ssd#ssd", "m2@file#file", None)
            return {"volumes": [{"id": str(at), "name": "", "os-vol-host-attr:host": at} for at in where]}
        if service == "volume":
            rows = [{"host": name, "state": state, "status": "enabled"} for name, state in self.states.items()]
            return {"services": rows}
        return {"services": [], "agents": []}


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def test_a_machine_with_several_backends_is_one_machine(cloud: Any) -> None:
    hosts = cloud_hosts.load(cloud)
    assert hosts.keys() == {"m1", "m2"} and hosts["m1"].volume_hosts == ["m1@file", "m1@ssd"]
    assert held_data.volumes_on(cloud, hosts["m1"]) == ["m1@file#file", "m1@ssd#ssd"]


@pytest.mark.parametrize("silent", ["m1@file", "m1@ssd"])
def test_it_is_down_if_one_of_them_is(cloud: Any, silent: str) -> None:
    cloud.states[silent] = "down"
    assert cloud_hosts.load(cloud)["m1"].state == "down"


def test_all_of_them_are_drained(cloud: Any) -> None:
    host = cloud_hosts.load(cloud)["m1"]
    cloud_hosts.set_drained(cloud, host, True)
    cloud_hosts.set_drained(cloud, host, False)
    assert cloud.sent == [
        ("disable-log-reason", "m1@file"),
        ("disable-log-reason", "m1@ssd"),
        ("enable", "m1@file"),
        ("enable", "m1@ssd"),
    ]
