"""What each caller is answered by every route and every action, against tables that were reviewed line by line."""

from pathlib import Path

from pileus_kit.testing import assert_policy_matrix, assert_table
from pileus_volume.api import attachments, backups, group_snapshots, groups, snapshots, types, volume_actions

HERE = Path(__file__).parent


def test_matrix(world):
    assert_policy_matrix(
        world.app, world.book, HERE / "policy_matrix.txt", headers={"OpenStack-API-Version": "volume 3.70"}
    )


def test_the_policy_of_each_action(stored):
    """Every action of a resource in p1, with a body that fits none of them.

    The body is checked before the resource is read, so a 400 tells other projects nothing.
    """
    world, book = stored, stored.book
    actors = {
        "none": None,
        "expired": book.expired,
        "revoked": book.revoked,
        "nobody": book.without_roles,
        "reader": book.reader,
        "other": book.other,
        "member": book.member,
        "manager": book.manager,
        "admin": book.admin,
    }
    lines = [f"{'':46}{'rule':62}" + " ".join(f"{name:>8}" for name in actors)]
    volume = world.volume()["id"]
    held = {"attachment": {"volume_uuid": volume, "instance_uuid": volume}}
    attachment = world.client.post("/v3/attachments", json=held, version="3.70").json["attachment"]["id"]
    kind = world.client.post("/v3/types", json={"volume_type": {"name": "t"}}, as_=book.admin).json["volume_type"]["id"]
    group = world.group(kind)["id"]
    things = {
        "volumes": volume,
        "snapshots": world.snapshot(world.volume()["id"])["id"],
        "attachments": attachment,
        "types": kind,
        "backups": world.back_up(world.volume()["id"])["id"],
        "groups": group,
        "group_snapshots": world.snapshot_group(group)["id"],
    }
    for noun, actions in (
        ("volumes", volume_actions.actions),
        ("snapshots", snapshots.actions),
        ("attachments", attachments.actions),
        ("types", types.actions),
        ("backups", backups.actions),
        ("groups", groups.actions),
        ("group_snapshots", group_snapshots.actions),
    ):
        for action in sorted(actions, key=lambda action: action.name):
            seen = [
                world.client.post(
                    f"/v3/{noun}/{things[noun]}/action",
                    json={action.name: ["fits", "nothing"]},
                    as_=who,
                    anonymous=who is None,
                    version="3.70",
                ).status_code
                for who in actors.values()
            ]
            assert seen[:3] == [401, 401, 401], f"{noun} {action.name}: {seen}"
            assert not {200, 202, 204} & set(seen), f"{noun} {action.name}: {seen}"
            lines.append(f"{noun:16}{action.name:30}{action.policy:62}" + " ".join(f"{status:>8}" for status in seen))
    assert_table("\n".join(lines) + "\n", HERE / "policy_of_actions.txt")
