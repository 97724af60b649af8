"""Backups: made, chained, restored, carried elsewhere; and what is refused."""

import base64
import json
import zlib

import pytest

from pileus_kit.testing.callers import make_caller
from pileus_volume.db.models import Backup

UNKNOWN = "99999999-9999-4999-8999-999999999999"
IMAGE = "11111111-1111-4111-8111-111111111111"


def restore(world, backup, as_=None, **asked):
    return world.client.post(f"/v3/p1/backups/{backup['id']}/restore", json={"restore": asked}, as_=as_)


def write(world, volume, content):
    """As if a guest had: the fake backend keeps a line for each disk."""
    world.fake.origins[volume["id"]] = content


def record_of(world, backup):
    answer = world.client.get(f"/v3/p1/backups/{backup['id']}/export_record", as_=world.book.admin)
    assert answer.status_code == 200, answer.text
    return answer.json["backup-record"]


def changed(record, **values):
    facts = json.loads(base64.b64decode(record["backup_url"])) | values
    return record | {"backup_url": base64.b64encode(json.dumps(facts).encode()).decode()}


def take_in(world, record, as_=None):
    return world.client.post(
        "/v3/p1/backups/import_record", json={"backup-record": record}, as_=as_ or world.book.admin
    )


def test_made_and_shown(stored):
    volume = stored.volume(name="v", metadata={"a": "b"})
    made = stored.back_up(volume["id"], name=" daily ", description="d", metadata={"k": "1"})
    assert made["status"] == "available" and made["name"] == "daily" and made["metadata"] == {"k": "1"}
    assert (made["size"], made["object_count"], made["container"]) == (1, 2, "volumebackups")
    assert (made["is_incremental"], made["has_dependent_backups"], made["fail_reason"]) == (False, False, None)
    assert made["data_timestamp"] == made["created_at"] and made["volume_id"] == volume["id"]
    assert made["user_id"] == "u-member" and made["encryption_key_id"] is None and made["links"][0]["rel"] == "self"
    assert "os-backup-project-attr:project_id" not in made
    shown = stored.client.get(f"/v3/p1/backups/{made['id']}", version="3.18", as_=stored.book.admin).json["backup"]
    assert shown["os-backup-project-attr:project_id"] == "p1" and "metadata" not in shown
    assert len(stored.objects()) == 2 and all(name.startswith(f"volume_{volume['id']}/") for name in stored.objects())
    assert stored.show(volume["id"])["status"] == "available"


def test_the_objects_are_in_the_account_of_their_project_and_hide_their_key(stored):
    stored.back_up(stored.volume()["id"], container="mine")
    assert len(stored.objects("mine")) == 2
    headers = stored.store.client.head("/v1/AUTH_p1/mine", as_=stored.book.reader).headers
    assert not [name for name in headers.keys() if "temp-url" in name.lower()]  # noqa: SIM118


def test_restored_to_a_new_volume_with_what_was_known_of_it(stored):
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


def test_restored_over_a_volume(stored):
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


def test_an_incremental_one_stores_what_has_changed(stored):
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


def test_what_others_build_upon_stays(stored):
    volume = stored.volume()
    first, second = stored.back_up(volume["id"]), stored.back_up(volume["id"], incremental=True)
    refused = stored.client.delete(f"/v3/p1/backups/{first['id']}")
    assert refused.status_code == 400
    assert refused.json["badRequest"]["message"] == "Invalid backup: Incremental backups exist for this backup."
    for backup in (second, first):
        assert stored.client.delete(f"/v3/p1/backups/{backup['id']}").status_code == 202
        stored.drain()
    assert stored.objects() == []


def test_of_a_snapshot(stored):
    volume = stored.volume()
    snapshot = stored.snapshot(volume["id"])
    made = stored.back_up(volume["id"], drained=False, snapshot_id=snapshot["id"])
    assert stored.client.get(f"/v3/snapshots/{snapshot['id']}").json["snapshot"]["status"] == "backing-up"
    assert stored.show(volume["id"])["status"] == "available"
    stored.drain()
    shown = stored.backup(made["id"])
    assert (shown["status"], shown["snapshot_id"]) == ("available", snapshot["id"])
    assert shown["data_timestamp"] == snapshot["created_at"]
    assert stored.client.get(f"/v3/snapshots/{snapshot['id']}").json["snapshot"]["status"] == "available"


def test_of_a_volume_in_use(stored):
    volume = stored.volume()
    stored.attach(volume["id"])
    refused = stored.client.post("/v3/p1/backups", json={"backup": {"volume_id": volume["id"]}})
    assert refused.status_code == 400 and "force" in refused.json["badRequest"]["message"]
    made = stored.back_up(volume["id"], drained=False, force=True)
    assert stored.show(volume["id"])["status"] == "backing-up"
    stored.drain()
    assert stored.backup(made["id"])["status"] == "available" and stored.show(volume["id"])["status"] == "in-use"


@pytest.mark.parametrize(
    "asked, status",
    [
        ({"volume_id": UNKNOWN}, 404),
        ({"volume_id": "x"}, 400),
        ({}, 400),
        ({"container": "a/b"}, 400),
        ({"container": ".."}, 400),
        ({"container": "a" * 256}, 400),
        ({"snapshot_id": UNKNOWN}, 404),
        ({"incremental": True}, 400),
        ({"incremental": "perhaps"}, 400),
        ({"name": "a" * 256}, 400),
        ({"nonsense": 1}, 400),
        ({"availability_zone": "moon"}, 400),
        ({"metadata": {"a": 1}}, 400),
    ],
)
def test_refused(stored, asked, status):
    volume = stored.volume()
    wish = {"volume_id": volume["id"], **asked} if asked else {}
    answer = stored.client.post("/v3/p1/backups", json={"backup": wish}, version="3.70")
    assert answer.status_code == status, answer.text
    assert stored.show(volume["id"])["status"] == "available" and stored.objects() == []


def test_of_others_there_are_none(stored):
    backup = stored.back_up(stored.volume()["id"])
    path, other = f"/v3/p2/backups/{backup['id']}", stored.book.other
    foreign = stored.client.post("/v3/p2/volumes", json={"volume": {"size": 1}}, as_=other).json["volume"]["id"]
    stored.drain()
    for method, at, body in (
        ("GET", "", None),
        ("DELETE", "", None),
        ("PUT", "", {"backup": {"name": "x"}}),
        ("POST", "/restore", {"restore": {}}),
    ):
        answer = stored.client.request(method, path + at, json=body, as_=other, version="3.70")
        assert answer.status_code == 404, (method, answer.text)
    assert stored.client.get("/v3/p2/backups", as_=other).json == {"backups": []}
    assert restore(stored, backup, volume_id=foreign).status_code == 404
    ask = {"volume": {"backup_id": backup["id"], "size": 1}}
    assert stored.client.post("/v3/p2/volumes", json=ask, as_=other, version="3.47").status_code == 404


def test_restoring_is_refused_where_it_does_not_fit_or_the_volume_is_not_free(stored):
    large, small = stored.volume(size=2), stored.volume(size=1)
    backup = stored.back_up(large["id"])
    refused = restore(stored, backup, volume_id=small["id"])
    assert refused.status_code == 400 and "too small" in refused.json["badRequest"]["message"]
    stored.attach(large["id"])
    assert restore(stored, backup, volume_id=large["id"]).status_code == 400
    assert stored.backup(backup["id"])["status"] == "available"
    assert restore(stored, backup).status_code == 202 and restore(stored, backup).status_code == 400  # one at a time


def test_quotas_count_backups(stored):
    volume = stored.volume(size=2)
    limits = {"quota_set": {"backups": 2, "backup_gigabytes": 3}}
    stored.client.put("/v3/os-quota-sets/p1", json=limits, as_=stored.book.admin)
    stored.back_up(volume["id"])
    body = {"backup": {"volume_id": volume["id"]}}
    refused = stored.client.post("/v3/p1/backups", json=body)
    assert refused.status_code == 413 and "BackupSizeExceedsAvailableQuota" in refused.json["overLimit"]["message"]
    stored.client.put(
        "/v3/os-quota-sets/p1", json={"quota_set": {"backups": 1, "backup_gigabytes": -1}}, as_=stored.book.admin
    )
    refused = stored.client.post("/v3/p1/backups", json=body)
    assert refused.status_code == 413 and "BackupLimitExceeded" in refused.json["overLimit"]["message"]
    used = stored.client.get("/v3/limits").json["limits"]["absolute"]
    assert (used["totalBackupsUsed"], used["totalBackupGigabytesUsed"]) == (1, 2)
    usage = stored.client.get("/v3/os-quota-sets/p1?usage=true").json["quota_set"]
    assert usage["backups"]["in_use"] == 1 and usage["backup_gigabytes"]["in_use"] == 2
    assert stored.show(volume["id"])["status"] == "available"


def test_lists(stored):
    volume = stored.volume()
    ids = [stored.back_up(volume["id"], name=f"b{i}")["id"] for i in range(3)]
    listed = stored.client.get("/v3/p1/backups", version="3.70").json["backups"]
    assert [b["id"] for b in listed] == ids[::-1] and set(listed[0]) == {"id", "name", "links"}
    page = stored.client.get("/v3/p1/backups/detail?limit=2&sort=name:asc&with_count=true", version="3.70").json
    assert [b["name"] for b in page["backups"]] == ["b0", "b1"] and page["count"] == 3
    rest = stored.client.get(f"/v3/p1/backups?sort=name:asc&marker={ids[1]}", version="3.70").json["backups"]
    assert [b["name"] for b in rest] == ["b2"] and page["backups_links"][0]["rel"] == "next"
    for query, found in (("name=b1", 1), (f"volume_id={volume['id']}", 3), ("status=error", 0), ("name~=b", 3)):
        assert len(stored.client.get(f"/v3/backups?{query}", version="3.70").json["backups"]) == found, query
    assert stored.client.get("/v3/backups?nonsense=1", version="3.70").status_code == 400
    everybody = stored.client.get("/v3/backups?all_tenants=1", as_=stored.book.admin).json["backups"]
    assert len(everybody) == 3


def test_changed(stored):
    backup = stored.back_up(stored.volume()["id"], name="old", metadata={"a": "b"})
    path = f"/v3/p1/backups/{backup['id']}"
    assert stored.client.put(path, json={"backup": {"name": "new"}}, version="3.8").status_code == 404
    assert stored.client.put(path, json={"backup": {"metadata": {}}}, version="3.9").status_code == 400
    answer = stored.client.put(path, json={"backup": {"name": "new", "metadata": {"c": "d"}}}, version="3.43")
    assert answer.status_code == 200 and answer.json["backup"]["name"] == "new"
    assert stored.backup(backup["id"])["metadata"] == {"c": "d"}


def test_a_cloud_without_an_object_store_says_so(world):
    volume = world.volume()
    refused = world.client.post("/v3/p1/backups", json={"backup": {"volume_id": volume["id"]}})
    assert refused.status_code == 503 and "objectstore" in refused.text
    assert world.show(volume["id"])["status"] == "available"


def test_what_fails_is_in_error_and_says_why(stored):
    volume = stored.volume()
    quota = {"X-Container-Meta-Quota-Count": "0"}
    assert stored.store.client.put("/v1/AUTH_p1/full", headers=quota, as_=stored.book.member).status_code == 201
    shown = stored.back_up(volume["id"], container="full")
    assert shown["status"] == "error" and "413" in shown["fail_reason"]
    assert stored.show(volume["id"])["status"] == "available" and not stored.fake.snapshots[volume["id"]]
    told = stored.client.get("/v3/messages", version="3.70").json["messages"]
    assert [(m["resource_type"], m["event_id"]) for m in told] == [("VOLUME_BACKUP", "VOLUME_VOLUME_BACKUP_013_001")]


@pytest.mark.parametrize("damage", ["changed", "truncated", "bomb", "missing", "manifest"])
def test_what_was_tampered_with_is_not_restored(stored, damage):
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
    told = stored.client.get("/v3/messages", version="3.70").json["messages"]
    assert "refused" in told[0]["user_message"]
    assert stored.client.delete(f"/v3/p1/volumes/{volume['id']}").status_code == 202


def test_deleted_though_the_container_is_gone(stored):
    backup = stored.back_up(stored.volume()["id"])
    for name in stored.objects():
        stored.store.client.delete(f"/v1/AUTH_p1/volumebackups/{name}", as_=stored.book.member)
    stored.store.drain()
    assert stored.store.client.delete("/v1/AUTH_p1/volumebackups", as_=stored.book.member).status_code == 204
    assert stored.client.delete(f"/v3/p1/backups/{backup['id']}").status_code == 202
    stored.drain()
    assert stored.client.get(f"/v3/p1/backups/{backup['id']}").status_code == 404


@pytest.mark.parametrize("made", [True, False])
def test_the_container_goes_after_the_backup_was_told_to(stored, made):
    """As when a client removes all that a project has at once. The service's right was in the container's ACL."""
    backup = stored.back_up(stored.volume()["id"], drained=made)
    path = f"/v3/p1/backups/{backup['id']}"
    forced = {"json": {"os-force_delete": {}}, "as_": stored.book.admin}
    asked = stored.client.delete(path) if made else stored.client.post(f"{path}/action", **forced)
    assert asked.status_code == 202
    for name in stored.objects():
        stored.store.client.delete(f"/v1/AUTH_p1/volumebackups/{name}", as_=stored.book.member)
    stored.store.drain()
    assert stored.store.client.delete("/v1/AUTH_p1/volumebackups", as_=stored.book.member).status_code == 204
    stored.drain()
    assert stored.client.get(path).status_code == 404


def test_a_container_that_was_not_opened_and_refuses_is_an_error(stored):
    """An administrator of another project can't open it: its objects are there, and the backup is not forgotten."""
    backup, operator = (
        stored.back_up(stored.volume()["id"]),
        stored.book.add(make_caller("operator", "admin", project="p9")),
    )
    closed = {"X-Container-Read": "", "X-Container-Write": ""}
    assert (
        stored.store.client.post("/v1/AUTH_p1/volumebackups", headers=closed, as_=stored.book.member).status_code == 204
    )
    assert stored.client.delete(f"/v3/backups/{backup['id']}", as_=operator).status_code == 202
    stored.drain()
    assert stored.backup(backup["id"])["status"] == "error_deleting" and stored.objects()


def test_keys_that_their_owner_has_set_are_left_alone(stored):
    keys = {"X-Container-Meta-Temp-URL-Key": "first", "X-Container-Meta-Temp-URL-Key-2": "second"}
    member, store = stored.book.member, stored.store.client
    assert store.put("/v1/AUTH_p1/full", headers=keys, as_=member).status_code == 201
    volume = stored.volume()["id"]
    refused = stored.client.post("/v3/backups", json={"backup": {"volume_id": volume, "container": "full"}})
    assert refused.status_code == 400 and "another container" in refused.text
    assert (
        store.put("/v1/AUTH_p1/half", headers={"X-Container-Meta-Temp-URL-Key-2": "second"}, as_=member).status_code
        == 201
    )
    assert stored.back_up(volume, container="half")["status"] == "available"
    now = store.head("/v1/AUTH_p1/half", as_=member).headers
    assert now["X-Container-Meta-Temp-Url-Key-2"] == "second" and now["X-Container-Meta-Temp-Url-Key"] != "first"


def test_the_volume_service_reaches_the_container_of_backups_only(stored):
    """It has the role service, which gives no right in the object store: the container's ACL names its user."""
    member, service, store = stored.book.member, stored.book.service, stored.store.client
    store.put("/v1/AUTH_p1/private", as_=member)
    store.put("/v1/AUTH_p1/volumebackups", headers={"X-Container-Read": "p5:u5"}, as_=member)
    stored.back_up(stored.volume()["id"])
    acl = store.head("/v1/AUTH_p1/volumebackups", as_=member).headers
    assert acl["X-Container-Read"] == "p5:u5,service:u-service" and acl["X-Container-Write"] == "service:u-service"
    assert store.get("/v1/AUTH_p1/volumebackups", as_=service).status_code == 200
    for path in ("/v1/AUTH_p1", "/v1/AUTH_p1/private", "/v1/AUTH_p1/private/object", "/v1/AUTH_p2"):
        assert store.get(path, as_=service).status_code == 403, path


def test_a_container_that_its_owner_closed_is_opened_by_their_next_call(stored):
    backup = stored.back_up(stored.volume()["id"])
    closed = {"X-Container-Read": "", "X-Container-Write": "", "X-Container-Meta-Temp-URL-Key-2": "other"}
    path = "/v1/AUTH_p1/volumebackups"
    assert stored.store.client.post(path, headers=closed, as_=stored.book.member).status_code == 204
    volume = restore(stored, backup).json["restore"]["volume_id"]
    stored.drain()
    assert stored.show(volume)["status"] == "available"
    assert stored.store.client.post(path, headers=closed, as_=stored.book.member).status_code == 204
    assert stored.client.delete(f"/v3/p1/backups/{backup['id']}").status_code == 202
    stored.drain()
    assert stored.client.get(f"/v3/p1/backups/{backup['id']}").status_code == 404 and stored.objects() == []


def test_carried_to_another_cloud(stored):
    backup = stored.back_up(stored.volume()["id"], name="b")
    record = record_of(stored, backup)
    assert take_in(stored, record).status_code == 400  # it is here already
    other = "88888888-8888-4888-8888-888888888888"
    answer = take_in(stored, changed(record, id=other))
    assert answer.status_code == 201 and answer.json["backup"]["id"] == other
    stored.drain()
    assert stored.backup(other)["status"] == "available"
    target = restore(stored, {"id": other}).json["restore"]["volume_id"]
    stored.drain()
    assert stored.fake.origins[target] == "blank"


@pytest.mark.parametrize(
    "values",
    [
        {"id": "../x"},
        {"size": 0},
        {"size": "1"},
        {"container": "a/b"},
        {"account": "../p2"},
        {"prefix": ""},
        {"prefix": "volume_x/../../"},
        {"digest": "x"},
        {"data_timestamp": "never"},
        {"meta": {"a": 1}},
        {"volume_id": None},
    ],
)
def test_a_record_that_is_none(stored, values):
    record = record_of(stored, stored.back_up(stored.volume()["id"]))
    refused = take_in(stored, changed(record, **({"id": UNKNOWN} | values)))
    assert refused.status_code == 400, refused.text
    for text in ("!", "e30=", base64.b64encode(b"[" * 100_000).decode()):
        assert take_in(stored, record | {"backup_url": text}).status_code == 400
    assert take_in(stored, record | {"backup_service": "cinder.backup.drivers.swift"}).status_code == 400


def test_an_imported_one_without_objects_is_in_error(stored):
    record = record_of(stored, stored.back_up(stored.volume()["id"]))
    assert take_in(stored, changed(record, id=UNKNOWN, container="elsewhere")).status_code == 201
    stored.drain()
    shown = stored.backup(UNKNOWN)
    assert shown["status"] == "error" and "elsewhere" in shown["fail_reason"]


def test_administrators_reset_and_force(stored):
    volume = stored.volume()
    making = stored.back_up(volume["id"], drained=False)
    path, admin = f"/v3/p1/backups/{making['id']}", stored.book.admin
    assert stored.client.delete(path).status_code == 400
    assert stored.client.post(f"{path}/action", json={"os-force_delete": {}}, as_=admin).status_code == 202
    stored.drain()
    assert stored.client.get(path).status_code == 404 and stored.show(volume["id"])["status"] == "available"
    made = stored.back_up(volume["id"])
    path = f"/v3/p1/backups/{made['id']}"
    reset = {"os-reset_status": {"status": "error"}}
    assert stored.client.post(f"{path}/action", json=reset).status_code == 403
    assert stored.client.post(f"{path}/action", json={"os-reset_status": {"status": "x"}}, as_=admin).status_code == 400
    assert stored.client.post(f"{path}/action", json=reset, as_=admin).status_code == 202
    assert stored.backup(made["id"])["status"] == "error" and restore(stored, made).status_code == 400
    assert stored.client.delete(path).status_code == 202
    stored.drain()
    with stored.sessions.read() as session:
        assert session.query(Backup).count() == 0
    assert stored.objects() == []
