"""Manifests whose answer begins before they are stored."""

import json

from pileus_objectstore.testing import ObjectStoreFixture

QUERY = "?multipart-manifest=put&heartbeat=on"


def put(store: ObjectStoreFixture, path: str, segments: list[dict[str, str]], **headers: str) -> bytes:
    got = store.client.put(path + QUERY, data=json.dumps(segments), headers=headers)
    assert got.status_code == 202
    spaces, report = got.data.split(b"\r\n\r\n", 1)
    assert spaces
    assert not spaces.strip()
    return report


def test_the_report_has_the_real_status(store: ObjectStoreFixture, container: str) -> None:
    store.client.put(f"{container}/seg", data=b"x")
    segment = {"path": "/c/seg"}
    fields = json.loads(put(store, f"{container}/large", [segment], Accept="application/json"))
    assert (fields["Response Status"], fields["Response Body"], fields["Errors"]) == ("201 Created", "", [])
    assert fields["Etag"] == store.client.head(f"{container}/large").headers["Etag"]
    report = put(store, f"{container}/none", [segment, {"path": "c/gone"}])
    assert report.startswith(b"Response Status: 400 Bad Request\nResponse Body: Bad Request\n")
    assert report.endswith(b"Errors:\nc/gone, 404 Not Found\n")
    assert store.client.head(f"{container}/none").status_code == 404
    wrong = json.loads(put(store, f"{container}/none", [segment], Accept="application/json", Etag="0" * 32))
    assert wrong["Response Status"] == "422 Unprocessable Entity"
