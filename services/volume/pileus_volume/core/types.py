"""Volume types: what may be asked for, and who may ask."""

from collections.abc import Mapping

from sqlalchemy import ColumnElement, delete, exists, or_, select
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


def visible(caller: Caller) -> ColumnElement[bool]:
    """The condition that the caller may see a type."""
    return or_(
        VolumeType.is_public,
        exists().where(TypeAccess.type_id == VolumeType.id, TypeAccess.project_id == caller.project_id),
    )


def get(session: Session, type_id: str, caller: Caller | None = None) -> VolumeType:
    """By id. With a caller who is no administrator: only what is visible to them."""
    stmt = select(VolumeType).where(VolumeType.id == type_id)
    if caller is not None and not caller.is_admin:
        stmt = stmt.where(visible(caller))
    found = session.scalar(stmt)
    if found is None:
        raise TypeNotFound(type=type_id)
    return found


def choose(session: Session, caller: Caller, wish: str | None, suggested: str | None = None) -> VolumeType:
    """The type with that id or name; without a wish the suggested one, the project's default, or the cloud's.

    A suggestion (an image's) that the caller can't use is passed over.
    """
    if not wish:
        return (_named(session, caller, suggested) if suggested else None) or default(session, caller)
    found = _named(session, caller, wish)
    if found is None:
        raise TypeNotFound(type=wish)
    return found


def _named(session: Session, caller: Caller, name: str) -> VolumeType | None:
    """By id before name: a type may be called like another one's id."""
    stmt = select(VolumeType).where(or_(VolumeType.id == name, VolumeType.name == name))
    if not caller.is_admin:
        stmt = stmt.where(visible(caller))
    return session.scalar(stmt.order_by((VolumeType.id == name).desc()).limit(1))


def default(session: Session, caller: Caller) -> VolumeType:
    chosen = select(DefaultType.type_id).where(DefaultType.project_id == caller.project_id).scalar_subquery()
    found = list(session.scalars(select(VolumeType).where(or_(VolumeType.id == chosen, VolumeType.name == DEFAULT))))
    if not found:
        raise TypeNotFound(type=DEFAULT)
    return min(found, key=lambda kind: kind.name == DEFAULT)


def ensure_default(session: Session) -> None:
    """Every cloud has one type, so that nobody has to name one."""
    if session.scalar(select(VolumeType.id).where(VolumeType.name == DEFAULT)) is None:
        session.add(VolumeType(name=DEFAULT, description="Default Volume Type", extra_specs={}))


def create(
    session: Session, name: str, description: str | None, is_public: bool, extra_specs: Mapping[str, str]
) -> VolumeType:
    kind = VolumeType(name=name, description=description, is_public=is_public, extra_specs=dict(extra_specs))
    session.add(kind)
    try:
        session.flush()
    except IntegrityError:
        raise TypeExists(type=name) from None
    return kind


def change(session: Session, type_id: str, values: Mapping[str, object]) -> VolumeType:
    kind = get(session, type_id)
    if kind.name == DEFAULT and values.get("name", DEFAULT) != DEFAULT:
        raise Invalid(why="the default volume type can't have another name")
    for name, value in values.items():
        setattr(kind, name, value)
    kind.updated_at = now()
    try:
        session.flush()
    except IntegrityError:
        raise TypeExists(type=values.get("name")) from None
    return kind


def remove(session: Session, type_id: str) -> None:
    kind = get(session, type_id)
    if kind.name == DEFAULT:
        raise Invalid(why="the default volume type can't be deleted")
    if session.scalar(
        select(or_(exists().where(Volume.type_id == type_id), exists().where(GroupVolumeType.type_id == type_id)))
    ):
        raise TypeInUse()
    session.delete(kind)


def set_specs(session: Session, type_id: str, specs: Mapping[str, str]) -> VolumeType:
    kind = get(session, type_id)
    kind.extra_specs = {**kind.extra_specs, **specs}
    kind.updated_at = now()
    return kind


def unset_spec(session: Session, type_id: str, key: str) -> None:
    kind = get(session, type_id)
    if key not in kind.extra_specs:
        raise SpecNotFound(type=type_id, key=key)
    kind.extra_specs = {name: value for name, value in kind.extra_specs.items() if name != key}
    kind.updated_at = now()


def grant(session: Session, type_id: str, project_id: str) -> None:
    kind = get(session, type_id)
    if kind.is_public:
        raise Invalid(why="Type access modification is not applicable to public volume type.")
    if session.get(TypeAccess, (type_id, project_id)):
        raise AccessExists(type=type_id, project=project_id)
    session.add(TypeAccess(type_id=type_id, project_id=project_id))


def revoke(session: Session, type_id: str, project_id: str) -> None:
    if get(session, type_id).is_public:
        raise Invalid(why="Type access modification is not applicable to public volume type.")
    gone = session.execute(delete(TypeAccess).where(TypeAccess.type_id == type_id, TypeAccess.project_id == project_id))
    if not gone.rowcount:  # type: ignore[attr-defined]
        raise TypeNotAllowed(type=type_id, project=project_id)


def projects(session: Session, type_id: str) -> list[str]:
    if get(session, type_id).is_public:
        raise TypeNotFound(type=type_id)
    return list(
        session.scalars(
            select(TypeAccess.project_id)
            .where(TypeAccess.type_id == type_id)
            .order_by(TypeAccess.project_id)
            .limit(10_000)
        )
    )
