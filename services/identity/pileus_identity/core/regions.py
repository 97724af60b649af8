"""Regions: where the cloud has endpoints."""

from collections.abc import Mapping

from sqlalchemy import Select, delete, exists, select
from sqlalchemy.orm import Session

from pileus_identity.core import ledger
from pileus_identity.core.bodies import Body, apply, store
from pileus_identity.db.models import Endpoint, Region
from pileus_identity.errors import Invalid, Missing, Refused, Taken

DEEPEST = 20
MOST = 10_000  # regions of one depth that go with the one above them


def get(session: Session, region_id: str) -> Region:
    region = session.get(Region, region_id)
    if region is None:
        raise Missing(kind="region", id=region_id)
    return region


def create(session: Session, body: Body) -> Region:
    given = body.get("id")
    if given and session.get(Region, given) is not None:
        raise Taken(kind="region", name=given)
    region = Region(id=given, extra={}) if given else Region(extra={})
    _put(session, region, body)
    store(session, region, "region")
    return region


def change(session: Session, region: Region, body: Body) -> None:
    _put(session, region, body)
    session.flush()
    ledger.record(session)


def _put(session: Session, region: Region, body: Body) -> None:
    parent_id = body.get("parent_region_id")
    if "parent_region_id" in body:
        if parent_id is not None and parent_id == region.id:
            raise Invalid(why="A region cannot be its own parent.")
        _no_circle(session, region, parent_id)
        region.parent_id = parent_id
    known = {k: v for k, v in body.items() if k != "parent_region_id" and (k != "description" or v is not None)}
    apply(region, {"description": region.description or "", **known}, ("description",))


def _no_circle(session: Session, region: Region, parent_id: str | None) -> None:
    for _ in range(DEEPEST):
        if parent_id is None:
            return
        parent = session.get(Region, parent_id)
        if parent is None:
            raise Missing(kind="region", id=parent_id)
        if parent.id == region.id:
            break
        parent_id = parent.parent_id
    raise Invalid(why=f"Regions may be nested {DEEPEST} deep, and not in circles.")


def remove(session: Session, region: Region) -> None:
    """With the regions below it."""
    layers = [[region.id]]
    while layers[-1]:
        layers.append(list(session.scalars(select(Region.id).where(Region.parent_id.in_(layers[-1])).limit(MOST))))
    for layer in reversed(layers[:-1]):
        if session.scalar(select(exists().where(Endpoint.region_id.in_(layer)))):
            raise Refused(
                why=f"Unable to delete region {region.id} because it or its child regions have associated endpoints."
            )
        session.execute(delete(Region).where(Region.id.in_(layer)))


def find(asked: Mapping[str, str]) -> Select[Region]:
    stmt = select(Region)
    if "parent_region_id" in asked:
        stmt = stmt.where(Region.parent_id == asked["parent_region_id"])
    return stmt
