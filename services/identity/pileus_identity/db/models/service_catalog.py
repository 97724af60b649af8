"""Regions, services and endpoints, which projects see which of them, and policies."""

from sqlalchemy import ForeignKey, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from pileus_identity.db.models.base import Model, child_of, hex_id, key
from pileus_kit.db import Json
from pileus_kit.json_types import JsonObject


class Region(Model):
    """A region of the catalog, perhaps within another one."""

    __tablename__ = "regions"

    id: Mapped[str] = mapped_column(String(255), primary_key=True, default=hex_id)
    parent_id: Mapped[str | None] = mapped_column(String(255), ForeignKey("regions.id"), index=True)
    description: Mapped[str] = mapped_column(Text, default="")
    extra: Mapped[JsonObject] = mapped_column(Json, default=dict)


class Service(Model):
    """A service of the catalog."""

    __tablename__ = "services"

    id: Mapped[str] = key()
    type: Mapped[str] = mapped_column(String(255), index=True)
    name: Mapped[str] = mapped_column(String(255), default="")
    description: Mapped[str | None] = mapped_column(Text)
    enabled: Mapped[bool] = mapped_column(default=True)
    extra: Mapped[JsonObject] = mapped_column(Json, default=dict)


class Endpoint(Model):
    """The URL of a service in a region, for one interface."""

    __tablename__ = "endpoints"

    id: Mapped[str] = key()
    service_id: Mapped[str] = child_of("services.id", index=True)
    region_id: Mapped[str | None] = mapped_column(String(255), ForeignKey("regions.id"), index=True)
    interface: Mapped[str] = mapped_column(String(8))  # public, internal or admin
    url: Mapped[str] = mapped_column(Text)
    enabled: Mapped[bool] = mapped_column(default=True)
    extra: Mapped[JsonObject] = mapped_column(Json, default=dict)


class EndpointGroup(Model):
    """The endpoints that match `filters` (service_id, region_id, interface)."""

    __tablename__ = "endpoint_groups"

    id: Mapped[str] = key()
    name: Mapped[str] = mapped_column(String(255))
    description: Mapped[str | None] = mapped_column(Text)
    filters: Mapped[JsonObject] = mapped_column(Json, default=dict)


class ProjectEndpoint(Model):
    """An endpoint that a project sees. A project without such rows and groups sees all endpoints."""

    __tablename__ = "project_endpoints"

    project_id: Mapped[str] = child_of("projects.id", primary_key=True)
    endpoint_id: Mapped[str] = child_of("endpoints.id", primary_key=True, index=True)


class ProjectEndpointGroup(Model):
    """An endpoint group that a project has."""

    __tablename__ = "project_endpoint_groups"

    project_id: Mapped[str] = child_of("projects.id", primary_key=True)
    group_id: Mapped[str] = child_of("endpoint_groups.id", primary_key=True, index=True)


class Policy(Model):
    """A policy text of OpenStack's deprecated API: it is stored, and no service reads it."""

    __tablename__ = "policies"

    id: Mapped[str] = key()
    type: Mapped[str] = mapped_column(String(255))
    blob: Mapped[str] = mapped_column(Text)
    extra: Mapped[JsonObject] = mapped_column(Json, default=dict)
