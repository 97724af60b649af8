"""Extensions, resource filters, availability zones and encryption: what clients ask before they do something."""


def test_small_lists(world):
    zones = world.client.get("/v3/os-availability-zone").json["availabilityZoneInfo"]
    assert zones == [{"zoneName": "nova", "zoneState": {"available": True}}]
    assert {"alias", "name", "description", "links", "updated"} == set(
        world.client.get("/v3/extensions").json["extensions"][0]
    )
    found = world.client.get("/v3/resource_filters?resource=pool", version="3.33").json
    assert found == {"resource_filters": [{"resource": "pool", "filters": ["name"]}]}
    assert world.client.get("/v3/resource_filters", version="3.32").status_code == 404
