"""Flavors, their extra specs, and the projects that may use those that are not public."""

from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy import delete as delete_rows
from sqlalchemy.orm import Session

from pileus_compute.db.models import Flavor, FlavorAccess
from pileus_compute.errors import (
    ExtraSpecNotFound,
    FlavorAccessExists,
    FlavorAccessNotFound,
    FlavorExists,
    FlavorIsPublic,
    FlavorNotFound,
)
from pileus_kit.db import new_id
from pileus_kit.json_types import JsonObject
from pileus_kit.paging import fetch

SORTS = {
    "flavorid": Flavor.id,
    "name": Flavor.name,
    "memory_mb": Flavor.memory_mib,
    "vcpus": Flavor.vcpus,
    "root_gb": Flavor.disk_gib,
    "created_at": Flavor.created_at,
    "updated_at": Flavor.updated_at,
    "ephemeral_gb": Flavor.ephemeral_gib,
    "swap": Flavor.swap_mib,
    "rxtx_factor": Flavor.rxtx_factor,
    "is_public": Flavor.is_public,
    "id": Flavor.id,
}


@dataclass(frozen=True)
class FlavorQuery:
    """Which flavors to list."""

    project_id: str | None
    see_all: bool = False
    """Show flavors, too, that are neither public nor the project's."""
    is_public: bool | None = None
    """Only the public ones, or only the others; counts for those who may see all."""
    min_memory_mib: int | None = None
    min_disk_gib: int | None = None
    sort_key: str = "flavorid"
    sort_dir: Literal["asc", "desc"] = "asc"
    marker: str | None = None
    limit: int = 1000


@dataclass(frozen=True)
class NewFlavor:
    """The flavor to be made. `id` None: one is chosen."""

    name: str
    memory_mib: int
    vcpus: int
    disk_gib: int
    id: str | None = None
    ephemeral_gib: int = 0
    swap_mib: int = 0
    rxtx_factor: float = 1.0
    description: str | None = None
    is_public: bool = True
    extra_specs: dict[str, str] = field(default_factory=dict)


def _is_visible(project_id: str | None) -> ColumnElement[bool]:
    """Return the condition that a project may use a flavor."""
    return or_(
        Flavor.is_public, exists().where(FlavorAccess.flavor_id == Flavor.id, FlavorAccess.project_id == project_id)
    )


def find(session: Session, flavor_id: str, project_id: str | None = None, see_all: bool = False) -> Flavor:
    """Return the flavor if the project may use it, or the caller may see all. Raises FlavorNotFound."""
    where = [Flavor.id == flavor_id] + ([] if see_all else [_is_visible(project_id)])
    flavor = session.scalar(select(Flavor).where(*where))
    if flavor is None:
        raise FlavorNotFound(flavor=flavor_id)
    return flavor


def list_flavors(session: Session, query: FlavorQuery) -> list[Flavor]:
    """Return a page of flavors. Raises FlavorNotFound for an unknown marker."""
    stmt = select(Flavor)
    if not query.see_all:
        stmt = stmt.where(_is_visible(query.project_id))
    elif query.is_public is not None:
        stmt = stmt.where(Flavor.is_public == query.is_public)
    if query.min_memory_mib is not None:
        stmt = stmt.where(Flavor.memory_mib >= query.min_memory_mib)
    if query.min_disk_gib is not None:
        stmt = stmt.where(Flavor.disk_gib >= query.min_disk_gib)
    after = find(session, query.marker, query.project_id, query.see_all) if query.marker else None
    column = SORTS[query.sort_key]
    order = [(column, query.sort_dir)] + ([] if column is Flavor.id else [(Flavor.id, query.sort_dir)])
    return fetch(session, stmt, order, after, query.limit)


def create(session: Session, new: NewFlavor) -> Flavor:
    """Make a flavor. Raises FlavorExists if its id or its name is taken."""
    flavor_id = new.id or new_id()
    taken = session.scalar(select(Flavor).where(or_(Flavor.id == flavor_id, Flavor.name == new.name)))
    if taken:
        same_id = taken.id == flavor_id
        raise FlavorExists(what="ID" if same_id else "name", value=flavor_id if same_id else new.name)
    flavor = Flavor(
        id=flavor_id,
        name=new.name,
        memory_mib=new.memory_mib,
        vcpus=new.vcpus,
        disk_gib=new.disk_gib,
        ephemeral_gib=new.ephemeral_gib,
        swap_mib=new.swap_mib,
        rxtx_factor=new.rxtx_factor,
        description=new.description,
        is_public=new.is_public,
        extra_specs=new.extra_specs,
    )
    session.add(flavor)
    session.flush()
    return flavor


def update(session: Session, flavor_id: str, description: str | None) -> Flavor:
    """Change what may be changed of a flavor."""
    flavor = find(session, flavor_id, see_all=True)
    flavor.description = description
    return flavor


def delete(session: Session, flavor_id: str) -> None:
    """Delete a flavor. Servers made of it keep a copy of what they need."""
    session.delete(find(session, flavor_id, see_all=True))


def _find_for_update(session: Session, flavor_id: str) -> Flavor:
    flavor = session.scalar(select(Flavor).where(Flavor.id == flavor_id).with_for_update())
    if flavor is None:
        raise FlavorNotFound(flavor=flavor_id)
    return flavor


def update_extra_specs(session: Session, flavor_id: str, specs: dict[str, str]) -> None:
    """Set some of the flavor's extra specs."""
    flavor = _find_for_update(session, flavor_id)
    flavor.extra_specs = flavor.extra_specs | specs


def delete_extra_spec(session: Session, flavor_id: str, key: str) -> None:
    """Delete one of the flavor's extra specs. Raises ExtraSpecNotFound."""
    flavor = _find_for_update(session, flavor_id)
    if key not in flavor.extra_specs:
        raise ExtraSpecNotFound(flavor=flavor_id, key=key)
    flavor.extra_specs = {k: v for k, v in flavor.extra_specs.items() if k != key}


def add_access(session: Session, flavor_id: str, project_id: str) -> list[str]:
    """Let a project use a flavor that is not public. Return all projects that may."""
    flavor = find(session, flavor_id, see_all=True)
    if flavor.is_public:
        raise FlavorIsPublic()
    if session.get(FlavorAccess, (flavor_id, project_id)):
        raise FlavorAccessExists(flavor=flavor_id, project=project_id)
    session.add(FlavorAccess(flavor_id=flavor_id, project_id=project_id))
    session.flush()
    return list_access(session, flavor_id)


def remove_access(session: Session, flavor_id: str, project_id: str) -> list[str]:
    """Let a project no longer use a flavor. Return the projects that still may. Raises FlavorAccessNotFound."""
    find(session, flavor_id, see_all=True)
    gone = session.execute(
        delete_rows(FlavorAccess).where(FlavorAccess.flavor_id == flavor_id, FlavorAccess.project_id == project_id)
    )
    if not gone.rowcount:  # type: ignore[attr-defined]
        raise FlavorAccessNotFound(flavor=flavor_id, project=project_id)
    return list_access(session, flavor_id)


def list_access(session: Session, flavor_id: str) -> list[str]:
    """Return the projects that may use a flavor which is not public."""
    return list(
        session.scalars(
            select(FlavorAccess.project_id).where(FlavorAccess.flavor_id == flavor_id).order_by(FlavorAccess.project_id)
        )
    )


def copy_of(flavor: Flavor) -> JsonObject:
    """Return what a server remembers of its flavor, which may be deleted before the server is."""
    return {
        "id": flavor.id,
        "name": flavor.name,
        "vcpus": flavor.vcpus,
        "memory_mib": flavor.memory_mib,
        "disk_gib": flavor.disk_gib,
        "ephemeral_gib": flavor.ephemeral_gib,
        "swap_mib": flavor.swap_mib,
        "rxtx_factor": flavor.rxtx_factor,
        "extra_specs": dict(flavor.extra_specs),
    }
