"""Every route, requested by every kind of caller, compared with a reviewed table."""

import io

import pytest

from pileus_image.testing import OCTETS
from pileus_kit.testing.callers import make_caller

CALLERS = ("none", "expired", "revoked", "nobody", "other_reader", "other", "reader", "member", "manager", "admin")
PRIVATE = {  # on a private image of project p1: what each caller gets
    "GET /v2/images/{id}": "401 401 401 404 404 404 200 200 200 200",
    "PATCH /v2/images/{id}": "401 401 401 404 404 404 403 200 200 200",
    "DELETE /v2/images/{id}": "401 401 401 404 404 404 403 204 204 204",
    "PUT /v2/images/{id}/file": "401 401 401 404 404 404 403 409 409 409",
    "PUT /v2/images/{id}/stage": "401 401 401 404 404 404 403 409 409 409",
    "GET /v2/images/{id}/file": "401 401 401 404 404 404 403 200 200 200",
    "POST /v2/images/{id}/import": "401 401 401 404 404 404 403 409 409 409",
    "GET /v2/images/{id}/tasks": "401 401 401 404 404 404 200 200 200 200",
    "PUT /v2/images/{id}/tags/t": "401 401 401 404 404 404 403 204 204 204",
    "DELETE /v2/images/{id}/tags/old": "401 401 401 404 404 404 403 204 204 204",
    "DELETE /v2/stores/file/{id}": "401 401 401 404 404 404 404 404 404 404",  # there is one; see test_stores.py
    "POST /v2/images/{id}/actions/deactivate": "401 401 401 404 404 404 403 204 204 204",
    "POST /v2/images/{id}/actions/reactivate": "401 401 401 404 404 404 403 204 204 204",
}
SHARED = {  # on an image of p1 that is shared with p2, to which `other` belongs
    "GET /v2/images/{id}": "401 401 401 404 200 200 200 200 200 200",
    "PATCH /v2/images/{id}": "401 401 401 404 403 403 403 200 200 200",
    "DELETE /v2/images/{id}": "401 401 401 404 403 403 403 204 204 204",
    "GET /v2/images/{id}/file": "401 401 401 404 403 200 403 200 200 200",
    "POST /v2/images/{id}/members": "401 401 401 404 403 403 403 200 200 200",
    "GET /v2/images/{id}/members": "401 401 401 404 200 200 200 200 200 200",
    "GET /v2/images/{id}/members/p2": "401 401 401 404 200 200 200 200 200 200",
    "PUT /v2/images/{id}/members/p2": "401 401 401 404 403 200 403 403 403 200",
    "DELETE /v2/images/{id}/members/p2": "401 401 401 404 403 403 403 204 204 204",
}
PUBLIC = {  # on a public image of p1
    "GET /v2/images/{id}": "401 401 401 404 200 200 200 200 200 200",
    "PATCH /v2/images/{id}": "401 401 401 404 403 403 403 200 200 200",
    "DELETE /v2/images/{id}": "401 401 401 404 403 403 403 204 204 204",
    "GET /v2/images/{id}/file": "401 401 401 404 403 200 403 200 200 200",
}
WITHOUT_IMAGE = {
    "GET /operations/jobs": "401 401 401 403 200 200 200 200 200 200",
    "GET /operations/events": "401 401 401 403 200 200 200 200 200 200",
    "GET /": "300 300 300 300 300 300 300 300 300 300",
    "GET /versions": "200 200 200 200 200 200 200 200 200 200",
    "GET /v2": "300 300 300 300 300 300 300 300 300 300",
    "GET /v2/images": "401 401 401 403 200 200 200 200 200 200",
    "POST /v2/images": "401 401 401 403 403 201 403 201 201 201",
    "GET /v2/tasks": "401 401 401 403 200 200 200 200 200 200",
    "POST /v2/tasks": "401 401 401 403 403 403 403 403 403 201",
    "GET /v2/tasks/none": "401 401 401 403 404 404 404 404 404 404",
    "GET /v2/metadefs/namespaces": "401 401 401 403 200 200 200 200 200 200",
    "POST /v2/metadefs/namespaces": "401 401 401 403 403 403 403 403 403 201",
    "GET /v2/metadefs/resource_types": "401 401 401 403 200 200 200 200 200 200",
    "GET /v2/schemas/metadefs/tag": "401 401 401 200 200 200 200 200 200 200",
    "GET /v2/schemas/image": "401 401 401 200 200 200 200 200 200 200",
    "GET /v2/info/import": "401 401 401 200 200 200 200 200 200 200",
    "GET /v2/info/stores": "401 401 401 200 200 200 200 200 200 200",
    "GET /v2/info/stores/detail": "401 401 401 403 403 403 403 403 403 200",
    "GET /v2/info/usage": "401 401 401 403 200 200 200 200 200 200",
    "POST /v2/tickets": "401 401 401 403 403 403 403 403 403 404",
    "GET /v2/data/none": "401 401 401 401 401 401 401 401 401 401",
    "PUT /v2/data/none": "401 401 401 401 401 401 401 401 401 401",
    "GET /v2/blobs/none": "401 401 401 401 401 401 401 401 401 401",
    "POST /v2/blobs/none/copies": "401 401 401 401 401 401 401 401 401 401",
}
READ, WRITE = "401 401 401 403 404 404 200 200 200 200", "401 401 401 403 404 404 403 403 403 {}"
SPACE = "/v2/metadefs/namespaces/space"
METADEFS = {  # on a private namespace of p1
    f"GET {SPACE}": READ,
    f"PUT {SPACE}": WRITE.format(200),
    f"DELETE {SPACE}": WRITE.format(204),
    **{
        f"GET {SPACE}/{what}": READ
        for what in ("properties", "properties/one", "objects", "objects/one", "tags", "tags/one", "resource_types")
    },
    **{
        f"POST {SPACE}/{what}": WRITE.format(201)
        for what in ("properties", "objects", "tags", "tags/two", "resource_types")
    },
    **{f"PUT {SPACE}/{what}/one": WRITE.format(200) for what in ("properties", "objects", "tags")},
    **{
        f"DELETE {SPACE}/{what}": WRITE.format(204)
        for what in ("properties", "properties/one", "objects", "objects/one", "tags", "tags/one", "resource_types/one")
    },
}
UNKNOWN_ID = "00000000-0000-0000-0000-000000000000"
ABOUT = {"title": "One", "type": "string"}
JSON = {
    "POST /v2/images": {},
    "POST /v2/images/{id}/members": {"member": "p3"},
    "PUT /v2/images/{id}/members/p2": {"status": "accepted"},
    "POST /v2/images/{id}/import": {"method": {"name": "glance-direct"}},
    "POST /v2/tickets": {"image_id": UNKNOWN_ID, "action": "read"},
    "POST /v2/metadefs/namespaces": {"namespace": "new"},
    f"PUT {SPACE}": {"namespace": "space"},
    f"POST {SPACE}/properties": ABOUT | {"name": "two"},
    f"PUT {SPACE}/properties/one": ABOUT | {"name": "one"},
    f"POST {SPACE}/objects": {"name": "two"},
    f"PUT {SPACE}/objects/one": {"name": "one"},
    f"POST {SPACE}/tags": {"tags": []},
    f"PUT {SPACE}/tags/one": {"name": "one"},
    f"POST {SPACE}/resource_types": {"name": "two"},
    "POST /v2/tasks": {
        "type": "import",
        "input": {"import_from": "http://a/", "image_properties": {"disk_format": "raw", "container_format": "bare"}},
    },
}


def ask(service, route, image_id, name):
    method, path = route.split()
    path = path.format(id=image_id)
    who = (
        {"anonymous": True}
        if name == "none"
        else {"as_": getattr(service.book, "without_roles" if name == "nobody" else name)}
    )
    if method == "PATCH":
        headers = {"Content-Type": "application/openstack-images-v2.1-json-patch"}
        return service.client.patch(path, json=[], headers=headers, **who)
    if path.endswith(("/file", "/stage")) and method == "PUT":
        return service.client.put(path, data=io.BytesIO(b"x"), headers=OCTETS, **who)
    body = {"json": JSON[route]} if route in JSON else {}
    return service.client.request(method, path, **body, **who)


@pytest.mark.parametrize(
    ("visibility", "table"), [("private", PRIVATE), ("shared", SHARED), ("public", PUBLIC), (None, WITHOUT_IMAGE)]
)
def test_each_route_answers_each_caller_as_the_tables_say(service, visibility, table):
    image_id = None
    for route, row in table.items():
        for name, status in zip(CALLERS, row.split(), strict=True):
            image_id = image_id or fresh(service, visibility)
            answer = ask(service, route, image_id, name)
            assert answer.status_code == int(status), f"{route} by {name}: {answer.status_code}, not {status}"
            if answer.status_code < 300 and not route.startswith("GET"):
                image_id = None  # it changed: take another


def test_each_metadata_route_answers_each_caller_as_the_table_says(service):
    for route, row in METADEFS.items():
        for name, status in zip(CALLERS, row.split(), strict=True):
            if name in ("none", "admin"):
                service.client.delete(SPACE, as_=service.book.admin)
                body = {
                    "namespace": "space",
                    "properties": {"one": ABOUT},
                    "objects": [{"name": "one"}],
                    "tags": [{"name": "one"}],
                    "resource_type_associations": [{"name": "one"}],
                }
                made = service.client.post("/v2/metadefs/namespaces", json=body, as_=service.book.admin)
                assert made.status_code == 201, made.text
            answer = ask(service, route, "", name)
            assert answer.status_code == int(status), f"{route} by {name}: {answer.status_code}, not {status}"


TO_SERVICES = {  # what policy allows a service; the ticket is for an image that doesn't exist
    "GET /v2/images": 200,
    "GET /v2/info/stores/detail": 200,
    "POST /v2/tickets": 404,
    "GET /v2/info/stores": 200,
    "GET /v2/info/usage": 200,
    "GET /v2/tasks": 200,
    "GET /v2/info/import": 200,
    "GET /v2/schemas/image": 200,
    "GET /v2/schemas/metadefs/tag": 200,
}


@pytest.mark.parametrize("name", ["domain_admin", "system_reader", "system_admin", "service"])
@pytest.mark.parametrize(
    ("visibility", "table"),
    [("private", PRIVATE), ("shared", SHARED), ("public", PUBLIC), (None, WITHOUT_IMAGE), (None, METADEFS)],
)
def test_tokens_of_other_scopes_and_services_are_kept_out(service, name, visibility, table):
    """Administrators of a domain or of the system have no rights here; a service reaches only images that it made."""
    image_id = fresh(service, visibility)
    public = {route for route, row in WITHOUT_IMAGE.items() if row.startswith(("200", "300"))}
    for route in table.keys() - public:
        answer = ask(service, route, image_id, name)
        if name == "service" and visibility == "public" and route == "GET /v2/images/{id}":
            wanted = (404,)
        elif name == "service" and route in TO_SERVICES:
            wanted = (TO_SERVICES[route],)
        else:
            wanted = (401, 403, 404)
        assert answer.status_code in wanted, f"{route} by {name}: {answer.status_code}"


def test_a_service_reaches_only_the_images_that_it_made_for_users(service):
    on_behalf = {"X-Service-Token": service.book.service.token}
    body = {"name": "snapshot", "disk_format": "raw", "container_format": "bare"}
    made = service.client.post("/v2/images", json=body, headers=on_behalf).json
    foreign = service.image()
    another = service.book.add(make_caller("another", "service", project="service"))
    assert made["owner"] == "p1"
    assert [image["id"] for image in service.client.get("/v2/images", as_=service.book.service).json["images"]] == [
        made["id"]
    ]
    for who, image, ways in (
        (service.book.service, made, (204, 200, 204)),
        (another, foreign, (404, 404, 404)),
        (service.book.service, foreign, (404, 404, 404)),
    ):
        path = f"/v2/images/{image['id']}"
        put = service.client.put(f"{path}/file", data=io.BytesIO(b"x"), headers=OCTETS, as_=who)
        assert (
            put.status_code,
            service.client.get(path, as_=who).status_code,
            service.client.delete(path, as_=who).status_code,
        ) == ways


def test_a_service_shows_a_user_only_what_the_user_may_download(service):
    """A service shows an image because it is about to boot from it, so `download_image` decides as well."""
    image = service.image(content=b"data")
    on_behalf = {"X-Service-Token": service.book.service.token}
    path = f"/v2/images/{image['id']}"
    assert service.client.get(path, as_=service.book.reader).status_code == 200
    assert service.client.get(path, as_=service.book.reader, headers=on_behalf).status_code == 403
    assert service.client.get(path, as_=service.book.member, headers=on_behalf).status_code == 200


def fresh(service, visibility):
    """An image of p1 with data; a shared one is shared with p2."""
    if not visibility:
        return UNKNOWN_ID
    owner = service.book.admin if visibility == "public" else service.book.member
    image = service.image(content=b"data", visibility=visibility, tags=["old"], as_=owner)
    if visibility == "shared":
        service.client.post(f"/v2/images/{image['id']}/members", json={"member": "p2"})
    return image["id"]


def test_no_route_is_left_out_of_the_tables(service):
    tables = (PRIVATE, SHARED, PUBLIC, WITHOUT_IMAGE, METADEFS)
    known = {route.replace("{id}", "<image_id>") for table in tables for route in table}
    known = {route.replace("/space", "/<namespace>").replace("/stores/file", "/stores/<store_id>") for route in known}
    for end, name in (
        ("/t", "/<tag>"),
        ("/old", "/<tag>"),
        ("/p2", "/<member_id>"),
        ("/schemas/image", "/schemas/<name>"),
        ("/metadefs/tag", "/metadefs/<name>"),
        ("s/one", "s/<name>"),
        ("/tags/two", "/tags/<name>"),
        ("/data/none", "/data/<image_id>"),
        ("/blobs/none", "/blobs/<blob_id>"),
        ("/blobs/none/copies", "/blobs/<blob_id>/copies"),
        ("/tasks/none", "/tasks/<task_id>"),
    ):
        known = {route.removesuffix(end) + name if route.endswith(end) else route for route in known}
    routes = {
        f"{method} {rule.rule}"
        for rule in service.app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert routes - known == {"GET /healthcheck"}
