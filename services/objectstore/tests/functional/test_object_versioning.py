"""X-Versions-Enabled: each PUT makes a version, and no step of one loses what was there."""

from collections.abc import Callable
from typing import Any

import pytest

from pileus_objectstore.core import listing, object_versioning
from pileus_objectstore.core.cluster import ListingQuery
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.version_names import versions_container
from pileus_objectstore.testing import ObjectStoreFixture

ID = "X-Object-Version-Id"


@pytest.fixture
def versioned(store: ObjectStoreFixture, container: str) -> str:
    assert store.client.post(container, headers={"X-Versions-Enabled": "true"}).status_code == 204
    return container


def versions(store: ObjectStoreFixture, container: str, more: str = "") -> list[tuple[str, str, bool]]:
    """(name, version, whether it is the latest) of all versions."""
    store.drain()
    answer = store.client.get(f"{container}?versions&format=json{more}")
    assert answer.status_code == 200, answer.text
    return [(row["name"], row["version_id"], row["is_latest"]) for row in answer.json]


def put(store: ObjectStoreFixture, path: str, data: bytes, **headers: str) -> str:
    answer = store.client.put(path, data=data, headers=headers)
    assert answer.status_code == 201, answer.text
    return str(answer.headers[ID])


def test_each_put_makes_a_version(store: ObjectStoreFixture, versioned: str) -> None:
    path = f"{versioned}/o"
    first, second = put(store, path, b"one"), put(store, path, b"two!")
    assert store.client.get(path).data == b"two!" and store.client.get(path).headers[ID] == second
    old = store.client.get(f"{path}?version-id={first}")
    assert (old.data, old.headers[ID]) == (b"one", first)
    assert store.client.head(f"{path}?version-id={first}").headers["Content-Length"] == "3"
    assert store.client.get(f"{path}?version-id={first}", headers={"Range": "bytes=1-"}).data == b"ne"
    assert versions(store, versioned) == [("o", second, True), ("o", first, False)]
    row = store.client.get(f"{versioned}?format=json").json
    assert [(one["name"], one["bytes"], one["hash"]) for one in row] == [
        ("o", 4, store.client.head(path).headers["Etag"])
    ]
    head = store.client.head(versioned).headers
    assert (head["X-Container-Object-Count"], head["X-Container-Bytes-Used"]) == ("1", "7")
    assert head["X-Versions-Enabled"] == "True"


def test_a_deletion_leaves_a_marker(store: ObjectStoreFixture, versioned: str) -> None:
    path = f"{versioned}/o"
    first = put(store, path, b"one")
    gone = store.client.delete(path)
    assert gone.status_code == 204
    marker = gone.headers[ID]
    assert store.client.get(path).status_code == 404
    shown = store.client.get(f"{path}?version-id={marker}")
    assert shown.status_code == 404 and shown.headers["Content-Type"].startswith("application/x-deleted")
    assert versions(store, versioned) == [("o", marker, True), ("o", first, False)]
    again = store.client.delete(path)
    assert again.status_code == 404 and again.headers[ID] > marker
    restored = store.client.put(f"{path}?version-id={first}", environ_overrides={"CONTENT_LENGTH": "0"})
    assert (restored.status_code, restored.headers[ID]) == (201, first)
    assert store.client.get(path).data == b"one"
    assert versions(store, versioned)[2] == ("o", first, True)


def test_a_version_is_deleted_for_good(store: ObjectStoreFixture, versioned: str) -> None:
    path = f"{versioned}/o"
    first, second = put(store, path, b"one"), put(store, path, b"two")
    gone = store.client.delete(f"{path}?version-id={first}")
    assert (gone.status_code, gone.headers["X-Object-Current-Version-Id"]) == (204, second)
    assert store.client.get(f"{path}?version-id={first}").status_code == 404
    assert store.client.delete(f"{path}?version-id={first}").status_code == 404
    assert store.client.delete(f"{path}?version-id={second}").headers["X-Object-Current-Version-Id"] == "null"
    assert store.client.get(path).status_code == 404
    assert versions(store, versioned) == []


def test_what_was_there_before_is_kept(store: ObjectStoreFixture, container: str) -> None:
    path = f"{container}/o"
    store.client.put(path, data=b"zero", headers={"X-Object-Meta-A": "b", "Content-Type": "text/x"})
    store.client.post(container, headers={"X-Versions-Enabled": "true"})
    assert versions(store, container) == [("o", "null", True)]
    assert store.client.get(f"{path}?version-id=null").data == b"zero"
    first = put(store, path, b"one")
    kept = versions(store, container)
    assert kept[0] == ("o", first, True) and len(kept) == 2
    old = store.client.get(f"{path}?version-id={kept[1][1]}")
    assert (old.data, old.headers["X-Object-Meta-A"], old.headers["Content-Type"]) == (b"zero", "b", "text/x")
    store.client.post(container, headers={"X-Versions-Enabled": "false"})
    assert ID not in store.client.put(path, data=b"two").headers
    assert store.client.get(path).headers[ID] == "null"
    assert store.client.delete(path).status_code == 204
    assert len(versions(store, container)) == 2


def test_metadata_belongs_to_a_version(store: ObjectStoreFixture, versioned: str) -> None:
    path = f"{versioned}/o"
    first = put(store, path, b"one")
    posted = {"X-Object-Meta-A": "1", "Content-Type": "text/x"}
    assert store.client.post(path, headers=posted).status_code == 202
    assert store.client.head(path).headers["X-Object-Meta-A"] == "1"
    second = put(store, path, b"two")
    assert "X-Object-Meta-A" not in store.client.head(path).headers
    assert store.client.head(f"{path}?version-id={first}").headers["Content-Type"].startswith("text/x")
    assert store.client.post(f"{path}?version-id={second}").status_code == 400
    destination = {"Destination": f"{versioned.rpartition('/')[2]}/copy"}
    copied = store.client.request("COPY", f"{path}?version-id={first}", headers=destination)
    assert copied.status_code == 201
    assert store.client.get(f"{versioned}/copy").headers["X-Object-Meta-A"] == "1"


def test_what_a_container_of_versions_refuses(store: ObjectStoreFixture, versioned: str) -> None:
    path = f"{versioned}/o"
    first = put(store, path, b"one")
    assert store.client.put(path, data=b"x", headers={"If-None-Match": "*"}).status_code == 412
    assert store.client.put(path, data=b"x", headers={"ETag": "0" * 32}).status_code == 422
    assert store.client.get(f"{path}?version-id=bad").status_code == 400
    assert store.client.put(f"{path}?version-id={first}", data=b"body").status_code == 400
    assert (
        store.client.put(f"{path}?version-id=1234567890.12345", environ_overrides={"CONTENT_LENGTH": "0"}).status_code
        == 404
    )
    assert store.client.post(versioned, headers={"X-Versions-Location": "x"}).status_code == 400
    assert versions(store, versioned) == [("o", first, True)]
    store.client.delete(path)
    store.drain()
    assert store.client.delete(versioned).status_code == 409
    for name, version, _ in versions(store, versioned):
        assert store.client.delete(f"{versioned}/{name}?version-id={version}").status_code == 204
    store.drain()
    assert store.client.delete(versioned).status_code == 204
    assert store.client.get(f"{store.account}?format=json").json == []
    store.client.put(versioned, headers={"X-Versions-Location": "x"})
    assert store.client.post(versioned, headers={"X-Versions-Enabled": "true"}).status_code == 400


def test_pages_of_versions(store: ObjectStoreFixture, versioned: str) -> None:
    made = [(name, put(store, f"{versioned}/{name}", b"x")) for name in ("a", "b/1", "b/1", "b/2", "c")]
    store.client.post(versioned, headers={"X-Versions-Enabled": "false"})
    store.client.put(f"{versioned}/b/1", data=b"null")
    whole = versions(store, versioned)
    assert [name for name, _, _ in whole] == ["a", "b/1", "b/1", "b/1", "b/2", "c"]
    assert whole[1] == ("b/1", "null", True) and whole[2][1] == made[2][1]
    for size in (1, 2, 3):
        page, found = versions(store, versioned, f"&limit={size}"), []
        while page:
            found += page
            name, version, _ = page[-1]
            page = versions(store, versioned, f"&limit={size}&marker={name}&version_marker={version}")
        assert [one[:2] for one in found] == [one[:2] for one in whole], size
    assert versions(store, versioned, "&reverse=on") == whole[::-1]
    assert [one[0] for one in versions(store, versioned, "&prefix=b&marker=b/1")] == ["b/2"]
    rows = store.client.get(f"{versioned}?versions&delimiter=/").json
    assert [row.get("subdir", row.get("name")) for row in rows] == ["a", "b/", "c"]
    assert store.client.get(f"{versioned}?versions&format=xml").status_code == 406


class Killed(BaseException):
    """The process died."""


def killed_after(store: ObjectStoreFixture, monkeypatch: pytest.MonkeyPatch, writes: int) -> None:
    """Let the proxy die before its next write but `writes`."""
    cluster, left = store.app.tools.cluster, [writes]

    def guarded(call: Callable[..., Any]) -> Callable[..., Any]:
        def act(*args: Any, **kwargs: Any) -> Any:
            if not left[0]:
                raise Killed
            left[0] -= 1
            return call(*args, **kwargs)

        return act

    monkeypatch.setattr(cluster, "put_object", guarded(cluster.put_object))
    monkeypatch.setattr(cluster, "write", guarded(cluster.write))


STEPS = [
    ("PUT", "null", 6),
    ("PUT", "version", 4),
    ("DELETE", "null", 5),
    ("DELETE", "version", 3),
    ("DELETE version", "version", 2),
]
"""(request, what is there before, how many writes the request makes)."""


@pytest.mark.parametrize(
    ("method", "kind", "writes", "dies"),
    [(method, kind, writes, writes < steps) for method, kind, steps in STEPS for writes in range(steps + 1)],
)
def test_killed_at_every_step(
    store: ObjectStoreFixture,
    container: str,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    kind: str,
    writes: int,
    dies: bool,
) -> None:
    """What was acknowledged stays readable, and the same request succeeds afterwards."""
    path = f"{container}/o"
    store.client.put(path, data=b"null")
    store.client.post(container, headers={"X-Versions-Enabled": "true"})
    kept = {b"null"}
    if kind == "version":
        kept |= {b"older", b"newer"}
        put(store, path, b"older")
        latest = put(store, path, b"newer")
    doomed = f"?version-id={latest}" if method == "DELETE version" else ""
    verb = method.partition(" ")[0]
    with monkeypatch.context() as patched:
        killed_after(store, patched, writes)
        try:
            store.client.request(verb, path + doomed, data=b"new" if verb == "PUT" else None)
        except Killed:
            died = True
        else:
            died = False
    assert died is dies
    kept -= {b"newer"} if doomed else set()
    store.drain()
    present = store.client.get(path)
    assert present.status_code == 404 or present.data in {*kept, b"newer", b"new"}
    assert kept <= contents(store, container)
    if died:
        again = store.client.request(verb, path + doomed, data=b"new" if verb == "PUT" else None)
        assert again.status_code in (201, 204, 404)
    assert kept <= contents(store, container)
    assert store.client.get(path).status_code == (200 if verb == "PUT" else 404)


def contents(store: ObjectStoreFixture, container: str) -> set[bytes]:
    return {
        store.client.get(f"{container}/{name}?version-id={one}").data for name, one, _ in versions(store, container)
    }


def test_a_put_that_comes_later_wins_over_a_promotion(store: ObjectStoreFixture, versioned: str) -> None:
    """S3's deletion of the current version makes the one before it current, unless another PUT was faster."""
    tools, target = store.app.tools, Target("AUTH_p1", versioned.rpartition("/")[2], "o")
    first, second = put(store, f"{versioned}/o", b"one"), put(store, f"{versioned}/o", b"two")
    store.drain()
    promote = object_versioning._promote  # what the deletion does before it removes the data
    stale = object_versioning.present(tools, target)
    third = put(store, f"{versioned}/o", b"three")
    assert promote(tools, target, stale, (second,))
    assert store.client.get(f"{versioned}/o").headers[ID] == third
    object_versioning.delete_version(tools, target, third, promote=True)
    object_versioning.delete_version(tools, target, second, promote=True)
    assert store.client.get(f"{versioned}/o").headers[ID] == first
    store.drain()
    holder = versions_container(target.parent)
    assert len(listing.fetch(tools, holder, ListingQuery(limit=10))[1]) == 1
