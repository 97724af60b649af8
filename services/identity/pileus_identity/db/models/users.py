"""Users, groups, memberships, and the credentials that users keep here."""

from datetime import datetime

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from pileus_identity.db.models.base import Model, child_of, key
from pileus_kit.db import Json, Utc, now
from pileus_kit.json_types import JsonObject


class User(Model):
    """A user, who belongs to a domain."""

    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("domain_id", "name", name="uq_user_name"), Index("ix_user_name", "name"))

    id: Mapped[str] = key()
    domain_id: Mapped[str] = mapped_column(String(64), ForeignKey("projects.id"))
    name: Mapped[str] = mapped_column(String(255))
    enabled: Mapped[bool] = mapped_column(default=True)
    description: Mapped[str | None] = mapped_column(Text)
    default_project_id: Mapped[str | None] = mapped_column(String(64), index=True)
    options: Mapped[JsonObject] = mapped_column(Json, default=dict)
    extra: Mapped[JsonObject] = mapped_column(Json, default=dict)
    created_at: Mapped[datetime] = mapped_column(Utc, default=now)
    password_hash: Mapped[str | None] = mapped_column(String(255))
    password_created_at: Mapped[datetime | None] = mapped_column(Utc)
    password_expires_at: Mapped[datetime | None] = mapped_column(Utc, index=True)
    password_self_service: Mapped[bool] = mapped_column(default=False)  # chosen by the user, not by an administrator
    failed_auth_count: Mapped[int] = mapped_column(default=0)  # wrong passwords and codes in a row
    failed_auth_at: Mapped[datetime | None] = mapped_column(Utc)


class OldPassword(Model):
    """The hash of a password that the user may not choose again (`unique_last_password_count`)."""

    __tablename__ = "old_passwords"

    id: Mapped[str] = key()
    user_id: Mapped[str] = child_of("users.id", index=True)
    hash: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(Utc, default=now)


class Group(Model):
    """A group of users, which belongs to a domain."""

    __tablename__ = "groups"
    __table_args__ = (UniqueConstraint("domain_id", "name", name="uq_group_name"), Index("ix_group_name", "name"))

    id: Mapped[str] = key()
    domain_id: Mapped[str] = mapped_column(String(64), ForeignKey("projects.id"))
    name: Mapped[str] = mapped_column(String(255))
    description: Mapped[str] = mapped_column(Text, default="")
    extra: Mapped[JsonObject] = mapped_column(Json, default=dict)


class Membership(Model):
    """A user in a group."""

    __tablename__ = "memberships"

    user_id: Mapped[str] = child_of("users.id", primary_key=True)
    group_id: Mapped[str] = child_of("groups.id", primary_key=True, index=True)


class Credential(Model):
    """A secret that a user keeps here (ec2, totp, cert); `blob` is encrypted with the keys in credential-keys."""

    __tablename__ = "credentials"

    id: Mapped[str] = key()
    user_id: Mapped[str] = child_of("users.id", index=True)
    project_id: Mapped[str | None] = mapped_column(String(64), index=True)
    type: Mapped[str] = mapped_column(String(255), index=True)
    blob: Mapped[str] = mapped_column(Text)
    extra: Mapped[JsonObject] = mapped_column(Json, default=dict)
