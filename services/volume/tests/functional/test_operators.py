"""What operators and curious clients ask: versions, services, pools, quotas, zones, extensions, transfers."""

import pytest

from pileus_volume.policy import RULES


def test_versions(world):
    root = world.client.get("/", anonymous=True)
    assert root.status_code == 300 and root.json["versions"][0]["version"] == "3.70"
    v3 = world.client.get("/v3/", anonymous=True)
    assert v3.status_code == 200 and v3.json["versions"][0]["min_version"] == "3.0"
    assert world.client.get("/v3", anonymous=True).status_code == 200
    shown = world.client.get("/v3/volumes", version="3.60")
    assert shown.headers["OpenStack-API-Version"] == "volume 3.60"
    assert world.client.get("/v3/volumes", version="3.99").status_code == 406
    assert world.client.get("/v3/volumes", version="x").status_code == 400


def test_every_route_has_a_policy_and_every_rule_a_use(world):
    names = {rule.name for rule in RULES}
    for rule in world.app.url_map.iter_rules():
        about = getattr(world.app.view_functions[rule.endpoint], "about", None)
        if about is not None:
            assert about["public"] or about["policy"] in names, rule


def test_services_and_hosts(world):
    admin = world.book.admin
    assert world.client.get("/v3/os-services").status_code == 403
    (service,) = world.client.get("/v3/os-services", as_=admin).json["services"]
    assert (service["binary"], service["host"], service["state"], service["status"]) == (
        "cinder-volume",
        "host1@fake",
        "up",
        "enabled",
    )
    body = {"host": "host1@fake", "binary": "cinder-volume"}
    put = world.client.put("/v3/os-services/disable-log-reason", json=body | {"disabled_reason": "disk"}, as_=admin)
    assert put.json["disabled_reason"] == "disk" and put.json["status"] == "disabled"
    assert world.client.get("/v3/os-services", as_=admin).json["services"][0]["disabled_reason"] == "disk"
    assert world.client.put("/v3/os-services/enable", json=body, as_=admin).json["status"] == "enabled"
    assert (
        world.client.put(
            "/v3/os-services/enable", json={"host": "no", "binary": "cinder-volume"}, as_=admin
        ).status_code
        == 404
    )
    assert world.client.put("/v3/os-services/freeze", json={"host": "no"}, as_=admin).status_code == 400
    assert world.client.put("/v3/os-services/freeze", json={"host": "host1@fake"}, as_=admin).status_code == 202
    assert world.volume()["status"] == "error"
    assert world.client.put("/v3/os-services/thaw", json={"host": "host1@fake"}, as_=admin).status_code == 202
    world.volume(size=3)
    assert world.client.get("/v3/os-hosts", as_=admin).json["hosts"][0]["host_name"] == "host1@fake"
    total, own = world.client.get("/v3/os-hosts/host1@fake", as_=admin).json["host"]
    assert total["resource"]["total_volume_gb"] == own["resource"]["total_volume_gb"] == "3"
    assert world.client.get("/v3/os-hosts/none", as_=admin).status_code == 404
    (pool,) = world.client.get("/v3/scheduler-stats/get_pools?detail=True", as_=admin).json["pools"]
    assert pool["name"] == "host1@fake#fake" and pool["capabilities"]["allocated_capacity_gb"] == 3
    assert world.client.get("/v3/scheduler-stats/get_pools", as_=admin).json == {"pools": [{"name": "host1@fake#fake"}]}
    assert world.client.get("/v3/capabilities/host1@fake", as_=admin).json["display_name"] == "Capabilities of fake"


def test_small_lists(world):
    zones = world.client.get("/v3/os-availability-zone").json["availabilityZoneInfo"]
    assert zones == [{"zoneName": "nova", "zoneState": {"available": True}}]
    assert {"alias", "name", "description", "links", "updated"} == set(
        world.client.get("/v3/extensions").json["extensions"][0]
    )
    found = world.client.get("/v3/resource_filters?resource=pool", version="3.33").json
    assert found == {"resource_filters": [{"resource": "pool", "filters": ["name"]}]}
    assert world.client.get("/v3/resource_filters", version="3.32").status_code == 404


def test_quota_classes_and_defaults(world):
    admin = world.book.admin
    shown = world.client.get("/v3/os-quota-class-sets/default", as_=admin).json["quota_class_set"]
    assert shown["id"] == "default" and shown["volumes"] == 10 and shown["gigabytes"] == 1000
    put = world.client.put("/v3/os-quota-class-sets/default", json={"quota_class_set": {"volumes": 5}}, as_=admin)
    assert put.json["quota_class_set"]["volumes"] == 5
    assert world.client.get("/v3/os-quota-sets/p1").json["quota_set"]["volumes"] == 5
    assert world.client.get("/v3/os-quota-sets/p1/defaults").json["quota_set"]["volumes"] == 5
    world.client.put("/v3/os-quota-sets/p1", json={"quota_set": {"volumes": 7, "gigabytes": "-1"}}, as_=admin)
    assert world.client.get("/v3/os-quota-sets/p1").json["quota_set"]["volumes"] == 7
    assert world.client.delete("/v3/os-quota-sets/p1", as_=admin).status_code == 200
    assert world.client.get("/v3/os-quota-sets/p1").json["quota_set"]["volumes"] == 5
    for bad in ({}, {"quota_set": {"volumes": -2}}, {"quota_set": {"volumes": "x"}}, {"quota_set": {"nonsense": 1}}):
        assert world.client.put("/v3/os-quota-sets/p1", json=bad, as_=admin).status_code == 400
    assert world.client.put("/v3/os-quota-sets/p1", json={"quota_set": {"volumes": 1}}).status_code == 403
    assert world.client.get("/v3/os-quota-class-sets/default").status_code == 403


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


def test_messages(world):
    world.client.put("/v3/os-services/disable", json={"host": "host1"}, as_=world.book.admin)
    volume = world.volume()["id"]
    (message,) = world.client.get("/v3/messages", version="3.5").json["messages"]
    assert message["resource_uuid"] == volume and message["message_level"] == "ERROR"
    path = f"/v3/messages/{message['id']}"
    assert world.client.get(path, version="3.2").status_code == 404
    assert world.client.get(path, version="3.3", as_=world.book.other).status_code == 404
    assert world.client.delete(path, version="3.3").status_code == 204
    assert world.client.get(path, version="3.3").status_code == 404
