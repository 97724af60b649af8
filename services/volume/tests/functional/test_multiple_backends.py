"""Several backends of one storage host: where volumes go, what administrators see, and who serves what."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from pileus_volume.agent.endpoint import AgentEndpoint
from pileus_volume.agent.heartbeat import send_report
from pileus_volume.config import Config
from pileus_volume.db.models import StorageHost
from pileus_volume.drivers.backend_specs import all_backends
from pileus_volume.drivers.fake import FakeBackend
from pileus_volume.errors import BackendDown
from pileus_volume.worker import ControlPlaneEndpoint

HOST = "os-vol-host-attr:host"


@pytest.fixture
def cloud(worlds: Any) -> Iterator[Any]:
    """One storage host with the first backend and two further ones."""
    with worlds(hosts=()) as world:
        world.add_host("host1", further=("fast", "slow"))
        yield world


def volume_on(cloud: Any, backend: str, **asked: Any) -> dict[str, Any]:
    kind = cloud.volume_type(f"type of {backend} {len(cloud.rung)}", extra_specs={"volume_backend_name": backend})
    return dict(cloud.volume(volume_type=kind, **asked))


def kept(cloud: Any) -> dict[str, set[str]]:
    return {name: set(backend.disks) for name, backend in cloud.backends.items() if backend.disks}


def test_types_choose_the_backend(cloud):
    fast, slow, first = (volume_on(cloud, name) for name in ("fast", "slow", "fake"))
    assert [volume[HOST] for volume in (fast, slow, first)] == [
        "host1@fast#fast",
        "host1@slow#slow",
        "host1@fake#fake",
    ]
    assert kept(cloud) == {"host1@fast": {fast["id"]}, "host1@slow": {slow["id"]}, "host1": {first["id"]}}
    scoped = cloud.volume_type("scoped", extra_specs={"capabilities:volume_backend_name": "slow"})
    assert cloud.volume(volume_type=scoped)[HOST] == "host1@slow#slow"
    nowhere = cloud.volume_type("nowhere", extra_specs={"volume_backend_name": "none"})
    assert cloud.volume(volume_type=nowhere)["status"] == "error"
    member = cloud.client.get(f"/v3/volumes/{fast['id']}").json["volume"]
    assert HOST not in member


@pytest.mark.parametrize(
    ("specs", "status"),
    [
        ({"multiattach": "<is> True"}, "available"),
        ({"thin_provisioning_support": "<is> true"}, "available"),
        ({"thick_provisioning_support": "<is> True"}, "error"),
        ({"volume_backend_name": "<or> fast <or> none"}, "available"),
        ({"volume_backend_name": "<in> fas"}, "available"),
        ({"volume_backend_name": "s== fast"}, "available"),
        ({"volume_backend_name": "s!= fast", "pool_name": "fast"}, "error"),
        ({"total_capacity_gb": ">= 500"}, "available"),
        ({"total_capacity_gb": ">= 5000"}, "error"),
        ({"total_capacity_gb": "!= 1000"}, "error"),
        ({"volume_backend_name": "!= 1"}, "error"),
    ],
)
def test_capabilities_filter_the_backends(cloud, specs, status):
    assert cloud.volume(volume_type=cloud.volume_type(extra_specs=specs))["status"] == status


def test_administrators_see_each_backend(cloud):
    admin = cloud.book.admin

    def get(path: str) -> Any:
        return cloud.client.get(f"/v3{path}", as_=admin).json

    names = ["host1@fake", "host1@fast", "host1@slow"]
    assert sorted(row["host"] for row in get("/os-services")["services"]) == names
    assert sorted(row["host"] for row in get("/os-services?host=host1")["services"]) == names
    assert [row["host"] for row in get("/os-services?host=host1@fast")["services"]] == ["host1@fast"]
    assert sorted(row["host_name"] for row in get("/os-hosts")["hosts"]) == names
    pools = {pool["name"]: pool["capabilities"] for pool in get("/scheduler-stats/get_pools?detail=true")["pools"]}
    assert {name: found["volume_backend_name"] for name, found in pools.items()} == {
        f"{name}#{name.partition('@')[2]}": name.partition("@")[2] for name in names
    }
    assert get("/capabilities/host1@slow")["volume_backend_name"] == "slow"
    volume_on(cloud, "fast", size=3)
    total = get("/os-hosts/host1@fast")["host"][0]["resource"]
    assert (total["volume_count"], total["total_volume_gb"]) == ("1", "3")
    assert get("/os-hosts/host1@slow")["host"][0]["resource"]["volume_count"] == "0"
    assert cloud.client.get("/v3/os-hosts/host1@none", as_=admin).status_code == 404


def test_one_backend_is_disabled_and_the_others_go_on(cloud):
    body = {"host": "host1@fast", "binary": "cinder-volume"}
    assert cloud.client.put("/v3/os-services/disable", json=body, as_=cloud.book.admin).status_code == 200
    assert volume_on(cloud, "fast")["status"] == "error"
    assert volume_on(cloud, "slow")["status"] == volume_on(cloud, "fake")["status"] == "available"


def test_everything_of_a_volume_happens_on_its_backend(cloud):
    volume = volume_on(cloud, "fast")["id"]
    snapshot = cloud.snapshot(volume)["id"]
    fast = cloud.backends["host1@fast"]
    assert fast.snapshots == {volume: {snapshot}}
    assert cloud.act(volume, "os-extend", {"new_size": 2}).status_code == 202
    cloud.drain()
    assert fast.disks[volume] == 2 << 30
    copy = cloud.volume(source_volid=volume, size=2)
    restored = cloud.volume(snapshot_id=snapshot)
    assert copy[HOST] == restored[HOST] == "host1@fast#fast"
    assert kept(cloud) == {"host1@fast": {volume, copy["id"], restored["id"]}}
    for path in (f"snapshots/{snapshot}", f"volumes/{copy['id']}", f"volumes/{restored['id']}"):
        assert cloud.client.delete(f"/v3/{path}").status_code == 202
        cloud.drain()
    assert cloud.client.delete(f"/v3/volumes/{volume}").status_code == 202
    cloud.drain()
    assert kept(cloud) == {}


def test_a_guest_on_the_machine_opens_the_file_of_the_backend(cloud):
    volume = volume_on(cloud, "slow")["id"]
    info = cloud.attach(volume, host="host1")["connection_info"]
    assert (info["driver_volume_type"], info["path"]) == ("file", f"/fake/slow/volume-{volume}")


def test_each_backend_serves_its_own_volumes(cloud):
    first, fast = volume_on(cloud, "fake")["id"], volume_on(cloud, "fast")["id"]
    near, far = cloud.attach(first, host="elsewhere"), cloud.attach(fast, host="elsewhere")
    cloud.drain()
    assert {export.volume_id for export in cloud.backends["host1"].exports.values()} == {first}
    assert {export.volume_id for export in cloud.backends["host1@fast"].exports.values()} == {fast}
    assert [found["connection_info"]["port"] for found in (near, far)] == [10809, 10810]
    for backend in cloud.backends.values():
        backend.exports = {}
    send_report(cloud.agents["host1"], ControlPlaneEndpoint(cloud.sessions))
    assert {export.volume_id for export in cloud.backends["host1@fast"].exports.values()} == {fast}


def test_with_tls_no_two_backends_use_one_port(worlds):
    with worlds(hosts=()) as world:
        world.add_host("host1", nbd="192.0.2.1:13000", nbd_tls="/tls", further=("fast",))
        ports = []
        for backend in ("fake", "fast", "fast", "fake"):
            volume = volume_on(world, backend)["id"]
            made = world.client.post(
                "/v3/attachments",
                json={"attachment": {"volume_uuid": volume, "instance_uuid": volume}},
                version="3.60",
            ).json["attachment"]["id"]
            put = world.client.put(
                f"/v3/attachments/{made}",
                json={"attachment": {"connector": {"host": "m2"}}},
                version="3.60",
                as_=world.book.admin,
            )
            ports.append(put.json["attachment"]["connection_info"]["port"])
        assert ports == [13000, 13001, 13001, 13000]


def test_a_backend_that_was_taken_out_of_the_configuration_says_so(cloud):
    volume = volume_on(cloud, "slow")["id"]
    config = replace(cloud.config("host1"), further_backends=("fast:fake",))
    more = {spec.name: FakeBackend(config, spec) for spec in all_backends(config) if spec.name}
    cloud.agents["host1"] = AgentEndpoint(config, cloud.backends["host1"], further=more)
    assert cloud.client.delete(f"/v3/volumes/{volume}").status_code == 202
    cloud.drain()
    shown = cloud.show(volume)
    assert shown["status"] == "error_deleting"
    (message,) = cloud.client.get("/v3/messages", version="3.60").json["messages"]
    assert "no backend slow" in message["user_message"]
    with cloud.sessions.read() as session:
        assert session.get(StorageHost, "host1@slow") is not None


def test_a_broken_backend_does_not_silence_the_others(cloud, monkeypatch):
    class Broken(FakeBackend):
        def capacity(self) -> Any:
            raise OSError("the disk is gone")

    reported = []

    class Recording(ControlPlaneEndpoint):
        def report_backend(self, report: Any, backend: str) -> Any:
            reported.append(backend)
            return super().report_backend(report, backend)

    config = replace(cloud.config("host1"), further_backends=("fast:fake", "slow:fake"))
    agent = AgentEndpoint(config, Broken(), further={"fast": Broken(), "slow": FakeBackend()})
    with pytest.raises(OSError, match="gone"):
        send_report(agent, Recording(cloud.sessions))
    assert reported == ["slow"]


def test_a_backend_whose_disk_is_away_is_waited_for(cloud):
    volume = volume_on(cloud, "slow")["id"]
    config = replace(cloud.config("host1"), further_backends=("fast:fake", "slow:fake"))
    away = True

    def opened(name: str) -> Any:
        if name == "slow" and away:
            raise OSError("nothing is mounted")
        return cloud.backends[f"host1@{name}"]

    agent = cloud.agents["host1"] = AgentEndpoint(config, cloud.backends["host1"], open_backend=opened)
    with pytest.raises(BackendDown, match="slow of storage host host1 can't be opened: nothing is mounted"):
        send_report(agent, ControlPlaneEndpoint(cloud.sessions))
    assert volume_on(cloud, "fast")["status"] == "available"
    assert cloud.client.delete(f"/v3/volumes/{volume}").status_code == 202
    with pytest.raises(TimeoutError, match="still live"):
        cloud.drain()
    assert cloud.show(volume)["status"] == "deleting"
    away = False
    send_report(agent, ControlPlaneEndpoint(cloud.sessions))
    cloud.drain()
    assert cloud.client.get(f"/v3/volumes/{volume}").status_code == 404 and kept(cloud).keys() == {"host1@fast"}


@pytest.mark.parametrize(
    "entry", ["fast", ":fake", "fast:", "../x:fake", "a/b:fake", "fast:fake:relative", "file:fake", "volume-x:fake"]
)
def test_entries_that_cannot_be_used(entry):
    with pytest.raises(ValueError, match="further_backends"):
        list(all_backends(Config(further_backends=(entry,))))
    with pytest.raises(ValueError, match="two backends called a"):
        list(all_backends(Config(further_backends=("a:fake", "a:file"))))


def test_the_machine_is_inspected_once(cloud):
    (row,) = cloud.client.get("/operations/hosts", as_=cloud.book.admin).json["hosts"]
    assert row["host"] == "host1"
