"""Registered limits, and the limits of projects and domains."""

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from pileus_identity.db.models.base import Model, child_of, key


class RegisteredLimit(Model):
    """The default limit of a service's resource.

    `region_id` is empty for all regions, because a unique constraint doesn't compare NULLs.
    """

    __tablename__ = "registered_limits"
    __table_args__ = (UniqueConstraint("service_id", "region_id", "resource_name", name="uq_registered_limit"),)

    id: Mapped[str] = key()
    service_id: Mapped[str] = mapped_column(String(64))  # no foreign key: the limit outlives the service
    region_id: Mapped[str] = mapped_column(String(255), default="")
    resource_name: Mapped[str] = mapped_column(String(255))
    default_limit: Mapped[int]
    description: Mapped[str | None] = mapped_column(Text)


class Limit(Model):
    """The limit of one project or domain, which overrides the registered one."""

    __tablename__ = "limits"
    __table_args__ = (UniqueConstraint("registered_limit_id", "owner_id", name="uq_limit"),)

    id: Mapped[str] = key()
    registered_limit_id: Mapped[str] = mapped_column(String(64), ForeignKey("registered_limits.id"))
    owner_id: Mapped[str] = child_of("projects.id", index=True)  # a project or a domain
    resource_limit: Mapped[int]
    description: Mapped[str | None] = mapped_column(Text)
