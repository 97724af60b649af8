"""The request at hand, for those who check its OAuth1 signature."""

from flask import request

from pileus_identity.api.discovery import base
from pileus_identity.core.signed_requests import SignedRequest


def signed_request() -> SignedRequest:
    """Only the Authorization header is read: what is in a URL would be in logs."""
    query = f"?{request.query_string.decode('latin-1')}" if request.query_string else ""
    roots = dict.fromkeys((request.url_root.rstrip("/"), base().removesuffix("/v3")))
    urls = tuple(f"{root}{request.path}{query}" for root in roots)
    return SignedRequest(urls, request.headers.get("Authorization", ""))
