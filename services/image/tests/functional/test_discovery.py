"""What the API says about itself: versions, schemas, import methods, stores, usage."""


def test_discovery(service):
    choices = service.client.get("/", anonymous=True)
    assert choices.status_code == 300
    newest = choices.json["versions"][0]
    assert (newest["id"], newest["status"]) == ("v2.16", "CURRENT")
    assert service.client.get("/versions", anonymous=True).json == choices.json
    for name in ("image", "images", "member", "members", "task", "tasks"):
        assert service.client.get(f"/v2/schemas/{name}").json["name"] == name
    assert service.client.get("/v2/schemas/none").status_code == 404
    assert service.client.get("/v2/info/import").json["import-methods"]["value"] == ["glance-direct", "web-download"]
    assert service.client.get("/v2/info/stores").json["stores"][0]["id"] == "file"
    assert service.client.get("/v2/info/stores/detail").status_code == 403
    assert service.client.get("/v2/info/stores/detail", as_=service.book.admin).status_code == 200
    service.image()
    assert service.client.get("/v2/info/usage").json["usage"]["image_count_total"] == {"limit": 10_000, "usage": 1}


def test_metadata_definitions_have_schemas(service):
    for name, said in (
        ("namespace", None),
        ("namespaces", None),
        ("property", None),
        ("properties", None),
        ("object", None),
        ("objects", None),
        ("tag", None),
        ("tags", None),
        ("resource_type", "resource_type_association"),
        ("resource_types", "resource_type_associations"),
    ):
        assert service.client.get(f"/v2/schemas/metadefs/{name}").json["name"] == (said or name)
    assert service.client.get("/v2/schemas/metadefs/none").status_code == 404
