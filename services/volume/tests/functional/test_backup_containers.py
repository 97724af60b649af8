"""The containers of backups: they belong to their project, and this service may use nothing else of it."""

import pytest

from pileus_kit.testing.callers import make_caller


def restore(world, backup, as_=None, **asked):
    return world.client.post(f"/v3/p1/backups/{backup['id']}/restore", json={"restore": asked}, as_=as_)


def test_a_backup_without_its_container_is_deleted(stored):
    backup = stored.back_up(stored.volume()["id"])
    for name in stored.objects():
        stored.store.client.delete(f"/v1/AUTH_p1/volumebackups/{name}", as_=stored.book.member)
    stored.store.drain()
    assert stored.store.client.delete("/v1/AUTH_p1/volumebackups", as_=stored.book.member).status_code == 204
    assert stored.client.delete(f"/v3/p1/backups/{backup['id']}").status_code == 202
    stored.drain()
    assert stored.client.get(f"/v3/p1/backups/{backup['id']}").status_code == 404


@pytest.mark.parametrize("made", [True, False])
def test_a_container_may_vanish_before_its_backup_is_deleted(stored, made):
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


def test_a_backup_whose_container_refuses_is_in_error_deleting(stored):
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


def test_temporary_url_keys_of_the_owner_stay(stored):
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
