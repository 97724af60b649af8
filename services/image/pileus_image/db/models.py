"""The tables of the image service."""

from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from pileus_kit.db import Json, Utc, new_id, now
from pileus_kit.flow import EventColumns, JobColumns
from pileus_kit.json_types import JsonObject


class Model(DeclarativeBase):
    """The base of all tables of this service."""


class Image(Model):
    """A disk image. Tags and properties are in the row itself, so that one read is enough to show it.

    `blob` is the id of the blob that is written, or that holds the data. `made_by` is the user id of the service that
    created the image for a user. Sizes are in bytes, min_disk is in GiB, min_ram in MiB.
    """

    __tablename__ = "images"
    __table_args__ = (
        Index("images_of_owner", "owner", "created_at", "id"),
        Index("images_by_visibility", "visibility", "created_at", "id"),
        Index("images_by_time", "created_at", "id"),
    )

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    name: Mapped[str | None] = mapped_column(String(255))
    status: Mapped[str] = mapped_column(String(16), default="queued")
    visibility: Mapped[str] = mapped_column(String(16), default="shared")
    owner: Mapped[str | None] = mapped_column(String(255))
    protected: Mapped[bool] = mapped_column(default=False)
    os_hidden: Mapped[bool] = mapped_column(default=False)
    container_format: Mapped[str | None] = mapped_column(String(20))
    disk_format: Mapped[str | None] = mapped_column(String(20))
    min_disk: Mapped[int] = mapped_column(default=0)
    min_ram: Mapped[int] = mapped_column(default=0)
    size: Mapped[int | None] = mapped_column(BigInteger)
    virtual_size: Mapped[int | None] = mapped_column(BigInteger)
    checksum: Mapped[str | None] = mapped_column(String(32))
    os_hash_algo: Mapped[str | None] = mapped_column(String(64))
    os_hash_value: Mapped[str | None] = mapped_column(String(128))
    sha256: Mapped[str | None] = mapped_column(String(64))
    tags: Mapped[list[str]] = mapped_column(Json, default=list)
    properties: Mapped[dict[str, str]] = mapped_column(Json, default=dict)
    blob: Mapped[str | None] = mapped_column(String(36))
    made_by: Mapped[str | None] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(Utc, default=now)
    updated_at: Mapped[datetime] = mapped_column(Utc, default=now)


class DeletedImageId(Model):
    """The id of a deleted image, which no other image may take."""

    __tablename__ = "deleted_image_ids"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    deleted_at: Mapped[datetime] = mapped_column(Utc, default=now)


class Term(Model):
    """The digest of a tag or property of an image, by which list filters find the image."""

    __tablename__ = "terms"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    image_id: Mapped[str] = mapped_column(ForeignKey("images.id", ondelete="CASCADE"), primary_key=True, index=True)


class Member(Model):
    """A project that a shared image is shared with."""

    __tablename__ = "members"

    image_id: Mapped[str] = mapped_column(ForeignKey("images.id", ondelete="CASCADE"), primary_key=True)
    member_id: Mapped[str] = mapped_column(String(255), primary_key=True, index=True)
    status: Mapped[str] = mapped_column(String(16), default="pending")
    created_at: Mapped[datetime] = mapped_column(Utc, default=now)
    updated_at: Mapped[datetime] = mapped_column(Utc, default=now)


class Blob(Model):
    """What lies in a store, or is on its way there. The row is written before the first byte, so nothing is forgotten.

    The state is writing (until `lease_until`, in seconds since the epoch), staged (for an import), kept (an image's
    data) or deleting (orphaned). `facts` are the fields of core.blobs.DataFacts.
    """

    __tablename__ = "blobs"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    store: Mapped[str] = mapped_column(String(32))
    image_id: Mapped[str] = mapped_column(String(36), index=True)
    owner: Mapped[str | None] = mapped_column(String(255), index=True)
    state: Mapped[str] = mapped_column(String(8), index=True, default="writing")
    lease_until: Mapped[float] = mapped_column(default=0.0)
    facts: Mapped[JsonObject] = mapped_column(Json, default=dict)
    created_at: Mapped[datetime] = mapped_column(Utc, default=now)


class Job(JobColumns, Model):
    """A job: an import."""

    __tablename__ = "jobs"


class Event(EventColumns, Model):
    """A step that a job went through."""

    __tablename__ = "events"


class MetadefNamespace(Model):
    """A collection of definitions that say what properties mean (metadefs)."""

    __tablename__ = "namespaces"

    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=new_id)
    namespace: Mapped[str] = mapped_column(String(80), unique=True)
    display_name: Mapped[str | None] = mapped_column(String(80))
    description: Mapped[str | None] = mapped_column(Text)
    visibility: Mapped[str] = mapped_column(String(16), default="private")
    protected: Mapped[bool] = mapped_column(default=False)
    owner: Mapped[str | None] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(Utc, default=now)
    updated_at: Mapped[datetime] = mapped_column(Utc, default=now)


class MetadefResource(Model):
    """A property, object, tag or resource type association of a namespace; `body` has all of it but the name."""

    __tablename__ = "definitions"

    namespace_id: Mapped[str] = mapped_column(ForeignKey("namespaces.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    body: Mapped[JsonObject] = mapped_column(Json, default=dict)
    created_at: Mapped[datetime] = mapped_column(Utc, default=now)
    updated_at: Mapped[datetime] = mapped_column(Utc, default=now)
