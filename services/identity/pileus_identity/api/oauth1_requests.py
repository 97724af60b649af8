"""The present request, for the verification of its OAuth1 signature."""

from flask import request

from pileus_identity.api.links import base_url
from pileus_identity.core.oauth1_signatures import SignedRequest


def signed_request() -> SignedRequest:
    """Only the Authorization header is read, because logs hold URLs."""
    query = f"?{request.query_string.decode('latin-1')}" if request.query_string else ""
    roots = dict.fromkeys((request.url_root.rstrip("/"), base_url().removesuffix("/v3")))
    urls = tuple(f"{root}{request.path}{query}" for root in roots)
    return SignedRequest(urls, request.headers.get("Authorization", ""))
