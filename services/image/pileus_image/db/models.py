"""Images, who shares them, what filters find them by, and every blob that lies in a store."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, ForeignKey, Index, String, Text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from pileus_kit.db import Json, Utc, new_id, now
from pileus_kit.flow import EventColumns, JobColumns


class Model(DeclarativeBase):
    pass


class Image(Model):
    """A disk image. Tags and properties lie in the row itself: one read shows an image."""

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
    min_disk: Mapped[int] = mapped_column(default=0)  # GiB
    min_ram: Mapped[int] = mapped_column(default=0)  # MiB
    size: Mapped[int | None] = mapped_column(BigInteger)  # bytes
    virtual_size: Mapped[int | None] = mapped_column(BigInteger)  # bytes
    checksum: Mapped[str | None] = mapped_column(String(32))
    os_hash_algo: Mapped[str | None] = mapped_column(String(64))
    os_hash_value: Mapped[str | None] = mapped_column(String(128))
    sha256: Mapped[str | None] = mapped_column(String(64))
    tags: Mapped[list[str]] = mapped_column(Json, default=list)
    properties: Mapped[dict[str, str]] = mapped_column(Json, default=dict)
    blob: Mapped[str | None] = mapped_column(String(36))  # what it is written to, or read from
    made_by: Mapped[str | None] = mapped_column(String(64))  # user id of the service that made it on a user's behalf
    created_at: Mapped[datetime] = mapped_column(Utc, default=now)
    updated_at: Mapped[datetime] = mapped_column(Utc, default=now)


class SpentId(Model):
    """The id of a deleted image, which no other image may take."""

    __tablename__ = "spent_ids"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    deleted_at: Mapped[datetime] = mapped_column(Utc, default=now)


class Term(Model):
    """A tag or property of an image as a digest: what a list filter looks up."""

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
    """Everything that lies in a store has a row, written before its first byte: nothing is ever left over.

    writing (under a lease) | staged | kept | doomed (to be deleted by whoever passes)
    """

    __tablename__ = "blobs"

    id: Mapped[str] = mapped_column(String(36), primary_key=True)
    store: Mapped[str] = mapped_column(String(32))
    image_id: Mapped[str] = mapped_column(String(36), index=True)
    owner: Mapped[str | None] = mapped_column(String(255), index=True)
    state: Mapped[str] = mapped_column(String(8), index=True, default="writing")
    lease_until: Mapped[float] = mapped_column(default=0.0)  # epoch seconds
    facts: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)  # size and hashes of what is staged
    created_at: Mapped[datetime] = mapped_column(Utc, default=now)


class Job(JobColumns, Model):
    __tablename__ = "jobs"


class Event(EventColumns, Model):
    __tablename__ = "events"


class Namespace(Model):
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


class Definition(Model):
    """A property, object, tag or resource type association of a namespace."""

    __tablename__ = "definitions"

    namespace_id: Mapped[str] = mapped_column(ForeignKey("namespaces.id", ondelete="CASCADE"), primary_key=True)
    kind: Mapped[str] = mapped_column(String(16), primary_key=True)
    name: Mapped[str] = mapped_column(String(80), primary_key=True)
    body: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)  # without the name
    created_at: Mapped[datetime] = mapped_column(Utc, default=now)
    updated_at: Mapped[datetime] = mapped_column(Utc, default=now)
