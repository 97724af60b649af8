"""Snapshots, and volumes made from them and from other volumes."""

NOWHERE = "99999999-9999-4999-8999-999999999999"


def test_a_snapshot_is_taken_and_deleted(world):
    volume = world.volume(size=2)
    taken = world.snapshot(volume["id"], name="s", metadata={"a": "b"})
    assert (taken["status"], taken["size"], taken["metadata"]) == ("available", 2, {"a": "b"})
    assert taken["os-extended-snapshot-attributes:progress"] == "100%"
    assert world.fake.snapshots == {volume["id"]: {taken["id"]}}
    refused = world.client.delete(f"/v3/p1/volumes/{volume['id']}")
    assert refused.status_code == 400 and "dependent snapshots" in refused.json["badRequest"]["message"]
    assert world.client.delete(f"/v3/p1/snapshots/{taken['id']}").status_code == 202
    world.drain()
    assert world.client.get(f"/v3/p1/snapshots/{taken['id']}").status_code == 404
    assert world.fake.snapshots == {volume["id"]: set()}


def test_cascade(world):
    volume = world.volume()
    world.snapshot(volume["id"])
    assert world.client.delete(f"/v3/p1/volumes/{volume['id']}?cascade=true").status_code == 202
    world.drain()
    assert world.client.get("/v3/p1/snapshots").json == {"snapshots": []} and not world.fake.disks


def test_deletion_while_it_is_being_taken(world):
    volume = world.volume()
    taken = world.snapshot(volume["id"], drained=False)
    assert world.client.delete(f"/v3/p1/snapshots/{taken['id']}").status_code == 202
    world.drain()
    assert world.client.get(f"/v3/p1/snapshots/{taken['id']}").status_code == 404
    assert not world.fake.snapshots.get(volume["id"])


def test_a_volume_from_a_snapshot(world):
    source = world.volume(size=2)
    world.act(source["id"], "os-set_bootable", {"bootable": True})
    taken = world.snapshot(source["id"])
    made = world.volume(size=None, snapshot_id=taken["id"])
    assert (made["size"], made["status"], made["bootable"]) == (2, "available", "true")
    assert made["snapshot_id"] == taken["id"]
    assert world.fake.origins[made["id"]] == f"snapshot {taken['id']}"
    assert made["os-vol-host-attr:host"] == source["os-vol-host-attr:host"]
    assert world.client.post("/v3/volumes", json={"volume": {"size": 1, "snapshot_id": taken["id"]}}).status_code == 400
    other = world.client.post("/v3/volumes", json={"volume": {"snapshot_id": taken["id"]}}, as_=world.book.other)
    assert other.status_code == 404


def test_a_volume_from_a_volume_in_use(world):
    source = world.volume()
    world.attach(source["id"])
    world.fake.held.add(source["id"])
    world.compute.config["on_snapshot"] = lambda v, s: world.fake.snapshots.setdefault(v, set()).add(s)
    world.compute.config["on_unsnapshot"] = lambda v, s: world.fake.snapshots[v].discard(s)
    made = world.volume(source_volid=source["id"], size=3)
    assert (made["size"], made["status"], made["source_volid"]) == (3, "available", source["id"])
    assert world.fake.snapshots[source["id"]] == set()


def test_a_volume_in_use_is_snapshotted_by_its_hypervisor(world):
    volume = world.volume()
    world.attach(volume["id"])
    world.fake.held.add(volume["id"])
    refused = world.client.post("/v3/snapshots", json={"snapshot": {"volume_id": volume["id"]}})
    assert refused.status_code == 400
    world.compute.config["on_snapshot"] = lambda v, s: world.fake.snapshots.setdefault(v, set()).add(s)
    taken = world.snapshot(volume["id"], force=True)
    assert taken["status"] == "available"
    answer = world.client.post("/v3/snapshots", json={"snapshot": {"volume_id": volume["id"]}}, version="3.66")
    assert answer.status_code == 202
    answer = world.client.post(
        "/v3/snapshots", json={"snapshot": {"volume_id": volume["id"], "force": False}}, version="3.66"
    )
    assert answer.status_code == 400


def test_upload_to_an_image(world):
    volume = world.volume()
    answer = world.act(volume["id"], "os-volume_upload_image", {"image_name": "out", "disk_format": "qcow2"})
    assert answer.status_code == 202, answer.text
    view = answer.json["os-volume_upload_image"]
    assert (view["status"], view["disk_format"], view["image_name"]) == ("uploading", "qcow2", "out")
    assert world.show(volume["id"])["status"] == "uploading"
    world.drain()
    assert world.show(volume["id"])["status"] == "available"
    assert b"blank\n" in world.sent["http://image.test/write"] and world.fake.snapshots[volume["id"]] == set()
    assert world.images.config["images"][view["image_id"]]["min_disk"] == 1


def test_lists_and_refusals(world):
    volume = world.volume()
    for name in "abc":
        world.snapshot(volume["id"], name=name)

    def names(query, version="3.60"):
        answer = world.client.get(f"/v3/p1/snapshots{query}", version=version)
        assert answer.status_code == 200, answer.text
        return [s["name"] for s in answer.json["snapshots"]]

    assert names("?sort_key=name&sort_dir=asc") == ["a", "b", "c"] and names("/detail?name=b") == ["b"]
    assert names(f"?volume_id={volume['id']}&limit=2&offset=1&sort=name:desc") == ["b", "a"]
    assert names("?limit=0") == [] and names("?status=error") == []
    for bad in ({}, {"snapshot": {}}, {"snapshot": {"volume_id": "x"}}, {"snapshot": {"volume_id": NOWHERE, "x": 1}}):
        assert world.client.post("/v3/p1/snapshots", json=bad).status_code == 400
    assert world.client.post("/v3/p1/snapshots", json={"snapshot": {"volume_id": NOWHERE}}).status_code == 404
    one = world.client.get("/v3/p1/snapshots").json["snapshots"][0]["id"]
    changed = world.client.put(f"/v3/p1/snapshots/{one}", json={"snapshot": {"name": "z", "description": "w"}})
    assert changed.json["snapshot"]["name"] == "z" and changed.json["snapshot"]["description"] == "w"
    assert world.client.get(f"/v3/snapshots/{one}", as_=world.book.other).status_code == 404
    meta = f"/v3/p1/snapshots/{one}/metadata"
    assert world.client.post(meta, json={"metadata": {"k": "v"}}).json == {"metadata": {"k": "v"}}
    assert world.client.get(f"{meta}/k").json == {"meta": {"k": "v"}}
    path = f"/v3/p1/snapshots/{one}/action"
    reset = {"os-reset_status": {"status": "error"}}
    assert world.client.post(path, json=reset).status_code == 403
    assert world.client.post(path, json=reset, as_=world.book.admin).status_code == 202
    assert world.client.post(path, json={"os-update_snapshot_status": {"status": "available"}}).status_code == 400
    assert world.client.post(path, json={"os-force_delete": {}}, as_=world.book.admin).status_code == 202


def test_snapshots_count_towards_quotas(world):
    admin = world.book.admin
    world.client.put("/v3/p1/os-quota-sets/p1", json={"quota_set": {"snapshots": 1, "gigabytes": 3}}, as_=admin)
    volume = world.volume()
    world.snapshot(volume["id"])
    answer = world.client.post("/v3/p1/snapshots", json={"snapshot": {"volume_id": volume["id"]}})
    assert answer.status_code == 413 and "SnapshotLimitExceeded" in answer.json["overLimit"]["message"]
    world.client.put("/v3/p1/os-quota-sets/p1", json={"quota_set": {"snapshots": 9}}, as_=admin)
    world.snapshot(volume["id"])
    answer = world.client.post("/v3/p1/snapshots", json={"snapshot": {"volume_id": volume["id"]}})
    assert answer.status_code == 413 and "gigabytes quota" in answer.json["overLimit"]["message"]


def test_revert_to_the_latest_snapshot(world):
    volume = world.volume()["id"]
    first, second = world.snapshot(volume)["id"], world.snapshot(volume)["id"]
    assert world.act(volume, "revert", {"snapshot_id": second}, version="3.39").status_code == 400
    assert world.act(volume, "revert", {"snapshot_id": first}).status_code == 400
    assert world.act(volume, "revert", {"snapshot_id": NOWHERE}).status_code == 404
    assert world.act(volume, "revert", {"snapshot_id": second}).status_code == 202
    assert world.show(volume)["status"] == "reverting"
    assert world.client.get(f"/v3/snapshots/{second}").json["snapshot"]["status"] == "restoring"
    world.drain()
    assert world.show(volume)["status"] == "available" and world.fake.origins[volume] == f"snapshot {second}"
    assert world.client.get(f"/v3/snapshots/{second}").json["snapshot"]["status"] == "available"


def test_reimage(world):
    volume, image = world.volume()["id"], "11111111-1111-4111-8111-111111111111"

    def asked(version="3.68", **more):
        return world.act(volume, "os-reimage", {"image_id": image, **more}, version=version)

    assert asked("3.67").status_code == 400
    reserved = world.client.post("/v3/attachments", version="3.60", json={"attachment": {"volume_uuid": volume}})
    assert asked().status_code == 400
    assert asked(reimage_reserved=True).status_code == 202
    assert world.show(volume)["status"] == "downloading"
    world.drain()
    shown = world.show(volume)
    assert shown["status"] == "reserved" and shown["volume_image_metadata"]["image_id"] == image
    assert world.fake.origins[volume] == f"image {image}"
    world.client.delete(f"/v3/attachments/{reserved.json['attachment']['id']}", version="3.60")
    world.snapshot(volume)
    assert asked().status_code == 400
