"""`/` and `/v2.1`: which versions there are."""

from typing import Any

from flask import request

from pileus_compute.api.requests import base_url
from pileus_kit.microversions import Microversions, text
from pileus_kit.web import Resource

MICROVERSIONS = Microversions("compute", "X-OpenStack-Nova-API-Version", (2, 1), (2, 96))
OLD = "pileus.v2"  # in a request's environment: it came by /v2
LEGACY = {"id": "v2.0", "status": "SUPPORTED", "version": "", "min_version": "", "updated": "2011-01-21T11:33:21Z"}
UPDATED = "2013-07-23T11:33:21Z"
WHY = "clients discover versions before they have a token"

resource = Resource("versions", __name__)


def _version() -> dict[str, Any]:
    return {
        "id": "v2.1",
        "status": "CURRENT",
        "version": text(MICROVERSIONS.newest),
        "min_version": text(MICROVERSIONS.oldest),
        "updated": UPDATED,
        "links": [{"rel": "self", "href": f"{base_url()}/v2.1/"}],
    }


def _legacy() -> dict[str, Any]:
    return LEGACY | {"links": [{"rel": "self", "href": f"{base_url()}/v2/"}]}


@resource.endpoint("GET", "/", public=WHY)
def index() -> Any:
    return {"versions": [_legacy(), _version()]}


@resource.endpoint("GET", "/v2.1", public=WHY)
@resource.endpoint("GET", "/v2.1/", public=WHY)
def show() -> Any:
    old = request.environ.get(OLD)
    about = _legacy() if old else _version()
    media = f"application/vnd.openstack.compute+json;version={'2' if old else '2.1'}"
    about["links"].append(
        {"rel": "describedby", "type": "text/html", "href": "https://docs.openstack.org/api-ref/compute/"}
    )
    about["media-types"] = [{"base": "application/json", "type": media}]
    return {"version": about}
