"""Links to resources, as clients can reach them."""

from flask import request

from pileus_identity.api.tools import tools


def base_url() -> str:
    """scheme://host:port/v3 as the client knows it."""
    return f"{tools().config.public_url.rstrip('/') or request.url_root.rstrip('/')}/v3"


def url(*path: str) -> str:
    """The URL of a path below /v3."""
    return "/".join((base_url(), *path))


def self_link(*path: str) -> dict[str, str]:
    """The `links` of a resource."""
    return {"self": url(*path)}
