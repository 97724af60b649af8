"""Metadata of servers, and updates."""

from pileus_compute.testing import ComputeFixture

IMAGE_ID = "11111111-1111-4111-8111-111111111111"


def test_metadata_tags_and_updates(compute: ComputeFixture) -> None:
    client, server = compute.client, compute.server(imageRef=IMAGE_ID, metadata={"a": "1"})["id"]
    path = f"/v2.1/servers/{server}"
    assert client.post(f"{path}/metadata", json={"metadata": {"b": "2"}}).json["metadata"] == {"a": "1", "b": "2"}
    assert client.put(f"{path}/metadata/b", json={"meta": {"b": "3"}}).json["meta"] == {"b": "3"}
    assert client.put(f"{path}/metadata/b", json={"meta": {"c": "3"}}).status_code == 400
    assert client.delete(f"{path}/metadata/zz").status_code == 404
    assert client.put(f"{path}/metadata", json={"metadata": {}}).json["metadata"] == {}
    assert client.put(f"{path}/tags/x", version="2.79").status_code == 201
    assert client.put(f"{path}/tags", json={"tags": ["p", "q"]}, version="2.79").json["tags"] == ["p", "q"]
    assert client.get(f"{path}/tags").status_code == 404  # not before 2.26
    renamed = client.put(path, json={"server": {"name": "other", "accessIPv4": "192.0.2.1"}}, version="2.79")
    assert renamed.json["server"]["name"] == "other" and renamed.json["server"]["accessIPv4"] == "192.0.2.1"


def test_metadata_is_refused(compute: ComputeFixture) -> None:
    client, server = compute.client, compute.server(imageRef=IMAGE_ID)["id"]
    path = f"/v2.1/servers/{server}/metadata"
    assert client.post(path, json={"metadata": {"a/b": "1"}}).status_code == 400
    assert client.post(path, json={"metadata": {"a": 1}}).status_code == 400
    assert client.get(f"{path}/zz").status_code == 404
    assert client.get(path, as_=compute.book.other).status_code == 404
    assert client.post(path, json={"metadata": {}}, as_=compute.book.reader).status_code == 403
    client.put("/v2.1/os-quota-sets/p1", json={"quota_set": {"metadata_items": 1}}, as_=compute.book.admin)
    refused = client.post(path, json={"metadata": {"a": "1", "b": "2"}})
    assert refused.status_code == 403 and "Maximum number of metadata items exceeds 1" in refused.text
    compute.act(server, "lock")
    assert client.put(path, json={"metadata": {}}).status_code == 409
    compute.act(server, "unlock")
    compute.act(server, "os-resetState", {"state": "error"}, as_=compute.book.admin)
    refused = client.put(path, json={"metadata": {}})
    assert refused.status_code == 409 and "vm_state error" in refused.text


def test_updates_are_refused(compute: ComputeFixture) -> None:
    client, server = compute.client, compute.server(imageRef=IMAGE_ID)["id"]
    path = f"/v2.1/servers/{server}"
    for version, fields, status in (
        ("2.1", {"name": ""}, 400),
        ("2.1", {"accessIPv4": "x"}, 400),
        ("2.1", {"accessIPv4": ""}, 200),
        ("2.18", {"description": "d"}, 400),
        ("2.19", {"description": "d"}, 200),
        ("2.89", {"hostname": "h"}, 400),
        ("2.90", {"hostname": "host-1"}, 200),
        ("2.90", {"hostname": "host.example.org"}, 400),
        ("2.94", {"hostname": "host.example.org"}, 200),
    ):
        answer = client.put(path, json={"server": fields}, version=version)
        assert answer.status_code == status, (version, fields, answer.text)
    assert client.put(path, json={"server": {"name": "x"}}, as_=compute.book.other).status_code == 404
    compute.act(server, "lock")
    assert client.put(path, json={"server": {"name": "x"}}).status_code == 409
