"""Application credentials with their access rules, and trusts."""

from datetime import datetime

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from pileus_identity.db.models.base import Model, child_of, key
from pileus_kit.db import Utc, now


class ApplicationCredential(Model):
    """A user's delegation to programs: some of their roles in one project."""

    __tablename__ = "application_credentials"
    __table_args__ = (UniqueConstraint("user_id", "name", name="uq_application_credential_name"),)

    id: Mapped[str] = key()
    user_id: Mapped[str] = child_of("users.id")
    project_id: Mapped[str] = child_of("projects.id", index=True)
    name: Mapped[str] = mapped_column(String(255))
    description: Mapped[str | None] = mapped_column(Text)
    secret_hash: Mapped[str] = mapped_column(String(255))
    unrestricted: Mapped[bool] = mapped_column(default=False)
    has_access_rules: Mapped[bool] = mapped_column(
        default=False
    )  # a list of access rules was given, which may be empty
    expires_at: Mapped[datetime | None] = mapped_column(Utc)
    created_at: Mapped[datetime] = mapped_column(Utc, default=now)


class ApplicationCredentialRole(Model):
    """A role that an application credential delegates."""

    __tablename__ = "application_credential_roles"

    application_credential_id: Mapped[str] = child_of("application_credentials.id", primary_key=True)
    role_id: Mapped[str] = child_of("roles.id", primary_key=True, index=True)


class AccessRule(Model):
    """One call of one service that an application credential may make."""

    __tablename__ = "access_rules"
    __table_args__ = (UniqueConstraint("user_id", "service", "method", "path", name="uq_access_rule"),)

    id: Mapped[str] = key()
    user_id: Mapped[str] = child_of("users.id")
    service: Mapped[str] = mapped_column(String(64))
    method: Mapped[str] = mapped_column(String(16))
    path: Mapped[str] = mapped_column(String(225))


class ApplicationCredentialAccessRule(Model):
    """An access rule that an application credential has."""

    __tablename__ = "application_credential_access"

    application_credential_id: Mapped[str] = child_of("application_credentials.id", primary_key=True)
    access_rule_id: Mapped[str] = mapped_column(String(64), ForeignKey("access_rules.id"), primary_key=True, index=True)


class Trust(Model):
    """A delegation by one user (the trustor) to another (the trustee), often a service's user."""

    __tablename__ = "trusts"

    id: Mapped[str] = key()
    trustor_id: Mapped[str] = child_of("users.id", index=True)
    trustee_id: Mapped[str] = child_of("users.id", index=True)
    project_id: Mapped[str | None] = child_of("projects.id", index=True)
    impersonation: Mapped[bool]
    expires_at: Mapped[datetime | None] = mapped_column(Utc)
    deleted_at: Mapped[datetime | None] = mapped_column(Utc)
    remaining_uses: Mapped[int | None]
    redelegation_count: Mapped[int] = mapped_column(default=0)
    redelegated_trust_id: Mapped[str | None] = mapped_column(String(64), index=True)
    created_at: Mapped[datetime] = mapped_column(Utc, default=now)


class TrustRole(Model):
    """A role that a trust delegates."""

    __tablename__ = "trust_roles"

    trust_id: Mapped[str] = child_of("trusts.id", primary_key=True)
    role_id: Mapped[str] = child_of("roles.id", primary_key=True, index=True)
