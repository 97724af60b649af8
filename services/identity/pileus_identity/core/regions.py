"""Regions of the catalog, which form trees."""

from sqlalchemy import delete as delete_rows
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from pileus_identity.core import revocations
from pileus_identity.core.attributes import apply_attributes, insert
from pileus_identity.core.listing import ListPage, ListQuery, fetch_page
from pileus_identity.db.models import Endpoint, Region
from pileus_identity.errors import DuplicateEntry, ForbiddenAction, ResourceNotFound, ValidationFailed
from pileus_kit.json_types import JsonObject

MAX_DEPTH = 20
MAX_SIBLINGS = 10_000  # regions of one depth that are deleted with the one above them


def find(session: Session, region_id: str) -> Region:
    """A region by id. Raises ResourceNotFound."""
    region = session.get(Region, region_id)
    if region is None:
        raise ResourceNotFound(kind="region", id=region_id)
    return region


def create(session: Session, body: JsonObject) -> Region:
    """Create a region with the id that the body gives, or a new one. Raises DuplicateEntry."""
    given_id = body.get("id")
    if given_id and session.get(Region, given_id) is not None:
        raise DuplicateEntry(kind="region", name=given_id)
    region = Region(id=given_id, extra={}) if given_id else Region(extra={})
    _apply(session, region, body)
    insert(session, region, "region", region.id)
    return region


def update(session: Session, region: Region, body: JsonObject) -> None:
    """Change a region. Raises ResourceNotFound for an unknown parent, ValidationFailed for a cycle."""
    _apply(session, region, body)
    session.flush()
    revocations.invalidate_authorizations(session)


def _apply(session: Session, region: Region, body: JsonObject) -> None:
    parent_id = body.get("parent_region_id")
    if "parent_region_id" in body:
        if parent_id is not None and parent_id == region.id:
            raise ValidationFailed(why="A region cannot be its own parent.")
        _check_no_cycle(session, region, parent_id)
        region.parent_id = parent_id
    given = {
        key: value
        for key, value in body.items()
        if key != "parent_region_id" and (key != "description" or value is not None)
    }
    apply_attributes(region, {"description": region.description or "", **given}, ("description",))


def _check_no_cycle(session: Session, region: Region, parent_id: str | None) -> None:
    for _ in range(MAX_DEPTH):
        if parent_id is None:
            return
        parent = find(session, parent_id)
        if parent.id == region.id:
            break
        parent_id = parent.parent_id
    raise ValidationFailed(why=f"Regions may be nested {MAX_DEPTH} deep, and not in circles.")


def delete(session: Session, region: Region) -> None:
    """Delete a region with those below it. Raises ForbiddenAction if one of them has endpoints."""
    layers = [[region.id]]
    while layers[-1]:
        layers.append(
            list(session.scalars(select(Region.id).where(Region.parent_id.in_(layers[-1])).limit(MAX_SIBLINGS)))
        )
    for layer in reversed(layers[:-1]):
        if session.scalar(select(exists().where(Endpoint.region_id.in_(layer)))):
            raise ForbiddenAction(
                why=f"Unable to delete region {region.id} because it or its child regions have associated endpoints."
            )
        session.execute(delete_rows(Region).where(Region.id.in_(layer)))


def list_page(session: Session, query: ListQuery) -> ListPage[Region]:
    """All regions, or those directly below the one that the query names."""
    stmt = select(Region)
    if "parent_region_id" in query.filters:
        stmt = stmt.where(Region.parent_id == query.filters["parent_region_id"])
    return fetch_page(session, stmt, Region.id, query.page)
