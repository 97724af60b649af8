"""The base of all tables. Ids are 32 hexadecimal digits, as OpenStack's are; the first domain's id is `default`."""

from typing import Any

from oslo_utils import uuidutils
from sqlalchemy import ForeignKey, String
from sqlalchemy.orm import DeclarativeBase, Mapped, MappedColumn, mapped_column


class Model(DeclarativeBase):
    """The declarative base of all tables of identity."""


def hex_id() -> str:
    """A new random id."""
    return uuidutils.generate_uuid(dashed=False)


def key() -> Mapped[str]:
    """A primary key that is a random id unless it is given."""
    return mapped_column(String(64), primary_key=True, default=hex_id)


def child_of(column: str, *, primary_key: bool = False, index: bool = False) -> MappedColumn[Any]:
    """A reference to a row with which this row is deleted."""
    return mapped_column(
        String(64), ForeignKey(column, ondelete="CASCADE"), primary_key=primary_key, index=index or None
    )
