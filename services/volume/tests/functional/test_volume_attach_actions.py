"""The older way of attaching, by actions of the volume."""

import pytest

SERVER = "33333333-3333-4333-8333-333333333333"
OTHER = "44444444-4444-4444-8444-444444444444"


def test_an_administrator_detaches_a_volume_by_force(world):
    volume = world.volume()["id"]
    world.act(volume, "os-attach", {"instance_uuid": SERVER, "mountpoint": "/dev/vdc"})
    world.act(volume, "os-reset_status", {"status": "error"}, as_=world.book.admin)
    attachment = world.show(volume)["attachments"][0]["attachment_id"]
    freed = world.act(volume, "os-force_detach", {"attachment_id": attachment, "connector": None}, as_=world.book.admin)
    assert freed.status_code == 202
    assert (world.show(volume)["status"], world.show(volume)["attachments"]) == ("available", [])


@pytest.mark.parametrize("host", ["host1", "elsewhere"])
def test_a_volume_is_attached_and_detached_by_actions(world, host):
    volume = world.volume()["id"]
    assert world.act(volume, "os-reserve").status_code == 202
    assert world.show(volume)["status"] == "attaching"
    assert world.act(volume, "os-reserve").status_code == 400
    assert world.act(volume, "os-unreserve").status_code == 202
    assert world.show(volume)["status"] == "available"
    world.act(volume, "os-reserve")
    info = world.act(volume, "os-initialize_connection", {"connector": {"host": host}}).json["connection_info"]
    assert info["driver_volume_type"] == ("file" if host == "host1" else "nbd")
    world.drain()
    assert len(world.fake.exports) == (host != "host1")
    assert world.act(volume, "os-attach", {"instance_uuid": SERVER, "mountpoint": "/dev/vdc"}).status_code == 202
    assert world.show(volume)["status"] == "in-use" and len(world.show(volume)["attachments"]) == 1
    assert world.act(volume, "os-begin_detaching").status_code == 202
    assert world.show(volume)["status"] == "detaching"
    assert world.act(volume, "os-roll_detaching").status_code == 202
    world.act(volume, "os-begin_detaching")
    assert world.act(volume, "os-terminate_connection", {"connector": {"host": host}}).status_code == 202
    assert world.act(volume, "os-detach").status_code == 202
    assert world.show(volume)["status"] == "available" and world.show(volume)["attachments"] == []
    world.drain()
    assert world.fake.exports == {}


def test_refusals(world):
    creating = world.volume(drained=False)["id"]
    for action, asked in (
        ("os-reserve", None),
        ("os-unreserve", None),
        ("os-begin_detaching", None),
        ("os-roll_detaching", None),
        ("os-attach", {"host_name": "h"}),
        ("os-initialize_connection", {"connector": {"host": "host1"}}),
    ):
        refused = world.act(creating, action, asked)
        assert refused.status_code == 400, action
        assert world.act(creating, action, asked, as_=world.book.other).status_code == 404, action
        assert world.act(creating, action, asked, as_=world.book.reader).status_code == 403, action
    for action, asked in (
        ("os-attach", {}),
        ("os-attach", {"instance_uuid": "x"}),
        ("os-detach", {"attachment_id": 1}),
        ("os-initialize_connection", {}),
        ("os-terminate_connection", {"connector": {"host": ""}}),
    ):
        assert world.act(creating, action, asked).status_code == 400, (action, asked)


def test_a_read_only_volume_is_not_attached_for_writing(world):
    volume = world.volume()["id"]
    world.act(volume, "os-update_readonly_flag", {"readonly": True})
    refused = world.act(volume, "os-attach", {"instance_uuid": SERVER, "mode": "rw"})
    assert refused.status_code == 400 and "read-only" in refused.text


def test_a_volume_is_connected_to_one_host_only(world):
    volume = world.volume()["id"]
    assert world.act(volume, "os-initialize_connection", {"connector": {"host": "host1"}}).status_code == 200
    refused = world.act(volume, "os-initialize_connection", {"connector": {"host": "elsewhere"}})
    assert refused.status_code == 400 and "another host" in refused.text
    assert world.act(volume, "os-terminate_connection", {"connector": {"host": "host1"}}).status_code == 202


def test_a_volume_with_two_attachments_is_detached_by_id_only(world):
    kind = world.volume_type("shared", extra_specs={"multiattach": "<is> True"})
    volume = world.volume(volume_type=kind)["id"]
    first, _ = world.attach(volume, server=SERVER), world.attach(volume, server=OTHER)
    refused = world.act(volume, "os-detach")
    assert refused.status_code == 400 and "More than one attachment" in refused.text
    assert world.act(volume, "os-detach", {"attachment_id": first["id"]}).status_code == 202
    assert len(world.show(volume)["attachments"]) == 1
    assert world.act(world.volume()["id"], "os-detach").status_code == 202
