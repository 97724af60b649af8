"""Moving servers that are off to another host: migrate, and resize where the present host has no room."""

from typing import Any

import pytest
from sqlalchemy import select

from pileus_compute.db.models import Aggregate, AggregateHost, Host, Leftover
from pileus_compute.errors import HypervisorFailed
from pileus_compute.rpc import Power
from pileus_compute.testing import ComputeFixture, InProcessAgent

IMAGE_ID = "11111111-1111-4111-8111-111111111111"
NETWORK_ID = "22222222-2222-4222-8222-222222222222"


@pytest.fixture
def server(compute: ComputeFixture) -> str:
    return str(compute.server(imageRef=IMAGE_ID, networks=[{"uuid": NETWORK_ID}])["id"])


@pytest.fixture
def other(compute: ComputeFixture, server: str) -> InProcessAgent:
    """A second host, which the server isn't on."""
    return compute.add_host("host2")


def host_of(compute: ComputeFixture, server: str) -> str:
    return str(compute.show(server, as_=compute.book.admin)["OS-EXT-SRV-ATTR:host"])


def move(compute: ComputeFixture, server: str, value: Any = None, status: int = 202, version: str = "2.79") -> Any:
    return compute.act(server, "migrate", value, as_=compute.book.admin, status=status, version=version)


def listed(compute: ComputeFixture, query: str = "") -> list[dict[str, Any]]:
    path = f"/v2.1/os-migrations{query}"
    answer = compute.client.get(path, as_=compute.book.admin, version="2.80")
    assert answer.status_code == 200 and answer.json, answer.text
    return list(answer.json["migrations"])


def used(compute: ComputeFixture) -> dict[str, int]:
    with compute.sessions.read() as session:
        return {host.name: host.vcpus_used for host in session.scalars(select(Host))}


def test_a_server_moves_and_stays(compute: ComputeFixture, network: Any, server: str, other: InProcessAgent) -> None:
    move(compute, server)
    view = compute.show(server, as_=compute.book.admin)
    assert (view["status"], view["OS-EXT-SRV-ATTR:host"]) == ("VERIFY_RESIZE", "host2")
    assert [port["binding:host_id"] for port in network.ports.values()] == ["host2"]
    assert used(compute) == {"host1": 1, "host2": 1}
    (row,) = listed(compute)
    assert (row["migration_type"], row["status"], row["user_id"]) == ("migration", "finished", "u-admin")
    assert (row["source_compute"], row["dest_compute"], row["dest_host"]) == ("host1", "host2", "127.0.0.1")
    compute.act(server, "confirmResize", status=204)
    assert compute.show(server)["status"] == "ACTIVE" and compute.power(server) is None
    assert used(compute) == {"host1": 0, "host2": 1}
    assert [m["status"] for m in listed(compute)] == ["confirmed"]
    assert other.driver.guests_by_id[server].power is Power.RUNNING
    names = [a["action"] for a in actions(compute, server)]
    assert names == ["confirmResize", "migrate", "create"]


def actions(compute: ComputeFixture, server: str) -> list[dict[str, Any]]:
    answer = compute.client.get(f"/v2.1/servers/{server}/os-instance-actions")
    assert answer.json
    return list(answer.json["instanceActions"])


def test_and_goes_back(compute: ComputeFixture, network: Any, server: str, other: InProcessAgent) -> None:
    move(compute, server)
    compute.act(server, "revertResize")
    assert (compute.show(server)["status"], host_of(compute, server)) == ("ACTIVE", "host1")
    assert compute.power(server) is Power.RUNNING and server not in other.driver.guests_by_id
    assert [port["binding:host_id"] for port in network.ports.values()] == ["host1"]
    assert used(compute) == {"host1": 1, "host2": 0}
    assert [m["status"] for m in listed(compute, "?host=host2")] == ["reverted"]


def test_a_server_that_is_off_stays_off_and_takes_volumes(
    compute: ComputeFixture, server: str, other: InProcessAgent, volume: Any
) -> None:
    compute.act(server, "os-stop")
    move(compute, server)
    assert compute.show(server)["status"] == "VERIFY_RESIZE"
    compute.act(server, "confirmResize", status=204)
    assert compute.show(server)["status"] == "SHUTOFF"
    assert other.driver.guests_by_id[server].power is Power.STOPPED
    attached = volume.add()
    path = f"/v2.1/servers/{server}/os-volume_attachments"
    assert compute.client.post(path, json={"volumeAttachment": {"volumeId": attached}}).status_code == 200
    compute.drain()
    assert volume.volumes[attached]["status"] == "in-use"
    compute.act(server, "os-start")
    assert other.driver.guests_by_id[server].power is Power.RUNNING


def test_a_server_without_another_host_notices_nothing(compute: ComputeFixture, image: Any, server: str) -> None:
    move(compute, server)
    assert compute.show(server)["status"] == "ACTIVE" and compute.power(server) is Power.RUNNING
    assert [m["status"] for m in listed(compute)] == ["error"] and list(image.images) == [IMAGE_ID]
    assert used(compute) == {"host1": 1}
    assert ("power_off", server) not in compute.host.driver.calls


@pytest.mark.parametrize(
    ("why", "status", "host"),
    [('Failed to get "write" lock', "VERIFY_RESIZE", "host2"), ("no such block device", "ERROR", "host1")],
)
def test_a_volume_whose_export_is_just_being_withdrawn_is_waited_for(
    compute: ComputeFixture, server: str, other: InProcessAgent, why: str, status: str, host: str
) -> None:
    def fail() -> None:
        raise HypervisorFailed(what="start the guest", why=why)

    other.driver.fail("boot", fail)
    move(compute, server)
    view = compute.show(server, as_=compute.book.admin)
    assert (view["status"], view["OS-EXT-SRV-ATTR:host"]) == (status, host)
    assert other.driver.calls.count(("boot", server)) == (2 if host == "host2" else 1)


@pytest.mark.parametrize("version", ["2.1", "2.55"])
def test_hosts_are_named_since_2_56(compute: ComputeFixture, server: str, other: InProcessAgent, version: str) -> None:
    compute.add_host("host3")
    assert move(compute, server, {"host": "mars", "other": 1}, version=version)  # ignored before
    assert compute.show(server)["status"] == "VERIFY_RESIZE"


def test_named_hosts(compute: ComputeFixture, server: str, other: InProcessAgent) -> None:
    compute.add_host("host3")
    for value, status in (
        ({"host": "mars"}, 400),
        ({"host": "host1"}, 400),
        ({"host": "host2", "more": 1}, 400),
        ({"host": ""}, 400),
    ):
        move(compute, server, value, status)
    compute.act(server, "migrate", {"host": "host2"}, as_=compute.book.manager, status=403)
    move(compute, server, {"host": "host3"})
    assert host_of(compute, server) == "host3"


def test_a_host_that_is_down_gives_nothing_away(compute: ComputeFixture, server: str, other: InProcessAgent) -> None:
    with compute.sessions.begin() as session:
        session.get_one(Host, "host1").forced_down = True
    refused = move(compute, server, status=409)
    assert "Service is unavailable at this time" in refused.text


def test_the_zone_and_the_group_are_kept(compute: ComputeFixture) -> None:
    compute.add_host("host2")
    group = compute.client.post(
        "/v2.1/os-server-groups", json={"server_group": {"name": "g", "policies": ["anti-affinity"]}}
    )
    hints = {"group": group.json["server_group"]["id"]}  # type: ignore[index]
    body = {"server": {"name": "s", "flavorRef": "1", "imageRef": IMAGE_ID, "networks": "none"}}
    made = [
        compute.client.post("/v2.1/servers", json=body | {"os:scheduler_hints": hints}, version="2.60")
        for _ in range(2)
    ]
    compute.drain()
    server = str(made[0].json["server"]["id"])  # type: ignore[index]
    before = host_of(compute, server)
    move(compute, server)
    assert (compute.show(server)["status"], host_of(compute, server)) == ("ACTIVE", before)
    compute.add_host("host3")
    move(compute, server)
    assert host_of(compute, server) == "host3"


def test_the_zone_is_kept(compute: ComputeFixture, other: InProcessAgent) -> None:
    compute.add_host("host3")
    with compute.sessions.begin() as session:
        session.add(Aggregate(id=1, name="east", meta={"availability_zone": "east"}))
        session.flush()
        session.add_all(AggregateHost(aggregate_id=1, host=name) for name in ("host1", "host3"))
    server = str(compute.server(imageRef=IMAGE_ID, availability_zone="east")["id"])
    there = {"host1": "host3", "host3": "host1"}[host_of(compute, server)]
    move(compute, server)
    assert host_of(compute, server) == there


def test_a_server_created_on_a_named_host_moves(compute: ComputeFixture, other: InProcessAgent) -> None:
    made = compute.server(imageRef=IMAGE_ID, host="host1", as_=compute.book.admin)
    move(compute, made["id"])
    assert host_of(compute, made["id"]) == "host2"


def fill(compute: ComputeFixture, name: str, vcpus: int) -> None:
    with compute.sessions.begin() as session:
        host = session.get_one(Host, name)
        host.vcpus_used = int(host.vcpus * compute.tools.config.cpu_overcommit) - vcpus


def test_a_resize_stays_where_there_is_room(compute: ComputeFixture, server: str, other: InProcessAgent) -> None:
    compute.flavor("2", vcpus=2)
    compute.act(server, "resize", {"flavorRef": "2"})
    assert (compute.show(server)["status"], host_of(compute, server)) == ("VERIFY_RESIZE", "host1")
    assert listed(compute)[0]["migration_type"] == "resize"


def test_a_resize_goes_where_there_is_room(
    compute: ComputeFixture, server: str, other: InProcessAgent, image: Any
) -> None:
    compute.flavor("2", vcpus=2, disk_gib=2)
    fill(compute, "host1", 1)
    compute.act(server, "resize", {"flavorRef": "2"})
    view = compute.show(server, as_=compute.book.admin)
    assert (view["status"], view["OS-EXT-SRV-ATTR:host"]) == ("VERIFY_RESIZE", "host2")
    assert view["flavor"]["vcpus"] == 2 and list(image.images) == [IMAGE_ID]
    assert [a["action"] for a in actions(compute, server)] == ["resize", "create"]
    assert listed(compute)[0]["migration_type"] == "resize"
    compute.act(server, "revertResize")
    view = compute.show(server, as_=compute.book.admin)
    assert (view["status"], view["OS-EXT-SRV-ATTR:host"]) == ("ACTIVE", "host1") and view["flavor"]["vcpus"] == 1


def test_a_resize_without_room_changes_nothing(compute: ComputeFixture, server: str) -> None:
    compute.flavor("2", vcpus=2)
    fill(compute, "host1", 1)
    compute.act(server, "resize", {"flavorRef": "2"})
    view = compute.show(server)
    assert view["status"] == "ACTIVE" and view["flavor"]["vcpus"] == 1
    assert [m["status"] for m in listed(compute)] == ["error"]


def test_a_server_that_is_deleted_leaves_nothing_on_either_host(
    compute: ComputeFixture, server: str, other: InProcessAgent
) -> None:
    move(compute, server)
    assert compute.client.delete(f"/v2.1/servers/{server}").status_code == 204
    compute.drain()
    assert compute.power(server) is None and server not in other.driver.guests_by_id
    assert used(compute) == {"host1": 0, "host2": 0}


def test_a_host_that_was_left_while_it_was_down_is_told_when_it_reports(
    compute: ComputeFixture, server: str, other: InProcessAgent
) -> None:
    move(compute, server)
    compute.host.down = True
    with compute.sessions.begin() as session:
        session.get_one(Host, "host1").forced_down = True
    compute.act(server, "confirmResize", status=204)
    assert compute.show(server)["status"] == "ACTIVE" and compute.power(server) is Power.STOPPED
    with compute.sessions.begin() as session:
        session.get_one(Host, "host1").forced_down = False
        assert [left.host for left in session.scalars(select(Leftover))] == ["host1"]
    compute.host.down = False
    move(compute, server)  # it has its old disks still, so it must not take the server
    assert (compute.show(server)["status"], host_of(compute, server)) == ("ACTIVE", "host2")
    assert compute.hello("host1") == [server]


def test_a_host_with_unconfirmed_moves_is_not_deleted(
    compute: ComputeFixture, server: str, other: InProcessAgent
) -> None:
    move(compute, server)
    with compute.sessions.read() as session:
        service = session.get_one(Host, "host1").service_id
    path = f"/v2.1/os-services/{service}"
    refused = compute.client.delete(path, as_=compute.book.admin, version="2.53")
    assert refused.status_code == 409 and "in-progress migrations" in refused.text
    compute.act(server, "confirmResize", status=204)
    assert compute.client.delete(path, as_=compute.book.admin, version="2.53").status_code == 204
