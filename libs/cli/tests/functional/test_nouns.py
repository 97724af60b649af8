"""What single commands promise beyond their examples."""

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from pileus_cli.people import ssh
from pileus_compute.db.models import Host
from pileus_compute.errors import HypervisorFailed


def test_options_that_switch_off_reach_the_cloud(world: None, pileus: Any) -> None:
    assert pileus.json("user create off-user --password p --disable", "admin")["enabled"] is False
    pileus.ok("user set off-user --enable", "admin")
    assert pileus.json("user show off-user", "admin")["enabled"] is True
    pileus.ok("user delete off-user", "admin")
    assert pileus.json("flavor create off-flavor --private", "admin")["os-flavor-access:is_public"] is False
    pileus.ok("flavor delete off-flavor", "admin")
    pileus.ok("network create off-net --disable")
    assert pileus.json("network show off-net")["admin_state_up"] is False
    made = pileus.json("subnet create off-subnet --network off-net --subnet-range 10.98.0.0/24 --no-dhcp")
    assert made["enable_dhcp"] is False
    made = pileus.json("port create off-port --network off-net --disable-port-security")
    assert made["port_security_enabled"] is False
    pileus.ok("port delete off-port")
    pileus.ok("network delete off-net")


def test_a_private_key_overwrites_nothing(world: None, pileus: Any, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("somebody's only key")
    done = pileus("keypair create safe-key --private-key mine")
    assert done.code == 2 and "mine is there already" in done.err
    assert (tmp_path / "mine").read_text() == "somebody's only key"
    assert pileus("keypair show safe-key").code == 3
    pileus.ok("keypair create safe-key --private-key new")
    assert stat.S_IMODE((tmp_path / "new").stat().st_mode) == 0o600
    assert pileus("keypair create safe-key --private-key second").code == 1
    assert not (tmp_path / "second").exists(), "a key that the cloud doesn't know"
    pileus.ok("keypair delete safe-key")


def test_the_demo_key_is_for_the_demo_key_pair(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "demo-key").write_text("key")
    monkeypatch.setattr(ssh, "ALL_IN_ONE_KEY", home / "demo-key")
    assert ssh.key_of("demo") == home / "demo-key"
    assert ssh.key_of("another") is None


def test_a_floating_ip_goes_to_the_port_that_it_can_reach(world: None, pileus: Any) -> None:
    """The first of the server's two networks has no router."""
    pileus.ok("network create lonely")
    pileus.ok("subnet create lonely-subnet --network lonely --subnet-range 10.97.0.0/24")
    server = "server create two-legs --image pileus-test --flavor m1.nano"
    pileus.ok(f"{server} --network lonely --network private")
    address = pileus.json("floating ip create public")
    pileus.ok(f"server add floating ip two-legs {address['floating_ip_address']}")
    port = pileus.json(f"floating ip show {address['id']}")["port_id"]
    assert pileus.json(f"port show {port}")["network_id"] == pileus.json("network show private")["id"]
    pileus.ok(f"fip delete {address['id']}")
    pileus.ok("server delete two-legs")
    pileus.ok("network delete lonely")


def test_an_action_that_failed_and_left_everything_as_it_was_is_no_success(
    world: None, pileus: Any, cloud: Any
) -> None:
    def fault() -> None:
        raise HypervisorFailed(what="start the guest", why="it has no kernel")

    pileus.ok("server create still-off --image pileus-test --flavor m1.nano --network private")
    pileus.ok("server stop still-off")
    cloud.compute.host.driver.fail("boot", fault)
    done = pileus("server start still-off")
    assert done.code == 1 and "still-off is SHUTOFF" in done.err and "it has no kernel" in done.err, done
    pileus.ok("volume create not-plugged --size 1")
    cloud.compute.host.driver.fail("attach_volume", fault)
    done = pileus("server add volume still-off not-plugged")
    assert done.code == 1 and "not-plugged is " in done.err and "it has no kernel" in done.err, done
    pileus.ok("server delete still-off")
    pileus.ok("volume delete not-plugged")


def test_why_a_server_does_not_leave_its_host(world: None, pileus: Any) -> None:
    pileus.ok("server create stays --image pileus-test --flavor m1.nano --network none", "admin")
    done = pileus("server migrate stays", "admin")
    assert done.code == 1 and "stays is ACTIVE" in done.err and "is the server's present host" in done.err, done
    done = pileus("server evacuate stays", "admin")
    assert done.code == 1 and "is still in use" in done.err, done
    done = pileus("server migrate stays --host mars", "admin")
    assert done.code == 1 and "mars could not be found" in done.err, done
    pileus.ok("server delete stays", "admin")


def test_a_volume_goes_to_a_shelved_server(world: None, pileus: Any) -> None:
    pileus.ok("server create shelved --image pileus-test --flavor m1.nano --network private")
    pileus.ok("volume create shelved-disk --size 1")
    pileus.ok("server shelve shelved")
    pileus.ok("server add volume shelved shelved-disk")  # waits until it is in use
    pileus.ok("server remove volume shelved shelved-disk")
    assert pileus.json("volume show shelved-disk")["status"] == "available"
    pileus.ok("server delete shelved")
    pileus.ok("volume delete shelved-disk")


def test_top_shows_what_still_answers(world: None, pileus: Any) -> None:
    away = "--os-block-storage-endpoint-override http://127.0.0.1:9/v3"
    shown = json.loads(pileus.ok(f"top --json {away}").out)
    assert shown["services"]["volume"] is None and shown["services"]["compute"] is not None and shown["servers"]
    shown = json.loads(pileus.ok("top --json --os-compute-endpoint-override http://127.0.0.1:9/v2.1").out)
    assert shown["services"]["compute"] is None and shown["servers"] == {}


def test_the_doctor_says_which_service_is_away(world: None, pileus: Any, tmp_path: Path) -> None:
    away = "--os-block-storage-endpoint-override http://127.0.0.1:9/v3"
    done = pileus(f"doctor --json --state {tmp_path} {away}", "admin")
    found = {one["check"] for one in json.loads(done.out)["findings"]}
    assert done.code == 2 and {"storage hosts", "volumes"} <= found


def test_the_doctor_counts_beside_servers_that_are_on_no_host(
    world: None, pileus: Any, cloud: Any, tmp_path: Path
) -> None:
    pileus.ok("server create put-away --image pileus-test --flavor m1.nano --network private")
    pileus.ok("server shelve put-away")
    with cloud.compute.sessions.begin() as session:
        session.query(Host).update({"vcpus_used": Host.vcpus_used + 5})
    try:
        found = json.loads(pileus(f"doctor --json --state {tmp_path}", "admin").out)["findings"]
        assert {one["check"] for one in found} == {"usage"}
    finally:
        with cloud.compute.sessions.begin() as session:
            session.query(Host).update({"vcpus_used": Host.vcpus_used - 5})
    pileus.ok("server delete put-away")


def test_the_doctor_of_a_cloud_without_compute(
    small_cloud: Any, pileus: Any, home: Path, monkeypatch: Any, tmp_path: Path
) -> None:
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(small_cloud.configure(home)))
    found = json.loads(pileus.ok(f"doctor --json --state {tmp_path}", "admin").out)
    assert found == {"checked": ["jobs", "images", "clock", "certificates"], "findings": []}


def test_an_operator_changes_the_rings(cloud: Any, pileus: Any) -> None:
    assert pileus("ring list", "demo").code != 0
    assert [row["Name"] for row in pileus.json("ring list", "admin")] == ["account", "container", "object"]
    added = pileus.ok("ring add d9 10.9.9.9:6200 --zone 9 --weight 10 --ring object", "admin").out
    assert added.startswith("object: device ")
    assert "10.9.9.9:6200" in pileus.ok("ring show object", "admin").out
    assert "has weight 20" in pileus.ok("ring weight 10.9.9.9:6200/d9 20", "admin").out
    assert "overload 0.1" in pileus.ok("ring overload 0.1 --ring object", "admin").out
    assert "is removed" in pileus.ok("ring remove 10.9.9.9:6200/d9", "admin").out
    assert pileus("ring show moon", "admin").code != 0
    pileus.ok("ring overload 0", "admin")


def test_an_operator_adds_a_storage_policy(cloud: Any, pileus: Any) -> None:
    pileus.ok("storage policy create two-copies --replicas 2 --alias cheap", "admin")
    pileus.ok("storage policy set two-copies --deprecated", "admin")
    rows = {row["Name"]: row for row in pileus.json("storage policy list", "admin")}
    assert (rows["two-copies"]["Aliases"], rows["two-copies"]["Deprecated"]) == ("cheap", True)
    pileus.ok("storage policy set two-copies --offered --default", "admin")
    pileus.ok("storage policy set Policy-0 --default", "admin")
