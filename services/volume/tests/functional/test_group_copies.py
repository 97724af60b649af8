"""Copies of groups and groups from group snapshots: all volumes are created, or none stays."""

import pytest

from pileus_volume.db.models import Job
from pileus_volume.errors import ToolFailed

UNKNOWN = "99999999-9999-4999-8999-999999999999"


@pytest.fixture
def grouped(world):
    """A group with one volume, and a volume of the same type outside."""
    world.kind = world.volume_type()
    world.of = world.group(world.kind)["id"]
    world.inside = world.volume(volume_type=world.kind, group_id=world.of)["id"]
    world.outside = world.volume(volume_type=world.kind)["id"]
    return world


def change(world, group, as_=None, **asked):
    return world.client.put(f"/v3/p1/groups/{group}", json={"group": asked}, version="3.70", as_=as_)


def why(answer):
    (body,) = answer.json.values()
    return body["message"]


def break_disk(world, volume, call):
    """The storage host refuses this call for one disk."""
    real = getattr(world.fake, call)

    def refuse(disk, *args):
        if volume in (disk, getattr(disk, "volume_id", None), *args):
            raise ToolFailed(tool="qemu-img", why="the disk is broken")
        return real(disk, *args)

    setattr(world.fake, call, refuse)
    return lambda: setattr(world.fake, call, real)


def test_a_group_is_copied(grouped):
    answer = grouped.copy_group(source_group_id=grouped.of)
    assert answer.status_code == 202 and answer.json["group"]["name"] == "copy"
    copy = grouped.show_group(answer.json["group"]["id"])
    assert (copy["status"], copy["source_group_id"]) == ("creating", grouped.of)
    assert change(grouped, copy["id"], name="x").status_code == 400
    grouped.drain()
    shown = grouped.show_group(copy["id"])
    original = grouped.show_group(grouped.of)
    assert shown["status"] == "available"
    assert {key: shown[key] for key in ("group_type", "volume_types", "availability_zone")} == {
        key: original[key] for key in ("group_type", "volume_types", "availability_zone")
    }
    (volume,) = shown["volumes"]
    assert grouped.show(volume)["source_volid"] == grouped.inside and grouped.show(volume)["group_id"] == shown["id"]


def test_a_group_is_created_from_a_group_snapshot(grouped):
    shot = grouped.snapshot_group(grouped.of)["id"]
    copy = grouped.copy_group(group_snapshot_id=shot).json["group"]["id"]
    busy = grouped.client.delete(f"/v3/group_snapshots/{shot}", version="3.70")
    assert busy.status_code == 400 and "no Group can be currently using it as source" in why(busy)
    grouped.drain()
    shown = grouped.show_group(copy)
    assert (shown["status"], shown["group_snapshot_id"], shown["source_group_id"]) == ("available", shot, None)
    (member,) = grouped.client.get(f"/v3/snapshots?group_snapshot_id={shot}", version="3.70").json["snapshots"]
    assert grouped.show(shown["volumes"][0])["snapshot_id"] == member["id"]


def test_copies_that_are_refused(grouped):
    empty = grouped.group(grouped.kind)["id"]
    for source, status, text in (
        ({}, 400, ""),
        ({"source_group_id": UNKNOWN}, 404, f"Group {UNKNOWN} could not be found."),
        ({"group_snapshot_id": UNKNOWN}, 404, f"GroupSnapshot {UNKNOWN} could not be found."),
        ({"source_group_id": grouped.of, "group_snapshot_id": UNKNOWN}, 400, ""),
        ({"source_group_id": empty}, 400, "Invalid Group: Source Group is empty. No group will be created."),
        (
            {"group_snapshot_id": grouped.snapshot_group(empty)["id"]},
            400,
            "Invalid Group: Group snapshot is empty. No group will be created.",
        ),
    ):
        refused = grouped.copy_group(**source)
        assert refused.status_code == status and text in why(refused), (source, refused.text)
    ask = {"create-from-src": {"source_group_id": grouped.of}}
    assert (
        grouped.client.post("/v3/p2/groups/action", json=ask, version="3.70", as_=grouped.book.other).status_code == 404
    )
    assert grouped.client.post("/v3/p1/groups/action", json=ask, version="3.13").status_code == 404
    grouped.client.put("/v3/os-quota-sets/p1", json={"quota_set": {"volumes": 2}}, as_=grouped.book.admin)
    assert grouped.copy_group(source_group_id=grouped.of).status_code == 413
    assert len(grouped.client.get("/v3/groups", version="3.70").json["groups"]) == 2


def test_a_copy_that_fails_leaves_no_volumes(grouped):
    second = grouped.volume(volume_type=grouped.kind, group_id=grouped.of)["id"]
    break_disk(grouped, second, "create_from_snapshot")
    copy = grouped.copy_group(source_group_id=grouped.of).json["group"]["id"]
    grouped.drain()
    shown = grouped.show_group(copy)
    assert (shown["status"], shown["volumes"]) == ("error", [])
    assert set(grouped.fake.disks) == {grouped.inside, second, grouped.outside}
    messages = grouped.client.get(f"/v3/messages?resource_uuid={copy}", version="3.70").json["messages"]
    assert "the disk is broken" in messages[0]["user_message"]
    assert grouped.delete_group(copy, with_volumes=False).status_code == 202
    grouped.drain()
    with grouped.sessions.read() as session:
        assert {job.state for job in session.query(Job)} == {"done", "undone"}


def test_deleting_a_copy_cancels_its_creation(grouped):
    copy = grouped.copy_group(source_group_id=grouped.of).json["group"]["id"]
    assert grouped.delete_group(copy, with_volumes=False).status_code == 400
    assert grouped.delete_group(copy).status_code == 202
    grouped.drain()
    assert grouped.client.get(f"/v3/groups/{copy}", version="3.70").status_code == 404
    assert set(grouped.fake.disks) == {grouped.inside, grouped.outside}


def test_a_volume_in_use_of_a_failed_copy_stays(grouped):
    second = grouped.volume(volume_type=grouped.kind, group_id=grouped.of)["id"]
    break_disk(grouped, second, "create_from_snapshot")
    since = len(grouped.rung)
    copy = grouped.copy_group(source_group_id=grouped.of).json["group"]["id"]
    grouped.runner.run(grouped.rung[since])
    used = next(
        volume for volume in grouped.show_group(copy)["volumes"] if grouped.show(volume)["status"] == "available"
    )
    grouped.attach(used)
    grouped.drain()
    shown = grouped.show_group(copy)
    assert (shown["status"], shown["volumes"]) == ("error", [used]) and grouped.show(used)["status"] == "in-use"
