"""Endpoints of the catalog: the URL of a service in a region for one interface."""

import re

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_identity.core import revocations
from pileus_identity.core.attributes import apply_attributes, insert
from pileus_identity.core.catalog import PLACEHOLDER
from pileus_identity.core.listing import ListPage, ListQuery, apply_filters, fetch_page
from pileus_identity.db.models import Endpoint, Region, Service
from pileus_identity.errors import ResourceNotFound, ValidationFailed
from pileus_kit.json_types import JsonObject

KNOWN = ("interface", "url", "enabled")
REFERENCES = ("service_id", "region_id", "region")
VALUES = ("project_id", "tenant_id", "user_id")  # what a placeholder may name
INCOMPLETE_PLACEHOLDER = re.compile(r"[$%]\(")


def find(session: Session, endpoint_id: str) -> Endpoint:
    """An endpoint by id. Raises ResourceNotFound."""
    endpoint = session.get(Endpoint, endpoint_id)
    if endpoint is None:
        raise ResourceNotFound(kind="endpoint", id=endpoint_id)
    return endpoint


def create(session: Session, body: JsonObject) -> Endpoint:
    """Create an endpoint. Raises ValidationFailed for an unknown service or region, or an unusable URL."""
    endpoint = Endpoint(extra={})
    _apply(session, endpoint, body)
    insert(session, endpoint, "endpoint", endpoint.id)
    revocations.invalidate_authorizations(session)
    return endpoint


def update(session: Session, endpoint: Endpoint, body: JsonObject) -> None:
    """Change an endpoint. Raises ValidationFailed as `create` does."""
    _apply(session, endpoint, body)
    session.flush()
    revocations.invalidate_authorizations(session)


def delete(session: Session, endpoint: Endpoint) -> None:
    """Delete an endpoint."""
    session.delete(endpoint)
    revocations.invalidate_authorizations(session)


def list_page(session: Session, query: ListQuery) -> ListPage[Endpoint]:
    """The endpoints that match a query."""
    texts = (Endpoint.service_id, Endpoint.region_id, Endpoint.interface)
    stmt = apply_filters(select(Endpoint), query.filters, texts, (Endpoint.enabled,))
    return fetch_page(session, stmt, Endpoint.id, query.page)


def _apply(session: Session, endpoint: Endpoint, body: JsonObject) -> None:
    if "service_id" in body:
        if session.get(Service, body["service_id"]) is None:
            raise ValidationFailed(why=f"Invalid service: {body['service_id']}.")
        endpoint.service_id = body["service_id"]
    if "region_id" in body or "region" in body:
        endpoint.region_id = _region_id(session, body)
    url = body.get("url", "")
    if any(name not in VALUES for name in PLACEHOLDER.findall(url)) or INCOMPLETE_PLACEHOLDER.search(
        PLACEHOLDER.sub("", url)
    ):
        raise ValidationFailed(why=f"Invalid endpoint URL: only {', '.join(VALUES)} can be filled in.")
    given = {key: value for key, value in body.items() if key not in REFERENCES and value is not None}
    apply_attributes(endpoint, given, KNOWN)


def _region_id(session: Session, body: JsonObject) -> str | None:
    """The region that a body names; the old attribute `region` creates it if it doesn't exist."""
    region_id: str | None = body.get("region_id", body.get("region"))
    if region_id and session.get(Region, region_id) is None:
        if "region_id" in body:
            raise ValidationFailed(why=f"Region {region_id} does not exist.")
        session.add(Region(id=region_id))
        session.flush()
    return region_id or None
