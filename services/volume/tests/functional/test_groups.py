"""Groups of volumes: create, list, show, update, delete, and what is refused."""

import pytest

from pileus_volume.db.models import Group
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


def test_a_group_is_created_and_shown(world):
    kind = world.volume_type()
    shown = world.group(kind, "__DEFAULT__", name=" g ")
    assert (shown["status"], shown["name"], shown["description"]) == ("available", "g", None)
    assert (shown["availability_zone"], shown["replication_status"], shown["volumes"]) == ("nova", "disabled", [])
    assert (shown["group_snapshot_id"], shown["source_group_id"], "project_id" in shown) == (None, None, False)
    assert len(shown["volume_types"]) == 2 and kind in shown["volume_types"]
    path = f"/v3/p1/groups/{shown['id']}"
    assert set(world.client.get(path, version="3.13").json["group"]) == {
        "id",
        "status",
        "availability_zone",
        "created_at",
        "name",
        "description",
        "group_type",
        "volume_types",
    }
    admin = world.client.get(path, version="3.58", as_=world.book.admin).json["group"]
    assert admin["project_id"] == "p1" and "volumes" not in admin
    assert world.client.get(path, version="3.12").status_code == 404


def test_lists(world):
    kind = world.volume_type()
    ids = [world.group(kind, name=f"g{i}")["id"] for i in range(3)]
    volume = world.volume(volume_type=kind, group_id=ids[1])["id"]
    listed = world.client.get("/v3/p1/groups", version="3.70").json["groups"]
    assert listed == [{"id": ids[i], "name": f"g{i}"} for i in (2, 1, 0)]
    page = world.client.get(
        "/v3/p1/groups/detail?limit=2&sort=name:asc&with_count=true&list_volume=true", version="3.70"
    ).json
    assert [group["volumes"] for group in page["groups"]] == [[], [volume]] and page["count"] == 3
    assert page["group_links"][0]["rel"] == "next"
    for query, found in (("name=g1", 1), ("status=error", 0), ("name~=g", 3), (f"marker={ids[1]}", 1)):
        assert len(world.client.get(f"/v3/groups?{query}", version="3.70").json["groups"]) == found, query
    assert world.client.get("/v3/groups?nonsense=1", version="3.70").status_code == 400
    of_all_projects = world.client.get("/v3/groups?all_tenants=1", version="3.70", as_=world.book.admin)
    assert len(of_all_projects.json["groups"]) == 3
    assert world.client.get("/v3/p2/groups", version="3.70", as_=world.book.other).json == {"groups": []}


@pytest.mark.parametrize(
    "asked, status",
    [
        ({}, 400),
        ({"group_type": "none"}, 404),
        ({"group_type": UNKNOWN}, 404),
        ({"volume_types": []}, 400),
        ({"volume_types": ["none"]}, 404),
        ({"volume_types": ["__DEFAULT__", "__DEFAULT__"]}, 400),
        ({"name": "n" * 256}, 400),
        ({"nonsense": 1}, 400),
        ({"availability_zone": "moon"}, 400),
    ],
)
def test_requests_that_are_refused(world, asked, status):
    world.group("__DEFAULT__")
    asked_body = {"group_type": "g", "volume_types": ["__DEFAULT__"], **asked} if asked else {}
    assert world.client.post("/v3/p1/groups", json={"group": asked_body}, version="3.70").status_code == status
    with world.sessions.read() as session:
        assert session.query(Group).count() == 1


def test_a_group_without_a_storage_host_is_in_error_with_a_message(world):
    shown = world.group("__DEFAULT__", consistent_group_snapshot_enabled="<is> True")
    assert shown["status"] == "error"
    (message,) = world.client.get("/v3/messages", version="3.70").json["messages"]
    assert message["resource_uuid"] == shown["id"] and "consistent_group_snapshot_enabled" in message["user_message"]
    refused = world.client.post(
        "/v3/group_snapshots", json={"group_snapshot": {"group_id": shown["id"]}}, version="3.70"
    )
    assert why(refused) == "Invalid Group: Group status must be available, but current status is: error."
    assert world.delete_group(shown["id"], with_volumes=False).status_code == 202
    world.drain()
    assert world.client.get(f"/v3/groups/{shown['id']}", version="3.70").status_code == 404


def test_one_host_takes_all_types_of_a_group(worlds):
    with worlds(hosts=("host1", "host2")) as world:
        for host in ("host1", "host2"):
            zone = {"extra_specs": {"volume_backend_name": "fake"}}
            world.volume_type(f"of-{host}", **zone)
        group = world.group("of-host1", "of-host2")["id"]
        placed = {
            world.volume(volume_type=kind, group_id=group)["os-vol-host-attr:host"]
            for kind in ("of-host1", "of-host2", "of-host1")
        }
        assert len(placed) == 1
        (elsewhere,) = {"host1", "host2"} - {placed.pop().partition("@")[0]}
        for disabled in {"host1", "host2"} - {elsewhere}:
            world.client.put("/v3/os-services/disable", json={"host": disabled}, as_=world.book.admin)
        outside = world.volume(volume_type="of-host1")["id"]
        refused = change(world, group, add_volumes=outside)
        assert refused.status_code == 400 and "another storage host" in why(refused)
        assert world.volume(volume_type="of-host1", group_id=group)["status"] == "error"


def test_a_volume_is_created_in_a_group(grouped):
    assert grouped.show(grouped.inside)["group_id"] == grouped.of
    assert grouped.show_group(grouped.of)["volumes"] == [grouped.inside]
    found = grouped.client.get(f"/v3/volumes?group_id={grouped.of}", version="3.10").json["volumes"]
    assert [volume["id"] for volume in found] == [grouped.inside]
    ask = {"size": 1, "volume_type": grouped.kind, "group_id": grouped.of}
    for wrong, status, text in (
        ({"volume_type": None}, 400, "volume_type must be provided when creating a volume in a group."),
        ({"volume_type": "__DEFAULT__"}, 400, "requested type must be supported by this group"),
        ({"group_id": UNKNOWN}, 404, f"Group {UNKNOWN} could not be found."),
    ):
        refused = grouped.client.post("/v3/p1/volumes", json={"volume": ask | wrong}, version="3.13")
        assert refused.status_code == status and text in why(refused)
    foreign = grouped.client.post("/v3/p2/volumes", json={"volume": ask}, version="3.13", as_=grouped.book.other)
    assert foreign.status_code == 404
    older = grouped.client.post("/v3/p1/volumes", json={"volume": ask}, version="3.12")
    assert older.status_code == 202 and grouped.show(older.json["volume"]["id"])["group_id"] is None


def test_a_group_is_updated(grouped):
    assert change(grouped, grouped.of, name=" new ", description="d").status_code == 202
    assert (
        change(grouped, grouped.of, remove_volumes=grouped.inside, add_volumes=f"{grouped.outside},").status_code == 202
    )
    shown = grouped.show_group(grouped.of)
    assert (shown["name"], shown["description"], shown["volumes"]) == ("new", "d", [grouped.outside])
    assert shown["status"] == "available" and grouped.show(grouped.inside)["group_id"] is None
    assert change(grouped, grouped.of, add_volumes=f"{grouped.inside},{grouped.outside}").status_code == 202
    assert set(grouped.show_group(grouped.of)["volumes"]) == {grouped.inside, grouped.outside}


def test_updates_that_are_refused(grouped):
    untyped, other = grouped.volume()["id"], grouped.group(grouped.kind)["id"]
    elsewhere = grouped.volume(volume_type=grouped.kind, group_id=other)["id"]
    busy = grouped.volume(volume_type=grouped.kind, drained=False)["id"]
    foreign = grouped.client.post(
        "/v3/p2/volumes",
        as_=grouped.book.other,
        version="3.13",
        json={"volume": {"size": 1, "volume_type": grouped.kind}},
    ).json["volume"]["id"]
    for asked, text in (
        ({}, "should be non-empty"),
        ({"name": "group"}, "Cannot update group"),
        ({"add_volumes": ","}, "Cannot"),
        ({"add_volumes": UNKNOWN}, "because volume cannot be found."),
        ({"add_volumes": "x"}, "cannot be found"),
        ({"add_volumes": foreign}, "because volume cannot be found."),
        ({"add_volumes": untyped}, "is not supported by the group."),
        ({"add_volumes": elsewhere}, f"because it is already in group {other}."),
        ({"add_volumes": busy}, "because volume is in an invalid state: creating."),
        ({"add_volumes": grouped.inside}, "Cannot update group"),
        ({"remove_volumes": grouped.outside}, "because it is not in the group."),
        ({"add_volumes": grouped.outside, "remove_volumes": grouped.outside}, "in both add and remove"),
        ({"add_volumes": grouped.outside, "remove_volumes": elsewhere}, "because it is not in the group."),
    ):
        refused = change(grouped, grouped.of, **asked)
        assert refused.status_code == 400 and text in why(refused), (asked, refused.text)
    admin = change(grouped, grouped.of, as_=grouped.book.admin, add_volumes=foreign)
    assert admin.status_code == 400 and "as they belong to different projects." in why(admin)
    assert grouped.show_group(grouped.of)["volumes"] == [grouped.inside]
    assert change(grouped, UNKNOWN, name="x").status_code == 404
    assert (
        grouped.client.put(
            f"/v3/p2/groups/{grouped.of}", json={"group": {"name": "x"}}, version="3.70", as_=grouped.book.other
        ).status_code
        == 404
    )


def test_a_volume_of_a_group_is_deleted_with_the_group_only(grouped):
    refused = grouped.client.delete(f"/v3/volumes/{grouped.inside}")
    assert refused.status_code == 400 and "belong to a group" in why(refused)
    assert grouped.act(grouped.inside, "os-force_delete", as_=grouped.book.admin).status_code == 400
    assert grouped.act(grouped.inside, "os-retype", {"new_type": "__DEFAULT__"}).status_code == 400
    offered = grouped.client.post("/v3/volume-transfers", json={"transfer": {"volume_id": grouped.inside}})
    assert offered.status_code == 400 and "must not be part of a group" in why(offered)
    assert grouped.show(grouped.inside)["status"] == "available"
    assert change(grouped, grouped.of, remove_volumes=grouped.inside).status_code == 202
    assert grouped.client.delete(f"/v3/volumes/{grouped.inside}").status_code == 202


def test_a_group_is_deleted_with_its_volumes(grouped):
    refused = grouped.delete_group(grouped.of, with_volumes=False)
    assert refused.status_code == 400
    assert why(refused) == (
        f"Invalid Group: Group {grouped.of} still contains volumes. The delete-volumes flag is required to delete it."
    )
    assert grouped.show_group(grouped.of)["status"] == "available"
    assert grouped.delete_group(grouped.of).status_code == 202
    assert grouped.show_group(grouped.of)["status"] == grouped.show(grouped.inside)["status"] == "deleting"
    assert change(grouped, grouped.of, name="x").status_code == 400
    assert grouped.delete_group(grouped.of).status_code == 400
    grouped.drain()
    assert grouped.client.get(f"/v3/groups/{grouped.of}", version="3.70").status_code == 404
    assert set(grouped.fake.disks) == {grouped.outside}


def test_a_group_whose_volumes_are_used_is_not_deleted(grouped):
    snapshot = grouped.snapshot(grouped.inside)["id"]
    refused = grouped.delete_group(grouped.of)
    assert refused.status_code == 400
    assert why(refused) == "Invalid Group: Volume in group still has dependent snapshots."
    grouped.client.delete(f"/v3/snapshots/{snapshot}")
    grouped.drain()
    grouped.attach(grouped.inside)
    refused = grouped.delete_group(grouped.of)
    assert refused.status_code == 400
    assert why(refused) == f"Invalid Group: Volume in group {grouped.of} is attached. Need to detach first."
    assert grouped.show_group(grouped.of)["status"] == "available"
    assert (
        grouped.client.post(
            f"/v3/p2/groups/{grouped.of}/action", json={"delete": {}}, version="3.70", as_=grouped.book.other
        ).status_code
        == 404
    )


def test_a_volume_that_can_not_be_deleted_keeps_its_group(grouped):
    mend = break_disk(grouped, grouped.inside, "delete")
    second = grouped.volume(volume_type=grouped.kind, group_id=grouped.of)["id"]
    assert grouped.delete_group(grouped.of).status_code == 202
    grouped.drain()
    shown = grouped.show_group(grouped.of)
    assert (shown["status"], shown["volumes"]) == ("error_deleting", [grouped.inside])
    messages = grouped.client.get(f"/v3/messages?resource_uuid={grouped.of}", version="3.70").json["messages"]
    assert "the disk is broken" in messages[0]["user_message"] and second not in grouped.fake.disks
    mend()
    assert grouped.delete_group(grouped.of, with_volumes=False).status_code == 400
    assert grouped.delete_group(grouped.of).status_code == 202
    grouped.drain()
    assert grouped.client.get(f"/v3/groups/{grouped.of}", version="3.70").status_code == 404


def test_a_group_whose_volume_is_being_created_is_deleted(grouped):
    making = grouped.volume(volume_type=grouped.kind, group_id=grouped.of, drained=False)["id"]
    assert grouped.delete_group(grouped.of).status_code == 202
    grouped.drain()
    assert grouped.client.get(f"/v3/volumes/{making}").status_code == 404
    assert grouped.client.get("/v3/groups", version="3.70").json == {"groups": []}


def test_groups_count_towards_quotas(grouped):
    grouped.client.put("/v3/os-quota-sets/p1", json={"quota_set": {"groups": 1}}, as_=grouped.book.admin)
    ask = {"group": {"group_type": "g", "volume_types": [grouped.kind]}}
    refused = grouped.client.post("/v3/p1/groups", json=ask, version="3.70")
    assert refused.status_code == 413 and "GroupLimitExceeded" in refused.json["overLimit"]["message"]
    assert grouped.copy_group(source_group_id=grouped.of).status_code == 413
    usage = grouped.client.get("/v3/os-quota-sets/p1?usage=true").json["quota_set"]["groups"]
    assert usage == {"limit": 1, "in_use": 1, "reserved": 0}


def test_administrators_reset_a_status(grouped):
    path, admin = f"/v3/p1/groups/{grouped.of}/action", grouped.book.admin

    def reset(status, as_=admin, version="3.20"):
        return grouped.client.post(path, json={"reset_status": {"status": status}}, as_=as_, version=version)

    for status in ("creating", "available", "error"):
        assert reset(status).status_code == 202 and grouped.show_group(grouped.of)["status"] == status
    ask = {"size": 1, "volume_type": grouped.kind, "group_id": grouped.of}
    refused = grouped.client.post("/v3/p1/volumes", json={"volume": ask}, version="3.13")
    assert refused.status_code == 400 and "Group status must be available" in why(refused)
    assert reset("x").status_code == reset("error", version="3.19").status_code == 400
    assert reset("error", as_=grouped.book.member).status_code == 403


@pytest.mark.parametrize(
    "action", ["enable_replication", "disable_replication", "failover_replication", "list_replication_targets"]
)
def test_replication_is_refused(grouped, action):
    def ask(group, version="3.38", body=None):
        return grouped.client.post(f"/v3/p1/groups/{group}/action", json={action: body or {}}, version=version)

    refused = ask(grouped.of)
    assert refused.status_code == 400
    assert why(refused) == f"Invalid group type: Group {grouped.of} is not a replication group type."
    assert ask(grouped.of, version="3.37").status_code == 400 and ask(UNKNOWN).status_code == 404
    other = grouped.group(grouped.kind, kind="replicated", group_replication_enabled="<is> True")["id"]
    assert ask(other).status_code == 501
