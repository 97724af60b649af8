"""Transfers of volumes to other projects."""

import pytest

NOWHERE = "99999999-9999-4999-8999-999999999999"


@pytest.mark.parametrize("noun", ["os-volume-transfer", "volume-transfers"])
def test_transfers(world, noun):
    volume = world.volume(size=2)["id"]
    taken = world.snapshot(volume)["id"]
    made = world.client.post(f"/v3/{noun}", json={"transfer": {"volume_id": volume, "name": "gift"}}).json["transfer"]
    assert world.show(volume)["status"] == "awaiting-transfer"
    assert world.client.post(f"/v3/{noun}", json={"transfer": {"volume_id": volume}}).status_code == 400
    assert world.client.delete(f"/v3/volumes/{volume}").status_code == 400
    assert "auth_key" not in world.client.get(f"/v3/{noun}/{made['id']}").json["transfer"]
    assert [t["name"] for t in world.client.get(f"/v3/{noun}").json["transfers"]] == ["gift"]
    assert world.client.get(f"/v3/{noun}/{made['id']}", as_=world.book.other).status_code == 404
    path = f"/v3/{noun}/{made['id']}/accept"
    assert world.client.post(path, json={"accept": {"auth_key": "guess"}}, as_=world.book.other).status_code == 400
    accepted = world.client.post(path, json={"accept": {"auth_key": made["auth_key"]}}, as_=world.book.other)
    assert accepted.status_code == 202, accepted.text
    assert world.client.get(f"/v3/volumes/{volume}").status_code == 404
    theirs = world.client.get(f"/v3/volumes/{volume}", as_=world.book.other).json["volume"]
    assert theirs["status"] == "available" and theirs["os-vol-tenant-attr:tenant_id"] == "p2"
    assert world.client.get(f"/v3/snapshots/{taken}", as_=world.book.other).status_code == 200
    used = world.client.get("/v3/limits").json["limits"]["absolute"]
    assert used["totalGigabytesUsed"] == 0 and used["totalSnapshotsUsed"] == 0


def test_a_transfer_is_withdrawn(world):
    volume = world.volume()["id"]
    made = world.client.post("/v3/volume-transfers", json={"transfer": {"volume_id": volume}}, version="3.57").json
    assert made["transfer"]["source_project_id"] == "p1"
    assert world.client.delete(f"/v3/volume-transfers/{made['transfer']['id']}").status_code == 202
    assert world.show(volume)["status"] == "available"


def test_refusals(world):
    volume = world.volume()["id"]
    asked = {"transfer": {"volume_id": volume, "no_snapshots": True}}
    assert world.client.post("/v3/volume-transfers", json=asked, version="3.54").status_code == 400
    assert world.client.post("/v3/volume-transfers", json={"transfer": {"volume_id": NOWHERE}}).status_code == 404
    world.snapshot(volume)
    made = world.client.post("/v3/volume-transfers", json=asked, version="3.55").json["transfer"]
    accept = {"accept": {"auth_key": made["auth_key"]}}
    path = f"/v3/volume-transfers/{made['id']}/accept"
    refused = world.client.post(path, json=accept, as_=world.book.other)
    assert refused.status_code == 400 and "were not offered" in refused.text
    unknown = f"/v3/volume-transfers/{NOWHERE}/accept"
    assert world.client.post(unknown, json=accept, as_=world.book.other).status_code == 404
    assert world.client.post(path, json=accept, as_=world.book.other_reader).status_code == 403
    assert world.client.delete(f"/v3/volume-transfers/{made['id']}", as_=world.book.other).status_code == 404


def test_volumes_that_are_not_offered(world):
    attached = world.volume()["id"]
    world.attach(attached)
    kind = world.volume_type("grouped")
    group = world.group(kind)["id"]
    grouped = world.volume(volume_type=kind, group_id=group)["id"]
    busy = world.volume()["id"]
    world.snapshot(busy, drained=False)
    for volume, why in ((attached, "available"), (grouped, "part of a group"), (busy, "must be available")):
        refused = world.client.post("/v3/volume-transfers", json={"transfer": {"volume_id": volume}})
        assert refused.status_code == 400 and why in refused.text


def test_administrators_list_all_transfers(world):
    volume = world.volume()["id"]
    world.client.post("/v3/volume-transfers", json={"transfer": {"volume_id": volume, "name": "gift"}})
    admin = world.client.get("/v3/volume-transfers/detail?all_tenants=1", version="3.57", as_=world.book.admin)
    assert admin.json["transfers"][0]["source_project_id"] == "p1"
    assert world.client.get("/v3/volume-transfers?all_tenants=1", as_=world.book.other).json == {"transfers": []}
    for version, fields in (("3.54", set()), ("3.55", {"no_snapshots"})):
        shown = world.client.get("/v3/volume-transfers/detail", version=version).json["transfers"][0]
        assert {"no_snapshots"} & shown.keys() == fields


def test_the_next_page_of_a_detailed_list_is_detailed(world):
    for name in ("one", "two"):
        body = {"transfer": {"volume_id": world.volume()["id"], "name": name}}
        assert world.client.post("/v3/volume-transfers", json=body).status_code == 202
    page = world.client.get("/v3/volume-transfers/detail?limit=1", version="3.59").json
    path = "/v3" + page["transfers_links"][0]["href"].partition("/v3")[2]
    (rest,) = world.client.get(path, version="3.59").json["transfers"]
    assert rest.keys() == page["transfers"][0].keys() and rest["name"] == "one"
