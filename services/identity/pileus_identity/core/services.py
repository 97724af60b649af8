"""Services of the catalog."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_identity.core import revocations
from pileus_identity.core.attributes import apply_attributes, insert, without_nulls
from pileus_identity.core.listing import ListPage, ListQuery, apply_filters, fetch_page
from pileus_identity.db.models import Service
from pileus_identity.errors import ResourceNotFound
from pileus_kit.json_types import JsonObject

KNOWN = ("type", "name", "description", "enabled")


def find(session: Session, service_id: str) -> Service:
    """A service by id. Raises ResourceNotFound."""
    service = session.get(Service, service_id)
    if service is None:
        raise ResourceNotFound(kind="service", id=service_id)
    return service


def create(session: Session, body: JsonObject) -> Service:
    """Create a service; several may have the same type and name."""
    service = Service(extra={})
    apply_attributes(service, without_nulls(body), KNOWN)
    insert(session, service, "service", service.name)
    revocations.invalidate_authorizations(session)
    return service


def update(session: Session, service: Service, body: JsonObject) -> None:
    """Change a service."""
    apply_attributes(service, without_nulls(body), KNOWN)
    session.flush()
    revocations.invalidate_authorizations(session)


def delete(session: Session, service: Service) -> None:
    """Delete a service with its endpoints. Registered limits for it stay."""
    session.delete(service)
    revocations.invalidate_authorizations(session)


def list_page(session: Session, query: ListQuery) -> ListPage[Service]:
    """The services that match a query."""
    stmt = apply_filters(select(Service), query.filters, (Service.type, Service.name))
    return fetch_page(session, stmt, Service.id, query.page)
