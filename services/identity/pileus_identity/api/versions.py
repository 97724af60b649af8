"""Version discovery at / and /v3."""

from pileus_identity.api.links import base_url
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource

resource = Resource("versions", __name__)

NEWEST = "v3.14"


@resource.endpoint("GET", "/", public="clients look for versions before they log in")
def index() -> Answer:
    """All versions: there is one."""
    return {"versions": {"values": [_version_view()]}}, 300, {"Location": base_url() + "/"}


@resource.endpoint("GET", "/v3", public="clients look for versions before they log in")
def show() -> Answer:
    """Version 3."""
    return {"version": _version_view()}


def _version_view() -> JsonObject:
    return {
        "id": NEWEST,
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": base_url() + "/"}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    }
