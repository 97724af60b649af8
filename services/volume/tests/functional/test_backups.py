"""Backups: create, list, show, update, delete, and what is refused."""

import pytest

from pileus_volume.db.models import Backup

UNKNOWN = "99999999-9999-4999-8999-999999999999"


def restore(world, backup, as_=None, **asked):
    return world.client.post(f"/v3/p1/backups/{backup['id']}/restore", json={"restore": asked}, as_=as_)


def test_a_backup_is_created_and_shown(stored):
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


def test_a_backup_with_increments_is_not_deleted(stored):
    volume = stored.volume()
    first, second = stored.back_up(volume["id"]), stored.back_up(volume["id"], incremental=True)
    refused = stored.client.delete(f"/v3/p1/backups/{first['id']}")
    assert refused.status_code == 400
    assert refused.json["badRequest"]["message"] == "Invalid backup: Incremental backups exist for this backup."
    for backup in (second, first):
        assert stored.client.delete(f"/v3/p1/backups/{backup['id']}").status_code == 202
        stored.drain()
    assert stored.objects() == []


def test_a_snapshot_is_backed_up(stored):
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


def test_a_volume_in_use_is_backed_up_by_force(stored):
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
def test_requests_that_are_refused(stored, asked, status):
    volume = stored.volume()
    asked_body = {"volume_id": volume["id"], **asked} if asked else {}
    answer = stored.client.post("/v3/p1/backups", json={"backup": asked_body}, version="3.70")
    assert answer.status_code == status, answer.text
    assert stored.show(volume["id"])["status"] == "available" and stored.objects() == []


def test_backups_of_other_projects_are_not_found(stored):
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
    of_all_projects = stored.client.get("/v3/backups?all_tenants=1", as_=stored.book.admin).json["backups"]
    assert len(of_all_projects) == 3


def test_a_backup_is_updated(stored):
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


def test_a_backup_that_fails_is_in_error_with_a_message(stored):
    volume = stored.volume()
    quota = {"X-Container-Meta-Quota-Count": "0"}
    assert stored.store.client.put("/v1/AUTH_p1/full", headers=quota, as_=stored.book.member).status_code == 201
    shown = stored.back_up(volume["id"], container="full")
    assert shown["status"] == "error" and "413" in shown["fail_reason"]
    assert stored.show(volume["id"])["status"] == "available" and not stored.fake.snapshots[volume["id"]]
    messages = stored.client.get("/v3/messages", version="3.70").json["messages"]
    assert [(m["resource_type"], m["event_id"]) for m in messages] == [
        ("VOLUME_BACKUP", "VOLUME_VOLUME_BACKUP_013_001")
    ]


def test_administrators_reset_a_status_and_delete_by_force(stored):
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
