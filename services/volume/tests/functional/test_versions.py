"""API versions and microversions; every route is guarded."""

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
