"""Which versions there are, for those who know only the address."""

from typing import Any

from flask import request

from pileus_kit.web import Resource, tools

resource = Resource("discovery", __name__)

NEWEST = "v3.14"


def base() -> str:
    """scheme://host:port/v3 as the client knows it."""
    return f"{tools().config.public_url.rstrip('/') or request.host_url.rstrip('/')}/v3"


@resource.endpoint("GET", "/", public="clients look for versions before they log in")
def versions() -> Any:
    return {"versions": {"values": [_version()]}}, 300, {"Location": base() + "/"}


@resource.endpoint("GET", "/v3", public="clients look for versions before they log in")
def version() -> Any:
    return {"version": _version()}


def _version() -> dict[str, Any]:
    return {
        "id": NEWEST,
        "status": "stable",
        "updated": "2020-04-07T00:00:00Z",
        "links": [{"rel": "self", "href": base() + "/"}],
        "media-types": [{"base": "application/json", "type": "application/vnd.openstack.identity-v3+json"}],
    }
