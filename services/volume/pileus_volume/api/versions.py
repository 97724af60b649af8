"""API versions: v3 with its microversions."""

from flask import request

from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.microversions import Microversions, text
from pileus_kit.web import Resource

resource = Resource("versions", __name__)
MICROVERSIONS = Microversions("volume", None, (3, 0), (3, 70))
PUBLIC = "clients read the versions before they have a token"


def _view() -> JsonObject:
    return {
        "id": "v3.0",
        "status": "CURRENT",
        "version": text(MICROVERSIONS.newest),
        "min_version": text(MICROVERSIONS.oldest),
        "updated": "2026-11-22T00:00:00Z",
        "links": [{"rel": "self", "href": f"{request.url_root}v3/"}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.volume+json;version=3"}],
    }


@resource.endpoint("GET", "/", public=PUBLIC)
def index() -> Answer:
    return {"versions": [_view()]}, 300


@resource.endpoint("GET", "/v3/", public=PUBLIC)
def show() -> Answer:
    return {"versions": [_view()]}, 200
