"""Group snapshots: taken, shown, deleted; and what is refused."""

import pytest

from pileus_volume.errors import ToolFailed

UNKNOWN = "99999999-9999-4999-8999-999999999999"


@pytest.fixture
def grouped(world):
    """A group with two volumes."""
    world.kind = world.volume_type()
    world.of = world.group(world.kind)["id"]
    world.volumes = [world.volume(volume_type=world.kind, group_id=world.of)["id"] for _ in range(2)]
    return world


def snapshots(world, shot):
    return world.client.get(f"/v3/snapshots/detail?group_snapshot_id={shot}", version="3.70").json["snapshots"]


def break_snapshots(world, volume, call):
    """The storage host refuses this call for one volume."""
    real = getattr(world.fake, call)

    def refuse(volume_id, snapshot_id):
        if volume_id == volume:
            raise ToolFailed(tool="qemu-img", why="the disk is broken")
        return real(volume_id, snapshot_id)

    setattr(world.fake, call, refuse)
    return lambda: setattr(world.fake, call, real)


def delete(world, shot, as_=None, project="p1"):
    return world.client.delete(f"/v3/{project}/group_snapshots/{shot}", version="3.70", as_=as_)


def why(answer):
    (body,) = answer.json.values()
    return body["message"]


def test_a_group_snapshot_is_taken_and_shown(grouped):
    made = grouped.snapshot_group(grouped.of, drained=False, name="s", description="d")
    kind = grouped.show_group(grouped.of)["group_type"]
    assert made == {"id": made["id"], "name": "s", "group_type_id": kind}
    shown = grouped.show_group_snapshot(made["id"])
    assert (shown["status"], shown["group_id"], shown["description"]) == ("creating", grouped.of, "d")
    assert delete(grouped, made["id"]).status_code == 400
    grouped.drain()
    assert grouped.show_group_snapshot(made["id"]) == shown | {"status": "available"}
    found = snapshots(grouped, made["id"])
    assert {snapshot["volume_id"] for snapshot in found} == set(grouped.volumes)
    assert {(s["name"], s["description"], s["status"], s["group_snapshot_id"]) for s in found} == {
        ("s", "d", "available", made["id"])
    }
    admin = grouped.client.get(f"/v3/group_snapshots/{made['id']}", version="3.58", as_=grouped.book.admin)
    assert admin.json["group_snapshot"]["project_id"] == "p1"
    assert grouped.client.get("/v3/group_snapshots", version="3.13").status_code == 404


def test_volumes_in_use_are_snapshotted(grouped):
    grouped.attach(grouped.volumes[0])
    shot = grouped.snapshot_group(grouped.of)
    assert shot["status"] == "available" and len(snapshots(grouped, shot["id"])) == 2


def test_lists(grouped):
    ids = [grouped.snapshot_group(grouped.of, name=f"s{i}")["id"] for i in range(3)]
    listed = grouped.client.get("/v3/p1/group_snapshots", version="3.70").json["group_snapshots"]
    assert listed == [{"id": ids[i], "name": f"s{i}"} for i in (2, 1, 0)]
    page = grouped.client.get("/v3/p1/group_snapshots/detail?limit=2&sort=name:asc&with_count=true", version="3.70")
    assert [shot["name"] for shot in page.json["group_snapshots"]] == ["s0", "s1"] and page.json["count"] == 3
    assert page.json["group_snapshot_links"][0]["rel"] == "next"
    for query, found in (("name=s1", 1), (f"group_id={grouped.of}", 3), ("status=error", 0), (f"marker={ids[1]}", 1)):
        answer = grouped.client.get(f"/v3/group_snapshots?{query}", version="3.70")
        assert len(answer.json["group_snapshots"]) == found, query
    assert grouped.client.get("/v3/group_snapshots?nonsense=1", version="3.70").status_code == 400
    other = grouped.client.get("/v3/p2/group_snapshots", version="3.70", as_=grouped.book.other)
    assert other.json == {"group_snapshots": []}


def test_a_group_snapshot_is_deleted_with_its_snapshots(grouped):
    shot = grouped.snapshot_group(grouped.of)["id"]
    assert why(grouped.delete_group(grouped.of)) == "Invalid Group: Group has existing snapshots."
    assert delete(grouped, shot).status_code == 202
    assert grouped.show_group_snapshot(shot)["status"] == "deleting"
    grouped.drain()
    assert grouped.client.get(f"/v3/group_snapshots/{shot}", version="3.70").status_code == 404
    assert grouped.client.get("/v3/snapshots").json == {"snapshots": []}
    assert not any(grouped.fake.snapshots.values())
    assert grouped.delete_group(grouped.of).status_code == 202


def test_snapshots_of_a_group_snapshot_are_deleted_with_it_only(grouped):
    shot = grouped.snapshot_group(grouped.of)["id"]
    member = snapshots(grouped, shot)[0]
    refused = grouped.client.delete(f"/v3/snapshots/{member['id']}")
    assert refused.status_code == 400 and "must not be part of a group" in why(refused)
    forced = grouped.client.post(
        f"/v3/snapshots/{member['id']}/action", json={"os-force_delete": {}}, as_=grouped.book.admin
    )
    assert forced.status_code == 400
    out = {"group": {"remove_volumes": member["volume_id"]}}
    assert grouped.client.put(f"/v3/groups/{grouped.of}", json=out, version="3.70").status_code == 202
    cascading = grouped.client.delete(f"/v3/volumes/{member['volume_id']}?cascade=true")
    assert cascading.status_code == 400 and shot in why(cascading)
    assert (
        grouped.client.post("/v3/volume-transfers", json={"transfer": {"volume_id": member["volume_id"]}}).status_code
        == 400
    )
    assert grouped.client.get(f"/v3/snapshots/{member['id']}").json["snapshot"]["status"] == "available"
    assert delete(grouped, shot).status_code == 202
    grouped.drain()
    assert grouped.client.delete(f"/v3/volumes/{member['volume_id']}").status_code == 202


def test_requests_that_are_refused(grouped):
    for asked, status in (
        ({}, 400),
        ({"group_id": "x"}, 400),
        ({"group_id": UNKNOWN}, 404),
        ({"group_id": grouped.of, "nonsense": 1}, 400),
        ({"group_id": grouped.of, "name": "n" * 256}, 400),
    ):
        refused = grouped.client.post("/v3/p1/group_snapshots", json={"group_snapshot": asked}, version="3.70")
        assert refused.status_code == status, asked
    foreign = grouped.client.post(
        "/v3/p2/group_snapshots",
        json={"group_snapshot": {"group_id": grouped.of}},
        version="3.70",
        as_=grouped.book.other,
    )
    assert foreign.status_code == 404
    shot = grouped.snapshot_group(grouped.of)["id"]
    for method in ("GET", "DELETE"):
        assert (
            grouped.client.request(
                method, f"/v3/p2/group_snapshots/{shot}", version="3.70", as_=grouped.book.other
            ).status_code
            == 404
        )
    grouped.client.put("/v3/os-quota-sets/p1", json={"quota_set": {"snapshots": 3}}, as_=grouped.book.admin)
    over = grouped.client.post(
        "/v3/p1/group_snapshots", json={"group_snapshot": {"group_id": grouped.of}}, version="3.70"
    )
    assert over.status_code == 413 and len(grouped.client.get("/v3/snapshots").json["snapshots"]) == 2


def test_when_one_fails_none_stays(grouped):
    break_snapshots(grouped, grouped.volumes[1], "snapshot")
    shot = grouped.snapshot_group(grouped.of)
    assert shot["status"] == "error" and grouped.client.get("/v3/snapshots").json == {"snapshots": []}
    assert not any(grouped.fake.snapshots.values())
    messages = grouped.client.get(f"/v3/messages?resource_uuid={shot['id']}", version="3.70").json["messages"]
    assert "the disk is broken" in messages[0]["user_message"]
    assert delete(grouped, shot["id"]).status_code == 202
    grouped.drain()
    assert grouped.client.get(f"/v3/group_snapshots/{shot['id']}", version="3.70").status_code == 404
    assert grouped.client.get("/v3/limits").json["limits"]["absolute"]["totalSnapshotsUsed"] == 0


def test_a_group_snapshot_in_error_deleting_is_deleted_again(grouped):
    shot = grouped.snapshot_group(grouped.of)["id"]
    mend = break_snapshots(grouped, grouped.volumes[1], "delete_snapshot")
    assert delete(grouped, shot).status_code == 202
    grouped.drain()
    assert grouped.show_group_snapshot(shot)["status"] == "error_deleting"
    assert [snapshot["status"] for snapshot in snapshots(grouped, shot)] == ["error_deleting"]
    mend()
    assert delete(grouped, shot).status_code == 202
    grouped.drain()
    assert grouped.client.get(f"/v3/group_snapshots/{shot}", version="3.70").status_code == 404


def test_administrators_reset_a_status(grouped):
    shot, admin = grouped.snapshot_group(grouped.of)["id"], grouped.book.admin

    def reset(status, as_=admin, version="3.19"):
        return grouped.client.post(
            f"/v3/p1/group_snapshots/{shot}/action", as_=as_, version=version, json={"reset_status": {"status": status}}
        )

    for status in ("creating", "available", "error"):
        assert reset(status).status_code == 202 and grouped.show_group_snapshot(shot)["status"] == status
    assert reset("x").status_code == reset("error", version="3.18").status_code == 400
    assert reset("error", as_=grouped.book.member).status_code == 403
    assert delete(grouped, shot).status_code == 202
