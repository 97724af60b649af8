"""Group types: what groups of volumes may be asked for."""

from collections.abc import Mapping

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pileus_kit.auth import Caller
from pileus_kit.db import now
from pileus_volume.db.models import Group, GroupType
from pileus_volume.errors import (
    GroupSpecNotFound,
    GroupTypeExists,
    GroupTypeInUse,
    GroupTypeNotFound,
    NoDefaultGroupType,
)

DEFAULT = "__DEFAULT__"  # of that name, if an administrator makes one


def find(session: Session, wish: str, caller: Caller) -> GroupType:
    """By id or name. The private ones are for administrators only."""
    stmt = select(GroupType).where(or_(GroupType.id == wish, GroupType.name == wish))
    if not caller.is_admin:
        stmt = stmt.where(GroupType.is_public)
    found = session.scalar(stmt.limit(1))
    if found is None:
        raise GroupTypeNotFound(type=wish)
    return found


def get(session: Session, type_id: str, caller: Caller) -> GroupType:
    found = session.get(GroupType, type_id)
    if found is None or not (found.is_public or caller.is_admin):
        raise GroupTypeNotFound(type=type_id)
    return found


def default(session: Session) -> GroupType:
    found = session.scalar(select(GroupType).where(GroupType.name == DEFAULT))
    if found is None:
        raise NoDefaultGroupType()
    return found


def create(
    session: Session, name: str, description: str | None, is_public: bool, specs: Mapping[str, str]
) -> GroupType:
    kind = GroupType(name=name, description=description, is_public=is_public, specs=dict(specs))
    session.add(kind)
    try:
        session.flush()
    except IntegrityError:
        raise GroupTypeExists(type=name) from None
    return kind


def change(session: Session, kind: GroupType, values: Mapping[str, object]) -> GroupType:
    for name, value in values.items():
        setattr(kind, name, value)
    kind.updated_at = now()
    try:
        session.flush()
    except IntegrityError:
        raise GroupTypeExists(type=values.get("name")) from None
    return kind


def remove(session: Session, kind: GroupType) -> None:
    if session.scalar(select(Group.id).where(Group.type_id == kind.id).limit(1)):
        raise GroupTypeInUse()
    session.delete(kind)


def set_specs(kind: GroupType, specs: Mapping[str, str | None]) -> None:
    kind.specs = {**kind.specs, **specs}
    kind.updated_at = now()


def unset_spec(kind: GroupType, key: str) -> None:
    if key not in kind.specs:
        raise GroupSpecNotFound(type=kind.id, key=key)
    kind.specs = {name: value for name, value in kind.specs.items() if name != key}
    kind.updated_at = now()
