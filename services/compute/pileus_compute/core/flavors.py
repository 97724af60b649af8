"""Flavors, their extra specs, and who may see those that are not public."""

from typing import Any

from sqlalchemy import delete as delete_rows
from sqlalchemy import exists, or_, select
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


def visible(project_id: str | None) -> Any:
    """The condition under which a project sees a flavor."""
    return or_(
        Flavor.is_public, exists().where(FlavorAccess.flavor_id == Flavor.id, FlavorAccess.project_id == project_id)
    )


def find(session: Session, flavor_id: str, project_id: str | None = None, everything: bool = False) -> Flavor:
    """The flavor, if the project may see it (or `everything`). Raises FlavorNotFound."""
    where = [Flavor.id == flavor_id] + ([] if everything else [visible(project_id)])
    flavor = session.scalar(select(Flavor).where(*where))
    if flavor is None:
        raise FlavorNotFound(flavor=flavor_id)
    return flavor


def page(
    session: Session,
    project_id: str | None,
    is_public: bool | None,
    everything: bool,
    least: dict[str, int],
    sort: tuple[str, str],
    marker: str | None,
    limit: int,
) -> list[Flavor]:
    """`is_public` None: all that there are, for those who may see `everything`."""
    stmt = select(Flavor)
    if not everything:
        stmt = stmt.where(visible(project_id))
    elif is_public is not None:
        stmt = stmt.where(Flavor.is_public == is_public)
    if "minRam" in least:
        stmt = stmt.where(Flavor.memory_mib >= least["minRam"])
    if "minDisk" in least:
        stmt = stmt.where(Flavor.disk_gib >= least["minDisk"])
    after = find(session, marker, project_id, everything) if marker else None
    column, direction = SORTS[sort[0]], sort[1]
    order = [(column, direction)] + ([] if column is Flavor.id else [(Flavor.id, direction)])
    return fetch(session, stmt, order, after, limit)  # type: ignore[arg-type]


def create(session: Session, facts: dict[str, Any]) -> Flavor:
    flavor_id = facts.pop("id", None) or new_id()
    taken = session.scalar(select(Flavor).where(or_(Flavor.id == flavor_id, Flavor.name == facts["name"])))
    if taken:
        raise FlavorExists(
            what="ID" if taken.id == flavor_id else "name", value=flavor_id if taken.id == flavor_id else facts["name"]
        )
    flavor = Flavor(id=flavor_id, extra_specs={}, **facts)
    session.add(flavor)
    session.flush()
    return flavor


def delete(session: Session, flavor_id: str) -> None:
    session.delete(find(session, flavor_id, everything=True))


def specs(session: Session, flavor_id: str, change: dict[str, str]) -> dict[str, str]:
    """Set some extra specs and return all of them."""
    flavor = session.scalar(select(Flavor).where(Flavor.id == flavor_id).with_for_update())
    if flavor is None:
        raise FlavorNotFound(flavor=flavor_id)
    flavor.extra_specs = flavor.extra_specs | change
    return flavor.extra_specs


def drop_spec(session: Session, flavor_id: str, key: str) -> None:
    flavor = session.scalar(select(Flavor).where(Flavor.id == flavor_id).with_for_update())
    if flavor is None:
        raise FlavorNotFound(flavor=flavor_id)
    if key not in flavor.extra_specs:
        raise ExtraSpecNotFound(flavor=flavor_id, key=key)
    flavor.extra_specs = {k: v for k, v in flavor.extra_specs.items() if k != key}


def grant(session: Session, flavor_id: str, project_id: str) -> list[str]:
    flavor = find(session, flavor_id, everything=True)
    if flavor.is_public:
        raise FlavorIsPublic()
    if session.get(FlavorAccess, (flavor_id, project_id)):
        raise FlavorAccessExists(flavor=flavor_id, project=project_id)
    session.add(FlavorAccess(flavor_id=flavor_id, project_id=project_id))
    session.flush()
    return granted(session, flavor_id)


def revoke(session: Session, flavor_id: str, project_id: str) -> list[str]:
    find(session, flavor_id, everything=True)
    gone = session.execute(
        delete_rows(FlavorAccess).where(FlavorAccess.flavor_id == flavor_id, FlavorAccess.project_id == project_id)
    )
    if not gone.rowcount:  # type: ignore[attr-defined]
        raise FlavorAccessNotFound(flavor=flavor_id, project=project_id)
    return granted(session, flavor_id)


def granted(session: Session, flavor_id: str) -> list[str]:
    return list(
        session.scalars(
            select(FlavorAccess.project_id).where(FlavorAccess.flavor_id == flavor_id).order_by(FlavorAccess.project_id)
        )
    )


def copy_of(flavor: Flavor) -> dict[str, Any]:
    """What a server remembers of its flavor, whatever becomes of it."""
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
