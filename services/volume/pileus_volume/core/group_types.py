"""Group types: what groups of volumes may be asked for, as group specs."""

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

DEFAULT = "__DEFAULT__"  # the default group type is the one of this name, if an administrator creates it


def choose(session: Session, name: str, caller: Caller) -> GroupType:
    """The group type with that id or name; private ones are for administrators only. Raises GroupTypeNotFound."""
    stmt = select(GroupType).where(or_(GroupType.id == name, GroupType.name == name))
    if not caller.is_admin:
        stmt = stmt.where(GroupType.is_public)
    found = session.scalar(stmt.limit(1))
    if found is None:
        raise GroupTypeNotFound(type=name)
    return found


def find(session: Session, type_id: str, caller: Caller) -> GroupType:
    """The group type with that id; private ones are for administrators only. Raises GroupTypeNotFound."""
    found = session.get(GroupType, type_id)
    if found is None or not (found.is_public or caller.is_admin):
        raise GroupTypeNotFound(type=type_id)
    return found


def get_default(session: Session) -> GroupType:
    """Raises NoDefaultGroupType if there is none."""
    found = session.scalar(select(GroupType).where(GroupType.name == DEFAULT))
    if found is None:
        raise NoDefaultGroupType()
    return found


def create(
    session: Session, name: str, description: str | None, is_public: bool, specs: Mapping[str, str]
) -> GroupType:
    """Write a new row. Raises GroupTypeExists if there is one of that name."""
    group_type = GroupType(name=name, description=description, is_public=is_public, specs=dict(specs))
    session.add(group_type)
    try:
        session.flush()
    except IntegrityError:
        raise GroupTypeExists(type=name) from None
    return group_type


def update(session: Session, group_type: GroupType, values: Mapping[str, object]) -> GroupType:
    """Set columns of the row."""
    for name, value in values.items():
        setattr(group_type, name, value)
    group_type.updated_at = now()
    try:
        session.flush()
    except IntegrityError:
        raise GroupTypeExists(type=values.get("name")) from None
    return group_type


def delete(session: Session, group_type: GroupType) -> None:
    """Delete the row. Raises GroupTypeInUse if a group has the type."""
    if session.scalar(select(Group.id).where(Group.type_id == group_type.id).limit(1)):
        raise GroupTypeInUse()
    session.delete(group_type)


def set_group_specs(group_type: GroupType, specs: Mapping[str, str | None]) -> None:
    """Add or replace group specs."""
    group_type.specs = {**group_type.specs, **specs}
    group_type.updated_at = now()


def delete_group_spec(group_type: GroupType, key: str) -> None:
    """Remove one group spec. Raises GroupSpecNotFound."""
    if key not in group_type.specs:
        raise GroupSpecNotFound(type=group_type.id, key=key)
    group_type.specs = {name: value for name, value in group_type.specs.items() if name != key}
    group_type.updated_at = now()
