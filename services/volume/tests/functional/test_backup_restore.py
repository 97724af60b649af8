"""Restoring backups, incremental ones too, and refusing those whose objects were changed."""

import json
import zlib

import pytest

IMAGE = "11111111-1111-4111-8111-111111111111"


def restore(world, backup, as_=None, **asked):
    return world.client.post(f"/v3/p1/backups/{backup['id']}/restore", json={"restore": asked}, as_=as_)


def write(world, volume, content):
    """As if a guest had: the fake backend keeps a line for each disk."""
    world.fake.origins[volume["id"]] = content


def test_a_backup_is_restored_to_a_new_volume_with_its_metadata(stored):
    volume = stored.volume(imageRef=IMAGE, metadata={"a": "b"})
    backup = stored.back_up(volume["id"])
    stored.client.delete(f"/v3/p1/volumes/{volume['id']}")
    stored.drain()
    answer = restore(stored, backup)
    assert answer.status_code == 202 and answer.json["restore"]["backup_id"] == backup["id"]
    assert answer.json["restore"]["volume_name"] == f"restore_backup_{backup['id']}"
    assert stored.backup(backup["id"])["status"] == "restoring"
    stored.drain()
    shown = stored.show(answer.json["restore"]["volume_id"])
    assert (shown["status"], shown["bootable"], shown["metadata"]) == ("available", "true", {"a": "b"})
    assert shown["volume_image_metadata"]["image_id"] == IMAGE
    assert stored.fake.origins[shown["id"]] == f"image {IMAGE}" and stored.backup(backup["id"])["status"] == "available"


def test_a_backup_is_restored_over_a_volume(stored):
    volume = stored.volume()
    backup = stored.back_up(volume["id"])
    write(stored, volume, "changed")
    assert restore(stored, backup, volume_id=volume["id"]).status_code == 202
    assert stored.show(volume["id"])["status"] == "restoring-backup"
    stored.drain()
    assert stored.show(volume["id"])["status"] == "available" and stored.fake.origins[volume["id"]] == "blank"


def test_a_volume_is_created_from_a_backup(stored):
    backup = stored.back_up(stored.volume()["id"])
    ask = {"volume": {"backup_id": backup["id"], "name": "n", "size": 2}}
    assert (
        stored.client.post(
            "/v3/p1/volumes", json=ask | {"volume": ask["volume"] | {"imageRef": IMAGE}}, version="3.47"
        ).status_code
        == 400
    )
    answer = stored.client.post("/v3/p1/volumes", json=ask, version="3.47")
    assert answer.status_code == 202, answer.text
    stored.drain()
    shown = stored.show(answer.json["volume"]["id"])
    assert (shown["status"], shown["size"], shown["name"]) == ("available", 2, "n")
    small = stored.back_up(shown["id"])
    refused = stored.client.post(
        "/v3/p1/volumes", json={"volume": {"backup_id": small["id"], "size": 1}}, version="3.47"
    )
    assert refused.status_code == 400 and stored.backup(small["id"])["status"] == "available"


def test_an_incremental_backup_stores_what_has_changed(stored):
    volume = stored.volume()
    first = stored.back_up(volume["id"], container="chain")
    same = stored.back_up(volume["id"], incremental=True)
    assert same["is_incremental"] and same["object_count"] == 1 and same["container"] == "chain"
    write(stored, volume, "changed")
    third = stored.back_up(volume["id"], incremental="true")
    assert third["object_count"] == 2 and len(stored.objects("chain")) == 5
    assert [stored.backup(b["id"])["has_dependent_backups"] for b in (first, same, third)] == [True, True, False]
    for backup, content in ((first, "blank"), (same, "blank"), (third, "changed")):
        target = restore(stored, backup).json["restore"]["volume_id"]
        stored.drain()
        assert stored.fake.origins[target] == content


def test_restoring_is_refused_where_it_does_not_fit_or_the_volume_is_not_free(stored):
    large, small = stored.volume(size=2), stored.volume(size=1)
    backup = stored.back_up(large["id"])
    refused = restore(stored, backup, volume_id=small["id"])
    assert refused.status_code == 400 and "too small" in refused.json["badRequest"]["message"]
    stored.attach(large["id"])
    assert restore(stored, backup, volume_id=large["id"]).status_code == 400
    assert stored.backup(backup["id"])["status"] == "available"
    assert restore(stored, backup).status_code == 202 and restore(stored, backup).status_code == 400  # one at a time


@pytest.mark.parametrize("damage", ["changed", "truncated", "bomb", "missing", "manifest"])
def test_a_backup_whose_objects_were_changed_is_not_restored(stored, damage):
    """The objects are in their owner's account, who may do with them whatever they like."""
    volume = stored.volume()
    backup = stored.back_up(volume["id"])
    chunk, manifest = stored.objects()
    path, owner = f"/v1/AUTH_p1/volumebackups/{chunk}", stored.book.member
    if damage == "missing":
        stored.store.client.delete(path, as_=owner)
    elif damage == "manifest":
        forged = {"format": 1, "chunk": 8 << 20, "size": 5, "chunks": []}
        stored.store.client.put(
            f"/v1/AUTH_p1/volumebackups/{manifest}", as_=owner, data=zlib.compress(json.dumps(forged).encode())
        )
    else:
        data = {
            "changed": zlib.compress(b"something else\n"),
            "truncated": b"\x78",
            "bomb": zlib.compress(bytes(64 << 20)),
        }[damage]
        stored.store.client.put(path, as_=owner, data=data)
    assert restore(stored, backup, volume_id=volume["id"]).status_code == 202
    write(stored, volume, "as it was")
    stored.drain()
    assert stored.show(volume["id"])["status"] == "error_restoring"
    assert stored.fake.origins[volume["id"]] == "as it was"
    messages = stored.client.get("/v3/messages", version="3.70").json["messages"]
    assert "refused" in messages[0]["user_message"]
    assert stored.client.delete(f"/v3/p1/volumes/{volume['id']}").status_code == 202
