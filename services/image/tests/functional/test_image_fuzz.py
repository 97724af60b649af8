"""Random requests are refused or succeed; none ends in an internal error."""

import json
import string

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pileus_image.core import attributes

ODD = ["\0", "a\0b", "../..", "%00", "\u202e", "\U0001f600", "x" * 300, "in:", "gt:", 'in:"', "'; --", "None"]
TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20) | st.sampled_from(ODD)
NUMBER = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUE = st.recursive(
    st.none() | st.booleans() | NUMBER | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=5,
)
NAME = st.sampled_from([*attributes.WRITABLE, *attributes.FIXED, "locations", "os_glance_x", "p"]) | TEXT
PARAMETER = st.sampled_from(
    [
        *attributes.VIEW_COLUMNS,
        "limit",
        "marker",
        "sort",
        "sort_key",
        "sort_dir",
        "tag",
        "size_min",
        "size_max",
        "member_status",
    ]
) | st.text(string.printable, max_size=10)
WORDS = ["images", "members", "tags", "metadefs", "namespaces", "tasks", "schemas", "file"]
METHODS = ["GET", "PUT", "POST", "DELETE", "PATCH"]
QUICK = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@QUICK
@given(body=st.dictionaries(NAME, VALUE, max_size=4) | VALUE)
def test_random_images(service, body):
    answer = service.client.post("/v2/images", data=json.dumps(body), content_type="application/json")
    assert answer.status_code in (201, 400, 403, 409, 413), answer.text


@QUICK
@given(
    changes=st.lists(
        st.fixed_dictionaries(
            {},
            optional={
                "op": st.sampled_from(["add", "replace", "remove", "x"]),
                "path": NAME.map(lambda name: f"/{name}") | VALUE,
                "value": VALUE,
            },
        ),
        max_size=3,
    )
    | VALUE
)
def test_random_patches(service, changes):
    image = service.client.post("/v2/images", json={}).json
    answer = service.client.patch(
        f"/v2/images/{image['id']}",
        data=json.dumps(changes),
        content_type="application/openstack-images-v2.1-json-patch",
    )
    assert answer.status_code in (200, 400, 403, 409, 413), answer.text


@QUICK
@given(query=st.lists(st.tuples(PARAMETER, TEXT), max_size=4))
def test_random_queries(service, query):
    answer = service.client.get("/v2/images", query_string=query)
    assert answer.status_code in (200, 400), answer.text


@QUICK
@given(words=st.lists(st.sampled_from(WORDS) | TEXT, min_size=1, max_size=4), method=st.sampled_from(METHODS))
def test_random_paths(service, words, method):
    path = "/v2/" + "/".join(words)
    answer = service.client.request(method, path, as_=service.book.admin)
    assert answer.status_code < 500 or answer.status_code == 501, answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/v2/images/%00",
        "/v2/images?name=%00",
        "/v2/images?marker=%00",
        "/v2/tasks/%00",
        "/v2/metadefs/namespaces/%00",
        "/v2/images?x%00=y",
    ],
)
def test_a_nul_finds_nothing(service, path):
    assert service.client.get(path).status_code in (200, 400, 404)
