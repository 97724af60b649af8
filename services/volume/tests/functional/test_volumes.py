"""Volumes: create, list, show, update, delete."""

import json

IMAGE = "11111111-1111-4111-8111-111111111111"
NOWHERE = "99999999-9999-4999-8999-999999999999"


def test_a_blank_volume_is_created_and_deleted(world):
    made = world.volume(drained=False, name="data", description="d", metadata={"a": "b"})
    assert made["status"] == "creating" and made["size"] == 1 and made["volume_type"] == "__DEFAULT__"
    assert made["attachments"] == [] and made["bootable"] == "false" and made["metadata"] == {"a": "b"}
    world.drain()
    assert world.show(made["id"])["status"] == "available"
    assert world.show(made["id"])["os-vol-host-attr:host"] == "host1@fake#fake"
    assert set(world.fake.disks) == {made["id"]}
    assert world.client.delete(f"/v3/p1/volumes/{made['id']}").status_code == 202
    assert world.show(made["id"])["status"] == "deleting"
    world.drain()
    gone = world.client.get(f"/v3/p1/volumes/{made['id']}")
    assert gone.status_code == 404
    assert gone.json == {"itemNotFound": {"code": 404, "message": f"Volume {made['id']} could not be found."}}
    assert not world.fake.disks


def test_paths_without_a_project_work_too(world):
    made = world.volume()
    assert world.client.get(f"/v3/volumes/{made['id']}").status_code == 200
    for doubled in ("//v3/p1/volumes", "/v3//p1/volumes", "/v3/p1//volumes", "/v3//p1//volumes"):
        assert world.client.get("/", environ_overrides={"PATH_INFO": doubled}).json["volumes"][0]["id"] == made["id"]
    assert world.client.get("/v3/p2/volumes").status_code == 400
    for method in ("GET", "PUT", "DELETE"):
        assert world.client.request(method, "/v3/p1/volumes/").status_code == 404
    assert world.client.get("/v3/p2/volumes", as_=world.book.admin).status_code == 400


def test_a_service_acts_for_the_project_that_it_names(world):
    made = world.client.post("/v3/p2/volumes", json={"volume": {"size": 1}}, as_=world.book.service).json["volume"]
    world.drain()
    shown = world.client.get(f"/v3/p2/volumes/{made['id']}", as_=world.book.other).json["volume"]
    assert shown["os-vol-tenant-attr:tenant_id"] == "p2"
    assert len(world.client.get("/v3/p2/volumes", as_=world.book.service).json["volumes"]) == 1
    assert world.client.get("/v3/p1/volumes", as_=world.book.service).json == {"volumes": []}


def test_deleting_a_volume_cancels_its_creation(world):
    made = world.volume(drained=False)
    assert world.client.delete(f"/v3/p1/volumes/{made['id']}").status_code == 202
    world.drain()
    assert world.client.get(f"/v3/p1/volumes/{made['id']}").status_code == 404
    assert not world.fake.disks


def test_a_volume_is_created_from_an_image(world):
    made = world.volume(imageRef=IMAGE)
    assert made["status"] == "available" and made["bootable"] == "true"
    meta = made["volume_image_metadata"]
    assert meta["image_id"] == IMAGE and meta["os_distro"] == "pileus" and meta["min_ram"] == "64"


def test_a_volume_is_created_from_the_root_snapshot_that_an_image_names(world):
    """It names the snapshot that boots, and has no data of its own."""
    origin = world.volume(imageRef=IMAGE, size=2)
    snapshot = world.snapshot(origin["id"])["id"]

    def ask(mapping, version="3.46", **more):
        world.images.config["images"][IMAGE]["block_device_mapping"] = mapping
        return world.client.post("/v3/p1/volumes", json={"volume": {"imageRef": IMAGE, **more}}, version=version)

    def named(**root):
        data = {"boot_index": None, "source_type": "snapshot", "snapshot_id": NOWHERE}
        return json.dumps([data, {"boot_index": 0, "source_type": "snapshot", "snapshot_id": snapshot} | root])

    answer = ask(named())
    assert answer.status_code == 202, answer.text
    world.drain()
    made = world.show(answer.json["volume"]["id"])
    assert (made["status"], made["size"], made["snapshot_id"], made["bootable"]) == ("available", 2, snapshot, "true")
    assert made["volume_image_metadata"] == origin["volume_image_metadata"]
    assert ask(named(boot_index="0"), size=3).status_code == 202
    for mapping, version, why in (
        (named(), "3.45", "3.46 or later"),
        (named(snapshot_id=NOWHERE), "3.46", "is gone"),
        ("{", "3.46", "not what compute writes"),
        ("[[]]", "3.46", "not what compute writes"),
        ("[" * 5000, "3.46", "not what compute writes"),
    ):
        refused = ask(mapping, version, size=2)
        assert refused.status_code == 400 and why in refused.json["badRequest"]["message"], refused.text
    assert ask(named(snapshot_id=5), size=2).status_code == ask(named(source_type="volume"), size=2).status_code == 202


def test_properties_of_later_microversions_are_ignored(world):
    early = (("3.0", {"backup_id": {"a": 1}}), ("3.46", {"backup_id": NOWHERE}), ("3.12", {"group_id": [1]}))
    for version, odd in early:
        answer = world.client.post("/v3/p1/volumes", json={"volume": {"size": 1, **odd}}, version=version)
        assert answer.status_code == 202, answer.text
    for odd in ({"backup_id": {"a": 1}}, {"group_id": [1]}):
        answer = world.client.post("/v3/p1/volumes", json={"volume": {"size": 1, **odd}}, version="3.60")
        assert answer.status_code == 400, answer.text
    world.drain()
    several = world.client.get("/v3/p1/volumes?status=['available', 'error']", version="3.60").json["volumes"]
    assert len(several) == 3


def test_images_that_do_not_fit_or_do_not_exist_are_refused(world):
    def refused(**asked):
        answer = world.client.post("/v3/p1/volumes", json={"volume": {"size": 1, **asked}})
        assert answer.status_code == 400, answer.text
        return answer.json["badRequest"]["message"]

    assert "Invalid image identifier" in refused(imageRef=NOWHERE)
    world.images.config["images"][IMAGE]["min_disk"] = 4
    assert "minDisk" in refused(imageRef=IMAGE)
    world.images.config["images"][IMAGE].update(min_disk=0, virtual_size=5 << 30)
    assert "larger than volume size" in refused(imageRef=IMAGE)
    world.images.config["images"][IMAGE]["status"] = "queued"
    assert "must be active" in refused(imageRef=IMAGE)


def test_a_volume_without_a_storage_host_is_in_error_with_a_message(world):
    world.client.put(
        "/v3/p1/os-services/disable", json={"host": "host1@fake", "binary": "cinder-volume"}, as_=world.book.admin
    )
    made = world.volume()
    assert made["status"] == "error"
    messages = world.client.get("/v3/p1/messages", version="3.60").json["messages"]
    assert "host1: it is disabled" in messages[0]["user_message"] and messages[0]["resource_uuid"] == made["id"]
    assert world.client.delete(f"/v3/p1/volumes/{made['id']}").status_code == 202
    world.drain()
    assert world.client.get(f"/v3/p1/volumes/{made['id']}").status_code == 404


def test_bad_requests_are_refused(world):
    for body in (
        {},
        {"volume": None},
        {"volume": {"size": 0}},
        {"volume": {"size": "#$%"}},
        {"volume": {"size": -1}},
        {"volume": {}},
        {"volume": {"size": 1, "name": "x" * 256}},
        {"volume": {"size": 1, "metadata": []}},
        {"volume": {"size": 1, "snapshot_id": "nope"}},
        {"volume": {"size": 1}, "other": 1},
        {"volume": {"size": 1, "metadata": {"k" * 256: "v"}}},
        {"volume": {"size": 1.5}},
    ):
        answer = world.client.post("/v3/p1/volumes", json=body)
        assert answer.status_code == 400 and answer.json["badRequest"]["message"], body
    for asked in ({"snapshot_id": NOWHERE}, {"source_volid": NOWHERE}, {"volume_type": NOWHERE}):
        assert world.client.post("/v3/p1/volumes", json={"volume": {"size": 1, **asked}}).status_code == 404
    assert world.client.post("/v3/p1/volumes", data=b"{").status_code == 400


def test_who_may_read_and_delete_a_volume(world):
    made = world.volume()
    path = f"/v3/volumes/{made['id']}"
    assert world.client.get(path, anonymous=True).status_code == 401
    assert world.client.get(path, as_=world.book.reader).status_code == 200
    assert world.client.delete(path, as_=world.book.reader).status_code == 403
    assert world.client.get(path, as_=world.book.other).status_code == 404
    assert world.client.delete(path, as_=world.book.other).status_code == 404
    member = world.client.get(path).json["volume"]
    assert "os-vol-host-attr:host" not in member and member["os-vol-tenant-attr:tenant_id"] == "p1"


def test_lists_filter_sort_and_page(world):
    for number in range(3):
        world.volume(name=f"v{number}", metadata={"n": str(number)}, size=3 - number)

    def names(query="", version="3.60", **kw):
        answer = world.client.get(f"/v3/p1/volumes{query}", version=version, **kw)
        assert answer.status_code == 200, answer.text
        return [v["name"] for v in answer.json["volumes"]]

    assert names() == ["v2", "v1", "v0"]
    assert names("?sort=name:asc") == ["v0", "v1", "v2"]
    assert names("?sort_key=size&sort_dir=asc") == ["v2", "v1", "v0"]
    assert names("?name=v1") == ["v1"] and names("?name~=v") == ["v2", "v1", "v0"]
    assert names("?metadata={'n':'2'}") == ["v2"] and names("?status=available&bootable=false&limit=1") == ["v2"]
    assert names("?status=error") == [] and names("?limit=0") == [] and names("?offset=1&limit=1") == ["v1"]
    assert names("?created_at=gt:2001-01-01T00:00:00") == ["v2", "v1", "v0"]
    assert names("?nonsense=1", version="3.0") == ["v2", "v1", "v0"]
    page = world.client.get("/v3/p1/volumes/detail?limit=2&with_count=true", version="3.60").json
    assert page["count"] == 3 and [v["size"] for v in page["volumes"]] == [1, 2]
    following = page["volumes_links"][0]["href"].partition("/v3")[2]
    assert [v["name"] for v in world.client.get("/v3" + following).json["volumes"]] == ["v0"]
    assert world.client.get("/v3/volumes", as_=world.book.other).json == {"volumes": []}
    assert len(world.client.get("/v3/volumes?all_tenants=1", as_=world.book.admin).json["volumes"]) == 3
    for literal in ("{[]: 1}", "{{}: 1}", "{1: }", "[" * 900, "-" * 900 + "1", "{" + "a" * 9000 + "}", "1e999"):
        query = {"metadata": literal}
        assert world.client.get("/v3/volumes", query_string=query, version="3.60").status_code == 400, literal
    for query in ("limit=a", "limit=-1", "sort=nothing", "sort=name:up", "nonsense=1", "metadata=x", "bootable=maybe"):
        assert world.client.get(f"/v3/volumes?{query}", version="3.60").status_code == 400, query
    assert world.client.get(f"/v3/volumes?marker={NOWHERE}").status_code == 404
    total = world.client.get("/v3/volumes/summary", version="3.36").json["volume-summary"]
    assert total == {"total_count": 3, "total_size": 6, "metadata": {"n": ["0", "1", "2"]}}


def test_names_and_metadata_change(world):
    made = world.volume()
    path = f"/v3/p1/volumes/{made['id']}"
    changed = world.client.put(path, json={"volume": {"name": "new", "description": "words"}}).json["volume"]
    assert (changed["name"], changed["description"]) == ("new", "words")
    assert world.client.put(path, json={"volume": {}}).status_code == 400
    assert world.client.put(path, json={"volume": {"size": 4}}).status_code == 400
    meta = f"{path}/metadata"
    assert world.client.post(meta, json={"metadata": {"a": "1", "b": "2"}}).json == {"metadata": {"a": "1", "b": "2"}}
    assert world.client.post(meta, json={"metadata": {"b": "3"}}).json["metadata"] == {"a": "1", "b": "3"}
    assert world.client.put(meta, json={"metadata": {"c": "4"}}).json == {"metadata": {"c": "4"}}
    assert world.client.put(f"{meta}/c", json={"meta": {"c": "5"}}).json == {"meta": {"c": "5"}}
    assert world.client.get(f"{meta}/c").json == {"meta": {"c": "5"}}
    assert world.client.put(f"{meta}/c", json={"meta": {"d": "5"}}).status_code == 400
    assert world.client.get(f"{meta}/d").status_code == 404
    assert world.client.delete(f"{meta}/c").status_code == 200
    assert world.client.get(meta).json == {"metadata": {}}
    assert world.client.delete(f"{meta}/c").status_code == 404


def test_a_volume_is_created_from_a_snapshot(world):
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


def test_a_volume_is_created_from_a_volume_in_use(world):
    source = world.volume()
    world.attach(source["id"])
    world.fake.held.add(source["id"])
    world.compute.config["on_snapshot"] = lambda v, s: world.fake.snapshots.setdefault(v, set()).add(s)
    world.compute.config["on_unsnapshot"] = lambda v, s: world.fake.snapshots[v].discard(s)
    made = world.volume(source_volid=source["id"], size=3)
    assert (made["size"], made["status"], made["source_volid"]) == (3, "available", source["id"])
    assert world.fake.snapshots[source["id"]] == set()


def test_what_each_microversion_shows(world):
    volume = world.volume()["id"]

    def shown(version, as_=None):
        return set(world.client.get(f"/v3/volumes/{volume}", version=version, as_=as_).json["volume"])

    for before, since, fields in (
        ("3.12", "3.13", {"group_id"}),
        ("3.47", "3.48", {"shared_targets", "service_uuid"}),
        ("3.62", "3.63", {"volume_type_id"}),
        ("3.64", "3.65", {"consumes_quota"}),
    ):
        assert shown(since) - shown(before) == fields
    admin = world.book.admin
    assert "provider_id" in shown("3.21", admin) - shown("3.20", admin) and "provider_id" not in shown("3.21")
    assert "cluster_name" in shown("3.61", admin) - shown("3.60", admin) and "cluster_name" not in shown("3.61")
    for version, value in (("3.68", False), ("3.69", None)):
        answer = world.client.get(f"/v3/volumes/{volume}", version=version)
        assert answer.json["volume"]["shared_targets"] is value


def test_filters_of_later_microversions_are_unknown_before(world):
    world.volume(name="one", description="first")
    for before, since, query in (
        ("3.33", "3.34", "name~=on"),
        ("3.33", "3.34", "description~=fir"),
        ("3.59", "3.60", "created_at=gt:2001-01-01T00:00:00"),
        ("3.64", "3.65", "consumes_quota=true"),
    ):
        assert world.client.get(f"/v3/volumes?{query}", version=before).status_code == 400, query
        assert len(world.client.get(f"/v3/volumes?{query}", version=since).json["volumes"]) == 1, query
    assert world.client.get("/v3/volumes?glance_metadata={}", version="3.4").status_code == 200
    assert world.client.get("/v3/volumes?consumes_quota=false", version="3.65").json == {"volumes": []}
    assert world.client.get("/v3/volumes/summary", version="3.11").status_code == 404
    assert "metadata" not in world.client.get("/v3/volumes/summary", version="3.35").json["volume-summary"]


def test_administrators_filter_by_host_and_project(world):
    volume = world.volume()
    world.attach(volume["id"])
    queries = ("host=host1@fake%23fake", "project_id=p1", "attached_host=host1", "migration_status=none", "size=[1,2]")
    for query, found in zip(queries, (1, 1, 1, 0, 1), strict=True):
        path = f"/v3/volumes?all_tenants=1&{query}"
        answer = world.client.get(path, as_=world.book.admin, version="3.60")
        assert len(answer.json["volumes"]) == found, query
    for query in ("host=host1", "project_id=p1", "attached_host=host1", "size=large"):
        assert world.client.get(f"/v3/volumes?{query}", version="3.60").status_code == 400, query


def test_a_volume_that_is_copied_or_backed_by_a_busy_snapshot_is_not_deleted(world):
    source = world.volume()["id"]
    world.volume(drained=False, source_volid=source)
    refused = world.client.delete(f"/v3/volumes/{source}")
    assert refused.status_code == 400 and "is being copied" in refused.text
    world.drain()
    snapshot = world.snapshot(source, drained=False)["id"]
    refused = world.client.delete(f"/v3/volumes/{source}?cascade=true")
    assert refused.status_code == 400 and "are being created or deleted" in refused.text
    world.drain()
    copy = world.volume(drained=False, size=None, snapshot_id=snapshot)["id"]
    refused = world.client.delete(f"/v3/snapshots/{snapshot}")
    assert refused.status_code == 400 and "is being copied" in refused.text
    busy = world.client.post("/v3/volumes", json={"volume": {"size": 1, "source_volid": copy}})
    assert busy.status_code == 400 and "must be available or in-use" in busy.text


def test_a_volume_is_not_created_from_a_snapshot_that_is_not_available(world):
    snapshot = world.snapshot(world.volume()["id"], drained=False)["id"]
    refused = world.client.post("/v3/volumes", json={"volume": {"size": 1, "snapshot_id": snapshot}})
    assert refused.status_code == 400 and "Originating snapshot status" in refused.text


def test_consistency_groups_and_two_sources_are_refused(world):
    group = {"volume": {"size": 1, "consistencygroup_id": NOWHERE}}
    assert world.client.post("/v3/volumes", json=group).status_code == 501
    two = {"volume": {"size": 1, "snapshot_id": NOWHERE, "source_volid": NOWHERE}}
    assert world.client.post("/v3/volumes", json=two).status_code == 400


def test_a_message_says_what_each_host_lacks(worlds):
    """Volumes that no storage host takes: in another zone, or larger than the room that is left."""
    with worlds(hosts=("host1", "host2")) as world:
        limits = {"quota_set": {"gigabytes": -1}}
        world.client.put("/v3/os-quota-sets/p1", json=limits, as_=world.book.admin)
        for asked, why in (
            ({"availability_zone": "moon"}, "it is in zone nova, not moon"),
            ({"size": 50_000}, "GiB may still be promised"),
        ):
            volume = world.volume(**asked)
            assert volume["status"] == "error"
            path = f"/v3/messages?resource_uuid={volume['id']}"
            (message,) = world.client.get(path, version="3.60").json["messages"]
            text = message["user_message"]
            assert why in text and "host1:" in text and "host2:" in text, text


def test_a_copy_goes_to_the_host_of_its_source_only(worlds):
    with worlds(hosts=("host1", "host2")) as world:
        source = world.volume()
        host = source["os-vol-host-attr:host"]
        assert world.volume(source_volid=source["id"])["os-vol-host-attr:host"] == host
        body = {"host": host.partition("#")[0], "binary": "cinder-volume"}
        world.client.put("/v3/os-services/disable", json=body, as_=world.book.admin)
        copy = world.volume(source_volid=source["id"])
        assert copy["status"] == "error"
        path = f"/v3/messages?resource_uuid={copy['id']}"
        (message,) = world.client.get(path, version="3.60").json["messages"]
        assert "it is disabled" in message["user_message"] and "the source is elsewhere" in message["user_message"]
