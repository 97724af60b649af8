"""The use cases of core, called as another API would call them: without an HTTP request, and with facts as results."""

import hashlib

import pytest

from pileus_kit.auth import Caller
from pileus_kit.errors import BadRequest, Conflict, Forbidden, NotFound, PreconditionFailed, TooLarge, Unauthorized
from pileus_objectstore.core import accounts, containers, copies, listing, manifest_uploads, objects
from pileus_objectstore.core.access import READ_OBJECT, Access
from pileus_objectstore.core.bulk_delete import delete_all
from pileus_objectstore.core.cluster import ListingQuery
from pileus_objectstore.core.manifest_uploads import SegmentRequest
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.requests import CopyRequest, GetRequest, LinkRequest, PostRequest, PutRequest
from pileus_objectstore.core.stored_objects import reader_of
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.errors import QuotaExceeded, Unprocessable
from pileus_objectstore.testing import ObjectStoreFixture

ACCOUNT = Target("AUTH_p1")
CONTAINER = Target("AUTH_p1", "c")
OBJECT = Target("AUTH_p1", "c", "o")
DATA = b"0123456789"


@pytest.fixture
def tools(store: ObjectStoreFixture) -> Tools:
    return store.app.tools


def caller_of(tools: Tools, token: str) -> Caller:
    return tools.authenticate(token)


@pytest.fixture
def access(tools: Tools) -> Access:
    access = Access(tools, caller_of(tools, "token-member"))
    assert containers.create(tools, access.caller, CONTAINER, {"X-Container-Meta-Colour": "red"})
    return access


def put_request(target: Target = OBJECT, data: bytes = DATA, **more: object) -> PutRequest:
    headers = {"Content-Type": "text/plain", "X-Object-Meta-A": "1"}
    return PutRequest(target, reader_of(iter([data] if data else [])), len(data), headers, **more)  # type: ignore[arg-type]


def body(found: objects.FoundObject) -> bytes:
    whole = found.body()
    return whole if isinstance(whole, bytes) else b"".join(whole)


def read(tools: Tools, access: Access, target: Target, **how: object) -> bytes:
    return body(objects.get(tools, access, GetRequest(target, **how)))  # type: ignore[arg-type]


def test_an_object_is_stored_and_read(tools: Tools, access: Access) -> None:
    reply = objects.put(tools, access, put_request())
    assert reply.meta is not None
    assert reply.meta.etag == hashlib.md5(DATA).hexdigest()
    found = objects.get(tools, access, GetRequest(OBJECT))
    assert (found.status, found.content.size, found.content.etag, found.spans) == (200, 10, reply.meta.etag, [(0, 9)])
    assert found.meta.headers == {"Content-Type": "text/plain", "X-Object-Meta-A": "1"}
    assert (found.changed, body(found)) == (reply.meta.timestamp, DATA)


def test_ranges_are_facts(tools: Tools, access: Access) -> None:
    objects.put(tools, access, put_request())
    for ranges, status, spans in (
        (((2, 4),), 206, [(2, 4)]),
        (((None, 3),), 206, [(7, 9)]),
        (((1, 2), (5, None)), 206, [(1, 2), (5, 9)]),
        (((10, None),), 416, []),
    ):
        found = objects.get(tools, access, GetRequest(OBJECT, ranges))
        assert (found.status, found.spans) == (status, spans)
        if found.stream is not None:
            found.stream.close()
    head = objects.get(tools, access, GetRequest(OBJECT, head=True))
    assert (head.status, head.content.size, head.stream) == (200, 10, None)


def test_refusals_are_errors_of_ours(tools: Tools, access: Access) -> None:
    absent = Target("AUTH_p1", "absent", "o")
    for error, request in (
        (NotFound, put_request(absent)),
        (Unprocessable, put_request(etag="0" * 32)),
        (TooLarge, put_request(max_bytes=3)),
        (BadRequest, put_request(link=LinkRequest(CONTAINER))),
    ):
        with pytest.raises(error):
            objects.put(tools, access, request)
    with pytest.raises(NotFound):
        objects.get(tools, access, GetRequest(OBJECT))
    with pytest.raises(NotFound):
        objects.update(tools, PostRequest(OBJECT, {}))
    with pytest.raises(NotFound):
        objects.delete(tools, OBJECT)
    with pytest.raises(NotFound):
        containers.get(tools, absent.parent)
    objects.put(tools, access, put_request())
    with pytest.raises(PreconditionFailed):
        objects.put(tools, access, put_request(only_if_new=True))
    with pytest.raises(PreconditionFailed):
        objects.delete(tools, OBJECT, if_delete_at=1)
    with pytest.raises(Conflict):
        containers.delete(tools, CONTAINER)


def test_metadata_is_replaced(tools: Tools, access: Access) -> None:
    objects.put(tools, access, put_request())
    assert objects.update(tools, PostRequest(OBJECT, {"X-Object-Meta-B": "2"})).status == 202
    found = objects.get(tools, access, GetRequest(OBJECT, head=True))
    assert found.meta.headers == {"Content-Type": "text/plain", "X-Object-Meta-B": "2"}


def test_a_listing_has_facts(tools: Tools, access: Access) -> None:
    for name in ("a", "b/1", "b/2"):
        objects.put(tools, access, put_request(Target("AUTH_p1", "c", name)))
    info, entries = containers.list_objects(tools, CONTAINER, ListingQuery(limit=10, delimiter="/"))
    assert (info.count, info.size, info.value("X-Container-Meta-Colour")) == (3, 30, "red")
    assert [(entry.name, entry.is_group) for entry in entries] == [("a", False), ("b/", True)]
    first = entries[0]
    assert (first.size, first.etag, first.content_type) == (10, hashlib.md5(DATA).hexdigest(), "text/plain")
    _, held = accounts.list_containers(tools, ACCOUNT, ListingQuery(limit=10))
    assert [entry.name for entry in held] == ["c"]
    with pytest.raises(NotFound):
        containers.list_objects(tools, Target("AUTH_p1", "absent"), ListingQuery(limit=1))
    assert listing.fetch(tools, Target("AUTH_p1", "absent"), ListingQuery(limit=1)) == (None, [])


def test_a_copy(tools: Tools, access: Access) -> None:
    objects.put(tools, access, put_request())
    there = Target("AUTH_p1", "c", "copy")
    copied = copies.copy(tools, access, CopyRequest(GetRequest(OBJECT, ((0, 3),)), there, {"X-Object-Meta-B": "2"}))
    assert copied.reply is not None
    assert copied.headers == {"Content-Type": "text/plain", "X-Object-Meta-A": "1", "X-Object-Meta-B": "2"}
    assert read(tools, access, there) == b"0123"
    refused = copies.copy(tools, access, CopyRequest(GetRequest(OBJECT, ((10, None),)), there, {}))
    assert (refused.reply, refused.source.status) == (None, 416)
    stranger = Access(tools, caller_of(tools, "token-other"))
    with pytest.raises(Forbidden):
        copies.copy(tools, stranger, CopyRequest(GetRequest(OBJECT), there, {}))


def test_a_large_object(tools: Tools, access: Access) -> None:
    parts = [Target("AUTH_p1", "c", f"part{number}") for number in range(3)]
    for part in parts:
        objects.put(tools, access, put_request(part))
    segments = [SegmentRequest(part) for part in parts[:2]] + [SegmentRequest(parts[2], span=(0, 1))]
    reply, etag = manifest_uploads.put(tools, access, put_request(data=b""), segments)
    assert reply.status == 201
    found = objects.get(tools, access, GetRequest(OBJECT))
    assert (found.large, found.content.size, found.content.etag) == (True, 22, etag)
    assert body(found) == DATA + DATA + b"01"
    part = objects.get(tools, access, GetRequest(OBJECT, part=3))
    assert (part.status, part.part, part.parts, body(part)) == (206, 3, 3, b"01")
    assert objects.get(tools, access, GetRequest(OBJECT, part=4)).status == 416
    with pytest.raises(BadRequest, match="Etag Mismatch"):
        manifest_uploads.put(tools, access, put_request(data=b""), [SegmentRequest(parts[0], etag="0" * 32)])
    with pytest.raises(Unprocessable):
        manifest_uploads.put(tools, access, put_request(data=b"", etag="0" * 32), segments)


def test_links_and_versions(tools: Tools, access: Access) -> None:
    objects.put(tools, access, put_request())
    link = Target("AUTH_p1", "c", "link")
    objects.put(tools, access, put_request(link, b"", link=LinkRequest(OBJECT)))
    found = objects.get(tools, access, GetRequest(link))
    assert (found.location, access.followed, body(found)) == ("/v1/AUTH_p1/c/o", "/v1/AUTH_p1/c/o", DATA)
    assert read(tools, access, link, follow=False) == b""
    containers.create(tools, access.caller, Target("AUTH_p1", "old"), {})
    containers.update(tools, CONTAINER, {"X-Versions-Location": "old"})
    objects.put(tools, access, put_request(data=b"second"))
    assert read(tools, access, link) == b"second"
    objects.delete(tools, OBJECT)
    assert read(tools, access, OBJECT) == DATA


def test_quotas(tools: Tools, access: Access) -> None:
    containers.update(tools, CONTAINER, {"X-Container-Meta-Quota-Bytes": "12"})
    objects.put(tools, access, put_request())
    with pytest.raises(QuotaExceeded):
        objects.put(tools, access, put_request(Target("AUTH_p1", "c", "more")))
    with pytest.raises(BadRequest):
        containers.update(tools, CONTAINER, {"X-Container-Meta-Quota-Count": "many"})
    with pytest.raises(Forbidden):
        accounts.update(tools, access, ACCOUNT, {"X-Account-Meta-Quota-Bytes": "1"})


def test_deletions_report_each_target(tools: Tools, access: Access) -> None:
    objects.put(tools, access, put_request())
    absent, foreign = Target("AUTH_p1", "c", "absent"), Target("AUTH_p2", "c", "o")
    outcomes = dict(delete_all(tools, access, [OBJECT, absent, foreign, Target("AUTH_p1"), CONTAINER]))
    assert outcomes[OBJECT] is None
    assert outcomes[CONTAINER] is None
    assert isinstance(outcomes[absent], NotFound)
    assert isinstance(outcomes[foreign], Forbidden)
    assert isinstance(outcomes[Target("AUTH_p1")], BadRequest)


def test_access(tools: Tools, access: Access) -> None:
    assert access.require(READ_OBJECT, OBJECT) is True
    other = Access(tools, caller_of(tools, "token-other"))
    with pytest.raises(Forbidden):
        other.require(READ_OBJECT, OBJECT)
    with pytest.raises(Unauthorized):
        Access(tools).require(READ_OBJECT, OBJECT)
    containers.update(tools, CONTAINER, {"X-Container-Read": "p2:*,.r:.example.com"})
    assert other.require(READ_OBJECT, OBJECT) is False
    assert Access(tools, referrer="http://www.example.com/").require(READ_OBJECT, OBJECT) is False
    signed = Access(tools)
    signed.signed_for = CONTAINER
    assert signed.require(READ_OBJECT, OBJECT) is False
    with pytest.raises(Unauthorized):
        signed.require(READ_OBJECT, Target("AUTH_p1", "d", "o"))
