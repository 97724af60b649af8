"""`/` and `/v2.1`: the versions of the API."""

from flask import request

from pileus_compute.api.views.links import base_url
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.microversions import Microversions, text
from pileus_kit.web import Resource

MICROVERSIONS = Microversions("compute", "X-OpenStack-Nova-API-Version", (2, 1), (2, 96))
CAME_BY_V2 = "pileus.v2"
"""In the environment of a request whose path began with /v2."""
V2 = {"id": "v2.0", "status": "SUPPORTED", "version": "", "min_version": "", "updated": "2011-01-21T11:33:21Z"}
UPDATED = "2013-07-23T11:33:21Z"
WHY_PUBLIC = "clients discover versions before they have a token"

resource = Resource("versions", __name__)


def _v2_1_view() -> JsonObject:
    return {
        "id": "v2.1",
        "status": "CURRENT",
        "version": text(MICROVERSIONS.newest),
        "min_version": text(MICROVERSIONS.oldest),
        "updated": UPDATED,
        "links": [{"rel": "self", "href": f"{base_url()}/v2.1/"}],
    }


def _v2_view() -> JsonObject:
    return V2 | {"links": [{"rel": "self", "href": f"{base_url()}/v2/"}]}


@resource.endpoint("GET", "/", public=WHY_PUBLIC)
def index() -> Answer:
    return {"versions": [_v2_view(), _v2_1_view()]}


@resource.endpoint("GET", "/v2.1", public=WHY_PUBLIC)
@resource.endpoint("GET", "/v2.1/", public=WHY_PUBLIC)
def show() -> Answer:
    by_v2 = request.environ.get(CAME_BY_V2)
    view = _v2_view() if by_v2 else _v2_1_view()
    media = f"application/vnd.openstack.compute+json;version={'2' if by_v2 else '2.1'}"
    view["links"].append(
        {"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/api-ref/compute/"}
    )
    view["media-types"] = [{"base": "application/json", "type": media}]
    return {"version": view}
