"""Evacuating servers from a host that is down, and what becomes of that host when it comes back."""

from typing import Any

import pytest
from sqlalchemy import select

from pileus_compute.agent.guest_restarts import GuestRestarts
from pileus_compute.db.models import Host, Leftover
from pileus_compute.rpc import Power
from pileus_compute.testing import ComputeFixture, InProcessAgent
from pileus_compute.worker import AgentAPI

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
NETWORK_ID = "22222222-2222-4222-8222-222222222222"


@pytest.fixture
def server(compute: ComputeFixture) -> str:
    """A server on a host that lost its power."""
    made = compute.server(imageRef=IMAGE_ID, networks=[{"uuid": NETWORK_ID}])
    compute.add_host("host2")
    lose(compute)
    return str(made["id"])


def lose(compute: ComputeFixture) -> None:
    compute.host.driver.power_cut()
    compute.host.down = True
    declare(compute, True)


def declare(compute: ComputeFixture, down: bool) -> None:
    with compute.sessions.begin() as session:
        session.get_one(Host, "host1").forced_down = down


def other(compute: ComputeFixture) -> InProcessAgent:
    return compute.tools._agents["host2"]  # type: ignore[return-value]


def evacuate(compute: ComputeFixture, server: str, value: Any, status: int = 200, version: str = "2.79") -> Any:
    return compute.act(server, "evacuate", value, as_=compute.book.admin, status=status, version=version)


def host_of(compute: ComputeFixture, server: str) -> str:
    return str(compute.show(server, as_=compute.book.admin)["OS-EXT-SRV-ATTR:host"])


def test_a_server_is_evacuated(compute: ComputeFixture, network: Any, server: str) -> None:
    answer = evacuate(compute, server, {})
    assert answer.data == b""
    view = compute.show(server)
    assert (view["status"], host_of(compute, server)) == ("ACTIVE", "host2")
    assert [port["binding:host_id"] for port in network.ports.values()] == ["host2"]
    guest = other(compute).driver.guests_by_id[server]
    assert guest.power is Power.RUNNING and guest.root == IMAGE_ID
    with compute.sessions.read() as session:
        assert {h.name: h.vcpus_used for h in session.scalars(select(Host))} == {"host1": 0, "host2": 1}
    rows = compute.client.get("/v2.1/os-migrations", as_=compute.book.admin, version="2.23").json["migrations"]
    assert [(m["migration_type"], m["status"]) for m in rows] == [("evacuation", "done")]


def test_the_host_that_comes_back_starts_nothing_and_cleans_up(compute: ComputeFixture, server: str) -> None:
    evacuate(compute, server, {})
    compute.host.down = False
    declare(compute, False)
    control, endpoint = AgentAPI(compute.tools), compute.host._agent
    assert GuestRestarts(endpoint, control, "host1").find_lost() == set()
    assert compute.host.driver.guests_by_id[server].power is Power.STOPPED
    control.hello("host1", compute.host.driver.inventory(), compute.host.driver.guests())
    assert server not in compute.host.driver.guests_by_id
    with compute.sessions.read() as session:
        assert list(session.scalars(select(Leftover))) == []
    assert (compute.show(server)["status"], host_of(compute, server)) == ("ACTIVE", "host2")


def test_a_host_that_only_was_cut_off_stops_its_guest(compute: ComputeFixture, server: str) -> None:
    compute.host.driver.change_power(server, Power.RUNNING)
    evacuate(compute, server, {})
    compute.host.down = False  # and nobody has said yet that it is up
    AgentAPI(compute.tools).hello("host1", compute.host.driver.inventory(), compute.host.driver.guests())
    assert server not in compute.host.driver.guests_by_id


def test_leftovers_are_destroyed_even_if_no_guest_is_reported(compute: ComputeFixture, server: str) -> None:
    evacuate(compute, server, {})
    compute.host.down = False
    declare(compute, False)
    AgentAPI(compute.tools).hello("host1", compute.host.driver.inventory(), [])
    assert server not in compute.host.driver.guests_by_id


def test_a_host_whose_service_was_deleted_is_told_when_it_comes_back(compute: ComputeFixture, server: str) -> None:
    evacuate(compute, server, {})
    with compute.sessions.read() as session:
        service = session.get_one(Host, "host1").service_id
    path = f"/v2.1/os-services/{service}"
    assert compute.client.delete(path, as_=compute.book.admin, version="2.53").status_code == 204
    compute.host.down = False
    AgentAPI(compute.tools).hello("host1", compute.host.driver.inventory(), compute.host.driver.guests())
    assert server not in compute.host.driver.guests_by_id


def test_a_host_that_is_up_keeps_its_servers(compute: ComputeFixture, server: str) -> None:
    declare(compute, False)
    refused = evacuate(compute, server, {}, status=400)
    assert refused.json["badRequest"]["message"] == "Compute service of host1 is still in use."
    assert evacuate(compute, server, {"host": "host2"}, status=400)


def test_a_host_that_came_back_before_the_worker_began(compute: ComputeFixture, server: str) -> None:
    path = f"/v2.1/servers/{server}/action"
    answer = compute.client.post(path, json={"evacuate": {}}, as_=compute.book.admin, version="2.79")
    assert answer.status_code == 200
    compute.host.down = False
    declare(compute, False)
    compute.drain()
    assert (compute.show(server)["status"], host_of(compute, server)) == ("ACTIVE", "host1")


@pytest.mark.parametrize(
    ("version", "value", "status"),
    [
        ("2.1", {}, 400),
        ("2.1", {"onSharedStorage": False}, 200),
        ("2.1", {"onSharedStorage": True}, 400),
        ("2.1", {"onSharedStorage": "True", "adminPass": "p"}, 400),
        ("2.13", {"onSharedStorage": "0", "adminPass": "p"}, 200),
        ("2.14", {"onSharedStorage": False}, 400),
        ("2.14", {"adminPass": "p"}, 200),
        ("2.28", {"force": True, "host": "host2"}, 400),
        ("2.29", {"force": True}, 400),
        ("2.29", {"force": True, "host": "host2"}, 200),
        ("2.67", {"force": False, "host": "host2"}, 200),
        ("2.68", {"force": True, "host": "host2"}, 400),
        ("2.68", {"host": "host2"}, 200),
        ("2.68", {"host": "mars"}, 404),
        ("2.68", {"host": "host1"}, 400),
        ("2.95", {}, 200),
    ],
)
def test_what_may_be_asked(
    compute: ComputeFixture, server: str, version: str, value: dict[str, Any], status: int
) -> None:
    answer = evacuate(compute, server, value, status, version)
    if status == 200:
        assert host_of(compute, server) == "host2"
        shows_password = version in ("2.1", "2.13")
        assert bool(answer.data) == shows_password
        if shows_password:
            assert answer.json["adminPass"] == value.get("adminPass", answer.json["adminPass"])


@pytest.mark.parametrize(("version", "status"), [("2.94", "ACTIVE"), ("2.95", "SHUTOFF")])
def test_evacuated_servers_are_off_since_2_95(compute: ComputeFixture, server: str, version: str, status: str) -> None:
    evacuate(compute, server, {}, version=version)
    assert compute.show(server)["status"] == status
    expected = Power.RUNNING if status == "ACTIVE" else Power.STOPPED
    assert other(compute).driver.guests_by_id[server].power is expected


def test_a_server_that_was_off_is_off(compute: ComputeFixture) -> None:
    server = str(compute.server(imageRef=IMAGE_ID)["id"])
    compute.act(server, "os-stop")
    compute.add_host("host2")
    lose(compute)
    evacuate(compute, server, {})
    assert (compute.show(server)["status"], host_of(compute, server)) == ("SHUTOFF", "host2")


def test_a_forced_host_takes_what_the_scheduler_would_not_give_it(compute: ComputeFixture) -> None:
    first = str(compute.server(imageRef=IMAGE_ID)["id"])
    hint = {"os:scheduler_hints": {"same_host": first}}
    body = {"server": {"name": "s", "flavorRef": "1", "imageRef": IMAGE_ID, "networks": "none"}} | hint
    made = compute.client.post("/v2.1/servers", json=body, version="2.60")
    compute.drain()
    server = str(made.json["server"]["id"])  # type: ignore[index]
    compute.add_host("host2")
    lose(compute)
    evacuate(compute, server, {"host": "host2"})
    assert (compute.show(server)["status"], host_of(compute, server)) == ("ACTIVE", "host1")
    evacuate(compute, server, {"host": "host2", "force": True}, version="2.29")
    assert host_of(compute, server) == "host2"


def test_a_server_on_volumes_keeps_them(compute: ComputeFixture, volume: Any) -> None:
    root = volume.add(bootable="true")
    disk = {"source_type": "volume", "destination_type": "volume", "uuid": root, "boot_index": 0}
    server = str(compute.server(block_device_mapping_v2=[disk])["id"])
    compute.add_host("host2")
    lose(compute)
    evacuate(compute, server, {"onSharedStorage": True}, version="2.1")
    assert (compute.show(server)["status"], host_of(compute, server)) == ("ACTIVE", "host2")
    (attachment,) = volume.attachments.values()
    assert (attachment["host"], attachment["status"]) == ("host2", "attached")


def test_only_administrators_evacuate(compute: ComputeFixture, server: str) -> None:
    for caller in (compute.book.member, compute.book.manager):
        compute.act(server, "evacuate", {}, as_=caller, status=403)


@pytest.mark.parametrize(
    ("action", "value"),
    [
        ("rebuild", {"imageRef": IMAGE_ID}),
        ("resize", {"flavorRef": "2"}),
        ("rescue", None),
        ("shelve", None),
        ("migrate", None),
    ],
)
def test_a_server_whose_host_died_in_the_middle_of_something_is_deleted(
    compute: ComputeFixture, action: str, value: Any
) -> None:
    compute.flavor("2", vcpus=2)
    server = str(compute.server(imageRef=IMAGE_ID)["id"])
    compute.add_host("host2")
    path = f"/v2.1/servers/{server}/action"
    answer = compute.client.post(path, json={action: value}, as_=compute.book.admin, version="2.79")
    assert answer.status_code in (200, 202), answer.text
    dies_and_is_deleted(compute, server)


def dies_and_is_deleted(compute: ComputeFixture, server: str) -> None:
    compute.host.down = True
    assert compute.runner.run(compute.rung[-1]) is not None, "it waits for the host"
    lose(compute)
    assert compute.client.delete(f"/v2.1/servers/{server}").status_code == 204
    compute.drain()
    assert compute.client.get(f"/v2.1/servers/{server}").status_code == 404
    compute.host.down = False
    AgentAPI(compute.tools).hello("host1", compute.host.driver.inventory(), compute.host.driver.guests())
    assert server not in compute.host.driver.guests_by_id


def test_a_server_whose_host_died_while_it_got_a_volume_is_deleted(compute: ComputeFixture, volume: Any) -> None:
    server = str(compute.server(imageRef=IMAGE_ID)["id"])
    body = {"volumeAttachment": {"volumeId": volume.add()}}
    assert compute.client.post(f"/v2.1/servers/{server}/os-volume_attachments", json=body).status_code == 200
    dies_and_is_deleted(compute, server)
    assert not volume.attachments
