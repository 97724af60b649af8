"""Snapshots: create, list, show, update, delete."""

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


def test_a_volume_is_deleted_with_its_snapshots(world):
    volume = world.volume()
    world.snapshot(volume["id"])
    assert world.client.delete(f"/v3/p1/volumes/{volume['id']}?cascade=true").status_code == 202
    world.drain()
    assert world.client.get("/v3/p1/snapshots").json == {"snapshots": []} and not world.fake.disks


def test_deleting_a_snapshot_cancels_its_creation(world):
    volume = world.volume()
    taken = world.snapshot(volume["id"], drained=False)
    assert world.client.delete(f"/v3/p1/snapshots/{taken['id']}").status_code == 202
    world.drain()
    assert world.client.get(f"/v3/p1/snapshots/{taken['id']}").status_code == 404
    assert not world.fake.snapshots.get(volume["id"])


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


def test_what_each_microversion_shows(world):
    snapshot = world.snapshot(world.volume()["id"])["id"]

    def shown(version):
        return set(world.client.get(f"/v3/snapshots/{snapshot}", version=version).json["snapshot"])

    for before, since, fields in (
        ("3.13", "3.14", {"group_snapshot_id"}),
        ("3.40", "3.41", {"user_id"}),
        ("3.64", "3.65", {"consumes_quota"}),
    ):
        assert shown(since) - shown(before) == fields


def test_filters_of_later_microversions_are_unknown_before(world):
    world.snapshot(world.volume()["id"], name="one", metadata={"a": "b"})
    for before, since, query in (
        ("3.33", "3.34", "name~=on"),
        ("3.59", "3.60", "created_at=gt:2001-01-01T00:00:00"),
        ("3.64", "3.65", "consumes_quota=true"),
    ):
        assert world.client.get(f"/v3/snapshots?{query}", version=before).status_code == 400, query
        assert len(world.client.get(f"/v3/snapshots?{query}", version=since).json["snapshots"]) == 1, query
    found = world.client.get("/v3/snapshots", query_string={"metadata": "{'a': 'b'}"}, version="3.22")
    assert len(found.json["snapshots"]) == 1


def test_other_projects_and_readers_are_refused(world):
    snapshot = world.snapshot(world.volume()["id"])["id"]
    path = f"/v3/snapshots/{snapshot}"
    for method, body in (("PUT", {"snapshot": {"name": "x"}}), ("DELETE", None)):
        assert world.client.request(method, path, json=body, as_=world.book.other).status_code == 404
        assert world.client.request(method, path, json=body, as_=world.book.reader).status_code == 403
    assert world.client.get(f"{path}/metadata", as_=world.book.other).status_code == 404
    assert world.client.get("/v3/snapshots?all_tenants=1", as_=world.book.other).json == {"snapshots": []}
    assert world.client.get("/v3/snapshots?project_id=p1", version="3.60").status_code == 400
    listed = world.client.get("/v3/snapshots?all_tenants=1&project_id=p1", version="3.60", as_=world.book.admin)
    assert len(listed.json["snapshots"]) == 1


def test_compute_reports_how_far_a_snapshot_is(world):
    snapshot = world.snapshot(world.volume()["id"], drained=False)["id"]
    path = f"/v3/snapshots/{snapshot}/action"
    for asked, status in (
        ({"status": "deleting"}, 400),
        ({"status": "creating", "progress": "101%"}, 400),
        ({"status": "creating", "progress": "45%"}, 202),
    ):
        answer = world.client.post(path, json={"os-update_snapshot_status": asked})
        assert answer.status_code == status, asked
    shown = world.client.get(f"/v3/snapshots/{snapshot}").json["snapshot"]
    assert shown["os-extended-snapshot-attributes:progress"] == "45%"


def test_metadata_is_bounded(world):
    snapshot = world.snapshot(world.volume()["id"])["id"]
    path = f"/v3/snapshots/{snapshot}/metadata"
    many = {f"k{number}": "v" for number in range(128)}
    assert world.client.put(path, json={"metadata": many}).status_code == 200
    refused = world.client.post(path, json={"metadata": {"one": "more"}})
    assert refused.status_code == 400 and "at most 128" in refused.text
    assert len(world.client.get(path).json["metadata"]) == 128
