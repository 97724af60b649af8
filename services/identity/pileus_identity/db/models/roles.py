"""Roles, what they imply, and to whom they are assigned."""

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column

from pileus_identity.db.models.base import Model, child_of, key
from pileus_kit.db import Json
from pileus_kit.json_types import JsonObject


class Role(Model):
    """A role: global, or of one domain."""

    __tablename__ = "roles"
    __table_args__ = (
        UniqueConstraint("domain_id", "name", name="uq_role_name"),
        Index(
            "uq_global_role_name",
            "name",
            unique=True,
            sqlite_where=text("domain_id IS NULL"),
            postgresql_where=text("domain_id IS NULL"),
        ),
    )

    id: Mapped[str] = key()
    name: Mapped[str] = mapped_column(String(255))
    domain_id: Mapped[str | None] = mapped_column(String(64), ForeignKey("projects.id"))
    description: Mapped[str | None] = mapped_column(Text)
    options: Mapped[JsonObject] = mapped_column(Json, default=dict)
    extra: Mapped[JsonObject] = mapped_column(Json, default=dict)


class ImpliedRole(Model):
    """A role (prior) that implies another one."""

    __tablename__ = "implied_roles"

    prior_id: Mapped[str] = child_of("roles.id", primary_key=True)
    implied_id: Mapped[str] = child_of("roles.id", primary_key=True, index=True)


class Assignment(Model):
    """A role of a user or group on a project, a domain, or the system (target `all`).

    Actors and targets are of two tables each, so the core deletes their rows, and not a constraint.
    """

    __tablename__ = "assignments"
    __table_args__ = (Index("ix_assignment_target", "target_id", "target"),)

    actor_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    target_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    role_id: Mapped[str] = child_of("roles.id", primary_key=True, index=True)
    inherited: Mapped[bool] = mapped_column(primary_key=True, default=False)
    target: Mapped[str] = mapped_column(String(8), primary_key=True)  # project, domain or system
    actor: Mapped[str] = mapped_column(String(8))  # user or group
