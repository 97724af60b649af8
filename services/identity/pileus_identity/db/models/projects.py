"""Projects and domains, with their tags, ancestors and domain-specific configuration."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from pileus_identity.db.models.base import Model, child_of, key
from pileus_kit.db import Json, Utc
from pileus_kit.json_types import JsonObject


class Project(Model):
    """A project, or a domain: a domain is a project with `is_domain`, no domain of its own and no parent."""

    __tablename__ = "projects"
    __table_args__ = (
        UniqueConstraint("domain_id", "name", name="uq_project_name"),
        Index(
            "uq_domain_name", "name", unique=True, sqlite_where=text("is_domain"), postgresql_where=text("is_domain")
        ),
        Index("ix_project_name", "name"),
    )

    id: Mapped[str] = key()
    name: Mapped[str] = mapped_column(String(255))
    is_domain: Mapped[bool] = mapped_column(default=False)
    domain_id: Mapped[str | None] = mapped_column(String(64), ForeignKey("projects.id"))
    parent_id: Mapped[str | None] = mapped_column(String(64), ForeignKey("projects.id"), index=True)
    description: Mapped[str] = mapped_column(Text, default="")
    enabled: Mapped[bool] = mapped_column(default=True)
    options: Mapped[JsonObject] = mapped_column(Json, default=dict)
    extra: Mapped[JsonObject] = mapped_column(Json, default=dict)
    tags: Mapped[list["ProjectTag"]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, lazy="raise", order_by="ProjectTag.name"
    )


class ProjectTag(Model):
    """A tag of a project or a domain."""

    __tablename__ = "project_tags"

    project_id: Mapped[str] = child_of("projects.id", primary_key=True)
    name: Mapped[str] = mapped_column(String(255), primary_key=True, index=True)


class ProjectLineage(Model):
    """A row for each project and ancestor, up to the domain, and for the project itself (distance 0).

    With it the tree above or below a project is read in one statement.
    """

    __tablename__ = "lineages"

    project_id: Mapped[str] = child_of("projects.id", primary_key=True)
    ancestor_id: Mapped[str] = child_of("projects.id", primary_key=True, index=True)
    distance: Mapped[int]


class DeletedProject(Model):
    """A project that was deleted, and the serial of its revocation; see core.deleted_projects."""

    __tablename__ = "deleted_projects"

    id: Mapped[str] = mapped_column(String(64), primary_key=True)
    serial: Mapped[int] = mapped_column(index=True)
    deleted_at: Mapped[datetime] = mapped_column(Utc)


class DomainOption(Model):
    """One option of a domain's configuration; see core.domain_configs."""

    __tablename__ = "domain_options"

    domain_id: Mapped[str] = child_of("projects.id", primary_key=True)
    group: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[object] = mapped_column(Json)
