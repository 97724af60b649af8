"""Quota sets, quota class sets and limits."""


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


def test_volumes_count_towards_quotas(world):
    admin = world.book.admin
    limits = {"volumes": 2, "gigabytes": 4, "per_volume_gigabytes": 3}
    assert world.client.put("/v3/p1/os-quota-sets/p1", json={"quota_set": limits}, as_=admin).status_code == 200
    world.volume(size=2)

    def refused(size):
        answer = world.client.post("/v3/p1/volumes", json={"volume": {"size": size}})
        assert answer.status_code == 413 and answer.json["overLimit"]["code"] == 413
        return answer.json["overLimit"]["message"]

    assert "larger than maximum" in refused(4)
    assert "exceeds allowed gigabytes quota. Requested 3G, quota is 4G and 2G has been consumed" in refused(3)
    second = world.volume(size=1)
    assert "Maximum number of volumes allowed (2)" in refused(1)
    assert world.act(second["id"], "os-extend", {"new_size": 3}).status_code == 413
    used = world.client.get("/v3/p1/os-quota-sets/p1?usage=True").json["quota_set"]
    assert used["volumes"] == {"limit": 2, "in_use": 2, "reserved": 0} and used["gigabytes"]["in_use"] == 3
    assert used["gigabytes___DEFAULT__"] == {"limit": -1, "in_use": 3, "reserved": 0}
    assert world.client.put("/v3/p1/os-quota-sets/p1", json={"quota_set": {"x": 1}}, as_=admin).status_code == 400
    assert world.client.get("/v3/p1/os-quota-sets/p2").status_code == 403
    absolute = world.client.get("/v3/p1/limits").json["limits"]["absolute"]
    assert absolute["totalVolumesUsed"] == 2 and absolute["maxTotalVolumeGigabytes"] == 4


def test_limits_of_a_type(world):
    admin, kind = world.book.admin, world.volume_type("small")
    limits = {"quota_set": {"volumes_small": 1, "gigabytes_small": 2, "snapshots_small": 0}}
    assert world.client.put("/v3/os-quota-sets/p1", json=limits, as_=admin).status_code == 200
    volume = world.volume(volume_type=kind)["id"]
    refused = world.client.post("/v3/volumes", json={"volume": {"size": 1, "volume_type": "small"}})
    assert refused.status_code == 413 and "volumes_small" in refused.text
    assert world.act(volume, "os-extend", {"new_size": 4}).status_code == 413
    assert world.client.post("/v3/snapshots", json={"snapshot": {"volume_id": volume}}).status_code == 413
    refused = world.act(world.volume()["id"], "os-retype", {"new_type": "small"})
    assert refused.status_code == 413 and "small" in refused.text


def test_a_limit_below_the_use_is_refused_if_asked(world):
    admin = world.book.admin
    world.volume(size=2)
    low = {"quota_set": {"gigabytes": 1}}
    refused = world.client.put("/v3/os-quota-sets/p1?skip_validation=false", json=low, as_=admin)
    assert refused.status_code == 400 and "can't be less" in refused.text
    assert world.client.put("/v3/os-quota-sets/p1", json=low, as_=admin).status_code == 200
    assert world.client.get("/v3/os-quota-sets/p1").json["quota_set"]["gigabytes"] == 1


def test_administrators_see_the_limits_of_a_project(world):
    world.volume(size=2)
    admin = world.book.admin
    for version, used in (("3.38", 2), ("3.39", 0)):
        shown = world.client.get("/v3/limits?project_id=p2", version=version, as_=admin).json["limits"]["absolute"]
        assert shown["totalGigabytesUsed"] == used
    own = world.client.get("/v3/limits?project_id=p1", version="3.39", as_=world.book.other).json["limits"]["absolute"]
    assert own["totalGigabytesUsed"] == 0
