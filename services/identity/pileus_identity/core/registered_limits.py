"""Registered limits: the default limit of a service's resource, in one region or in all."""

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from pileus_identity.core.attributes import flush
from pileus_identity.core.listing import ListPage, ListQuery, apply_filters, fetch_page
from pileus_identity.db.models import Limit, Region, RegisteredLimit, Service
from pileus_identity.errors import ForbiddenAction, ResourceNotFound, ValidationFailed
from pileus_kit.json_types import JsonObject


def find(session: Session, limit_id: str) -> RegisteredLimit:
    """A registered limit by id. Raises ResourceNotFound."""
    registered = session.get(RegisteredLimit, limit_id)
    if registered is None:
        raise ResourceNotFound(kind="registered limit", id=limit_id)
    return registered


def create(session: Session, bodies: list[JsonObject]) -> list[RegisteredLimit]:
    """Register limits, all or none. Raises DuplicateEntry or ValidationFailed."""
    created = []
    for body in bodies:
        registered = RegisteredLimit(description=body.get("description"))
        _apply(session, registered, body)
        session.add(registered)
        flush(session, "registered_limit", registered.resource_name)
        created.append(registered)
    return created


def update(session: Session, registered: RegisteredLimit, body: JsonObject) -> None:
    """Change a registered limit. Raises ForbiddenAction if limits refer to it and would refer to something else."""
    if {"service_id", "region_id", "resource_name"} & set(body):
        _check_unused(session, registered, "update")
    _apply(session, registered, body)
    flush(session, "registered_limit", registered.resource_name)


def delete(session: Session, registered: RegisteredLimit) -> None:
    """Delete a registered limit. Raises ForbiddenAction if limits refer to it."""
    _check_unused(session, registered, "delete")
    session.delete(registered)


def list_page(session: Session, query: ListQuery) -> ListPage[RegisteredLimit]:
    """The registered limits that match a query."""
    texts = (RegisteredLimit.service_id, RegisteredLimit.region_id, RegisteredLimit.resource_name)
    stmt = apply_filters(select(RegisteredLimit), query.filters, texts)
    return fetch_page(session, stmt, RegisteredLimit.id, query.page)


def _apply(session: Session, registered: RegisteredLimit, body: JsonObject) -> None:
    if "service_id" in body:
        if session.get(Service, body["service_id"]) is None:
            raise ValidationFailed(why=f"Service {body['service_id']} does not exist.")
        registered.service_id = body["service_id"]
    if "region_id" in body:
        if body["region_id"] is not None and session.get(Region, body["region_id"]) is None:
            raise ValidationFailed(why=f"Region {body['region_id']} does not exist.")
        registered.region_id = body["region_id"] or ""
    for name in ("resource_name", "default_limit", "description"):
        if name in body:
            setattr(registered, name, body[name])


def _check_unused(session: Session, registered: RegisteredLimit, verb: str) -> None:
    if session.scalar(select(exists().where(Limit.registered_limit_id == registered.id))):
        raise ForbiddenAction(
            why=f"Unable to {verb} registered limit {registered.id} because there are project limits associated "
            "with it."
        )
