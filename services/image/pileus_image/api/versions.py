"""The versions of the image API: /, /versions and /v2."""

from flask import request

from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource

resource = Resource("versions", __name__)

NEWEST_MINOR = 16
NOT_OFFERED = (14,)
"""2.14 is the cache API; our hosts keep caches of their own."""
WHY_PUBLIC = "clients ask for it before they have a token"


def _versions() -> JsonObject:
    link = [{"rel": "self", "href": f"{request.url_root}v2/"}]
    return {
        "versions": [
            {"id": f"v2.{minor}", "status": "CURRENT" if minor == NEWEST_MINOR else "SUPPORTED", "links": link}
            for minor in range(NEWEST_MINOR, -1, -1)
            if minor not in NOT_OFFERED
        ]
    }


@resource.endpoint("GET", "/", public=WHY_PUBLIC)
def choices() -> Answer:
    """List the versions, as the 300 that clients of the bare address expect."""
    return _versions(), 300


@resource.endpoint("GET", "/versions", public=WHY_PUBLIC)
def index() -> Answer:
    """List the versions."""
    return _versions()


@resource.endpoint("GET", "/v2", public=WHY_PUBLIC)
def version_2() -> Answer:
    """List the versions, as 300."""
    return _versions(), 300
