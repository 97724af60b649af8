"""Volume types: what volumes may be asked for, and which projects may ask for private ones."""

from collections.abc import Mapping

from sqlalchemy import ColumnElement, exists, or_, select
from sqlalchemy import delete as delete_rows_of
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pileus_kit.auth import Caller
from pileus_kit.db import now
from pileus_volume.db.models import DefaultType, GroupVolumeType, TypeAccess, Volume, VolumeType
from pileus_volume.errors import (
    AccessExists,
    Invalid,
    SpecNotFound,
    TypeExists,
    TypeInUse,
    TypeNotAllowed,
    TypeNotFound,
)

DEFAULT = "__DEFAULT__"


def visible_to(caller: Caller) -> ColumnElement[bool]:
    """The condition that the caller's project may use a type."""
    return or_(
        VolumeType.is_public,
        exists().where(TypeAccess.type_id == VolumeType.id, TypeAccess.project_id == caller.project_id),
    )


def find(session: Session, type_id: str, caller: Caller | None = None) -> VolumeType:
    """The type with that id; for a caller who is no administrator, if they may use it. Raises TypeNotFound."""
    stmt = select(VolumeType).where(VolumeType.id == type_id)
    if caller is not None and not caller.is_admin:
        stmt = stmt.where(visible_to(caller))
    found = session.scalar(stmt)
    if found is None:
        raise TypeNotFound(type=type_id)
    return found


def choose(session: Session, caller: Caller, asked: str | None, suggested: str | None = None) -> VolumeType:
    """The type with that id or name; if none is asked for, the suggested one, the project's default, or the cloud's.

    A suggestion (an image's) that the caller can't use is ignored. Raises TypeNotFound.
    """
    if not asked:
        return (_find_named(session, caller, suggested) if suggested else None) or get_default(session, caller)
    found = _find_named(session, caller, asked)
    if found is None:
        raise TypeNotFound(type=asked)
    return found


def _find_named(session: Session, caller: Caller, name: str) -> VolumeType | None:
    """A type by id or name; the id comes first, because a type may be named like the id of another one."""
    stmt = select(VolumeType).where(or_(VolumeType.id == name, VolumeType.name == name))
    if not caller.is_admin:
        stmt = stmt.where(visible_to(caller))
    return session.scalar(stmt.order_by((VolumeType.id == name).desc()).limit(1))


def get_default(session: Session, caller: Caller) -> VolumeType:
    """The project's default type, or the cloud's."""
    chosen = select(DefaultType.type_id).where(DefaultType.project_id == caller.project_id).scalar_subquery()
    found = list(session.scalars(select(VolumeType).where(or_(VolumeType.id == chosen, VolumeType.name == DEFAULT))))
    if not found:
        raise TypeNotFound(type=DEFAULT)
    return min(found, key=lambda volume_type: volume_type.name == DEFAULT)


def ensure_default(session: Session) -> None:
    """Create the cloud's default type if it isn't there, so that a request needn't name a type."""
    if session.scalar(select(VolumeType.id).where(VolumeType.name == DEFAULT)) is None:
        session.add(VolumeType(name=DEFAULT, description="Default Volume Type", extra_specs={}))


def create(
    session: Session, name: str, description: str | None, is_public: bool, extra_specs: Mapping[str, str]
) -> VolumeType:
    """Write a new row. Raises TypeExists if there is one of that name."""
    volume_type = VolumeType(name=name, description=description, is_public=is_public, extra_specs=dict(extra_specs))
    session.add(volume_type)
    try:
        session.flush()
    except IntegrityError:
        raise TypeExists(type=name) from None
    return volume_type


def update(session: Session, type_id: str, values: Mapping[str, object]) -> VolumeType:
    """Set columns of the row; the default type keeps its name."""
    volume_type = find(session, type_id)
    if volume_type.name == DEFAULT and values.get("name", DEFAULT) != DEFAULT:
        raise Invalid(why="the default volume type can't have another name")
    for name, value in values.items():
        setattr(volume_type, name, value)
    volume_type.updated_at = now()
    try:
        session.flush()
    except IntegrityError:
        raise TypeExists(type=values.get("name")) from None
    return volume_type


def delete(session: Session, type_id: str) -> None:
    """Delete the row. Raises TypeInUse if a volume or a group has the type."""
    volume_type = find(session, type_id)
    if volume_type.name == DEFAULT:
        raise Invalid(why="the default volume type can't be deleted")
    if session.scalar(
        select(or_(exists().where(Volume.type_id == type_id), exists().where(GroupVolumeType.type_id == type_id)))
    ):
        raise TypeInUse()
    session.delete(volume_type)


def set_extra_specs(session: Session, type_id: str, specs: Mapping[str, str]) -> VolumeType:
    """Add or replace extra specs."""
    volume_type = find(session, type_id)
    volume_type.extra_specs = {**volume_type.extra_specs, **specs}
    volume_type.updated_at = now()
    return volume_type


def delete_extra_spec(session: Session, type_id: str, key: str) -> None:
    """Remove one extra spec. Raises SpecNotFound."""
    volume_type = find(session, type_id)
    if key not in volume_type.extra_specs:
        raise SpecNotFound(type=type_id, key=key)
    volume_type.extra_specs = {name: value for name, value in volume_type.extra_specs.items() if name != key}
    volume_type.updated_at = now()


def add_access(session: Session, type_id: str, project_id: str) -> None:
    """Let the project use a private type. Raises AccessExists if it may already."""
    volume_type = find(session, type_id)
    if volume_type.is_public:
        raise Invalid(why="Type access modification is not applicable to public volume type.")
    if session.get(TypeAccess, (type_id, project_id)):
        raise AccessExists(type=type_id, project=project_id)
    session.add(TypeAccess(type_id=type_id, project_id=project_id))


def remove_access(session: Session, type_id: str, project_id: str) -> None:
    """No longer let the project use a private type. Raises TypeNotAllowed if it may not."""
    if find(session, type_id).is_public:
        raise Invalid(why="Type access modification is not applicable to public volume type.")
    removed = session.execute(
        delete_rows_of(TypeAccess).where(TypeAccess.type_id == type_id, TypeAccess.project_id == project_id)
    )
    if not removed.rowcount:  # type: ignore[attr-defined]
        raise TypeNotAllowed(type=type_id, project=project_id)


def list_access(session: Session, type_id: str) -> list[str]:
    """The ids of the projects that may use a private type."""
    if find(session, type_id).is_public:
        raise TypeNotFound(type=type_id)
    return list(
        session.scalars(
            select(TypeAccess.project_id)
            .where(TypeAccess.type_id == type_id)
            .order_by(TypeAccess.project_id)
            .limit(10_000)
        )
    )
