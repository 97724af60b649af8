"""Services, hosts, pools and capabilities, for administrators."""


def test_services_hosts_and_pools(world):
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


def test_what_each_microversion_shows(world):
    def shown(version):
        answer = world.client.get("/v3/os-services", version=version, as_=world.book.admin)
        return set(answer.json["services"][0])

    assert shown("3.7") - shown("3.6") == {"cluster"} and shown("3.49") - shown("3.48") == {"backend_state"}


def test_refusals(world):
    admin = world.book.admin
    other = {"host": "host1@fake", "binary": "cinder-backup"}
    assert world.client.put("/v3/os-services/disable", json=other, as_=admin).status_code == 404
    assert world.client.put("/v3/os-services/disable", json={}, as_=admin).status_code == 400
    assert world.client.put("/v3/os-services/disable", json={"host": "host1"}).status_code == 403
    without_reason = {"host": "host1", "binary": "cinder-volume"}
    assert world.client.put("/v3/os-services/disable-log-reason", json=without_reason, as_=admin).status_code == 400
    assert world.client.get("/v3/os-services?binary=cinder-backup", as_=admin).json == {"services": []}
    assert world.client.get("/v3/os-services?host=none", as_=admin).json == {"services": []}
    assert world.client.get("/v3/capabilities/none", as_=admin).status_code == 404
    for path in ("/v3/os-hosts", "/v3/scheduler-stats/get_pools", "/v3/capabilities/host1@fake"):
        assert world.client.get(path).status_code == 403
    assert world.client.get("/v3/scheduler-stats/get_pools?name=none", as_=admin).json == {"pools": []}
