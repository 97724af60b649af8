"""The nouns of identity. Ids are 32 hexadecimal digits, as clients know them; the first domain's id is `default`."""

import uuid
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, UniqueConstraint, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from pileus_kit.db import Json, Utc, now


class Model(DeclarativeBase):
    pass


def hex_id() -> str:
    return uuid.uuid4().hex


def key(default: Any = hex_id) -> Mapped[str]:
    return mapped_column(String(64), primary_key=True, default=default)


def child_of(column: str, **options: Any) -> Any:
    """A reference whose row goes when the one it points to goes."""
    return mapped_column(String(64), ForeignKey(column, ondelete="CASCADE"), **options)


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
    options: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    extra: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    tags: Mapped[list["ProjectTag"]] = relationship(
        cascade="all, delete-orphan", passive_deletes=True, lazy="raise", order_by="ProjectTag.name"
    )


class ProjectTag(Model):
    __tablename__ = "project_tags"

    project_id: Mapped[str] = child_of("projects.id", primary_key=True)
    name: Mapped[str] = mapped_column(String(255), primary_key=True, index=True)


class Lineage(Model):
    """A project with each of its ancestors, up to its domain, and itself (distance 0): trees in one statement."""

    __tablename__ = "lineages"

    project_id: Mapped[str] = child_of("projects.id", primary_key=True)
    ancestor_id: Mapped[str] = child_of("projects.id", primary_key=True, index=True)
    distance: Mapped[int]


class DomainOption(Model):
    """One option of a domain's own configuration; see core.domain_configs."""

    __tablename__ = "domain_options"

    domain_id: Mapped[str] = child_of("projects.id", primary_key=True)
    group: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    value: Mapped[Any] = mapped_column(Json)


class User(Model):
    __tablename__ = "users"
    __table_args__ = (UniqueConstraint("domain_id", "name", name="uq_user_name"), Index("ix_user_name", "name"))

    id: Mapped[str] = key()
    domain_id: Mapped[str] = mapped_column(String(64), ForeignKey("projects.id"))
    name: Mapped[str] = mapped_column(String(255))
    enabled: Mapped[bool] = mapped_column(default=True)
    description: Mapped[str | None] = mapped_column(Text)
    default_project_id: Mapped[str | None] = mapped_column(String(64), index=True)
    options: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    extra: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    created_at: Mapped[datetime] = mapped_column(Utc, default=now)
    password_hash: Mapped[str | None] = mapped_column(String(255))
    password_created_at: Mapped[datetime | None] = mapped_column(Utc)
    password_expires_at: Mapped[datetime | None] = mapped_column(Utc, index=True)
    password_chosen: Mapped[bool] = mapped_column(default=False)  # by the user, and not by an administrator
    failures: Mapped[int] = mapped_column(default=0)  # wrong passwords in a row
    failed_at: Mapped[datetime | None] = mapped_column(Utc)


class OldPassword(Model):
    """What a user may not choose again (`unique_passwords`)."""

    __tablename__ = "old_passwords"

    id: Mapped[str] = key()
    user_id: Mapped[str] = child_of("users.id", index=True)
    hash: Mapped[str] = mapped_column(String(255))
    created_at: Mapped[datetime] = mapped_column(Utc, default=now)


class Group(Model):
    __tablename__ = "groups"
    __table_args__ = (UniqueConstraint("domain_id", "name", name="uq_group_name"), Index("ix_group_name", "name"))

    id: Mapped[str] = key()
    domain_id: Mapped[str] = mapped_column(String(64), ForeignKey("projects.id"))
    name: Mapped[str] = mapped_column(String(255))
    description: Mapped[str] = mapped_column(Text, default="")
    extra: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)


class Membership(Model):
    __tablename__ = "memberships"

    user_id: Mapped[str] = child_of("users.id", primary_key=True)
    group_id: Mapped[str] = child_of("groups.id", primary_key=True, index=True)


class Role(Model):
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
    options: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)
    extra: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)


class ImpliedRole(Model):
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
    target: Mapped[str] = mapped_column(String(8), primary_key=True)  # project domain system
    actor: Mapped[str] = mapped_column(String(8))  # user group


class Region(Model):
    __tablename__ = "regions"

    id: Mapped[str] = mapped_column(String(255), primary_key=True, default=hex_id)
    parent_id: Mapped[str | None] = mapped_column(String(255), ForeignKey("regions.id"), index=True)
    description: Mapped[str] = mapped_column(Text, default="")
    extra: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)


class Service(Model):
    __tablename__ = "services"

    id: Mapped[str] = key()
    type: Mapped[str] = mapped_column(String(255), index=True)
    name: Mapped[str] = mapped_column(String(255), default="")
    description: Mapped[str | None] = mapped_column(Text)
    enabled: Mapped[bool] = mapped_column(default=True)
    extra: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)


class Endpoint(Model):
    __tablename__ = "endpoints"

    id: Mapped[str] = key()
    service_id: Mapped[str] = child_of("services.id", index=True)
    region_id: Mapped[str | None] = mapped_column(String(255), ForeignKey("regions.id"), index=True)
    interface: Mapped[str] = mapped_column(String(8))  # public internal admin
    url: Mapped[str] = mapped_column(Text)
    enabled: Mapped[bool] = mapped_column(default=True)
    extra: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)


class EndpointGroup(Model):
    """All endpoints that match `filters` (service_id, region_id, interface)."""

    __tablename__ = "endpoint_groups"

    id: Mapped[str] = key()
    name: Mapped[str] = mapped_column(String(255))
    description: Mapped[str | None] = mapped_column(Text)
    filters: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)


class ProjectEndpoint(Model):
    """A project with any of these sees only them in its catalogue; one with none sees all."""

    __tablename__ = "project_endpoints"

    project_id: Mapped[str] = child_of("projects.id", primary_key=True)
    endpoint_id: Mapped[str] = child_of("endpoints.id", primary_key=True, index=True)


class ProjectEndpointGroup(Model):
    __tablename__ = "project_endpoint_groups"

    project_id: Mapped[str] = child_of("projects.id", primary_key=True)
    group_id: Mapped[str] = child_of("endpoint_groups.id", primary_key=True, index=True)


class Policy(Model):
    """A text that somebody keeps here; this API only stores it (deprecated)."""

    __tablename__ = "policies"

    id: Mapped[str] = key()
    type: Mapped[str] = mapped_column(String(255))
    blob: Mapped[str] = mapped_column(Text)
    extra: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)


class ApplicationCredential(Model):
    """A delegation by a user to programs: some of the user's roles in one project."""

    __tablename__ = "application_credentials"
    __table_args__ = (UniqueConstraint("user_id", "name", name="uq_application_credential_name"),)

    id: Mapped[str] = key()
    user_id: Mapped[str] = child_of("users.id")
    project_id: Mapped[str] = child_of("projects.id", index=True)
    name: Mapped[str] = mapped_column(String(255))
    description: Mapped[str | None] = mapped_column(Text)
    secret_hash: Mapped[str] = mapped_column(String(255))
    unrestricted: Mapped[bool] = mapped_column(default=False)
    restricted_paths: Mapped[bool] = mapped_column(default=False)  # access rules were given, perhaps none
    expires_at: Mapped[datetime | None] = mapped_column(Utc)
    created_at: Mapped[datetime] = mapped_column(Utc, default=now)


class ApplicationCredentialRole(Model):
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


class ApplicationCredentialAccess(Model):
    __tablename__ = "application_credential_access"

    application_credential_id: Mapped[str] = child_of("application_credentials.id", primary_key=True)
    access_rule_id: Mapped[str] = mapped_column(String(64), ForeignKey("access_rules.id"), primary_key=True, index=True)


class Trust(Model):
    """A delegation by one user (the trustor) to another (the trustee), mostly a service."""

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
    __tablename__ = "trust_roles"

    trust_id: Mapped[str] = child_of("trusts.id", primary_key=True)
    role_id: Mapped[str] = child_of("roles.id", primary_key=True, index=True)


class Credential(Model):
    """A secret that a user keeps here (ec2, totp, cert); `blob` is encrypted with the keys in credential-keys."""

    __tablename__ = "credentials"

    id: Mapped[str] = key()
    user_id: Mapped[str] = child_of("users.id", index=True)
    project_id: Mapped[str | None] = mapped_column(String(64), index=True)
    type: Mapped[str] = mapped_column(String(255), index=True)
    blob: Mapped[str] = mapped_column(Text)
    extra: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)


class Consumer(Model):
    """A program that users may lend rights to by OAuth 1.0. Secrets of consumers and of their tokens are encrypted, and
    not hashed: signatures are checked with them."""

    __tablename__ = "consumers"

    id: Mapped[str] = key()
    description: Mapped[str | None] = mapped_column(Text)
    secret: Mapped[str] = mapped_column(Text)
    extra: Mapped[dict[str, Any]] = mapped_column(Json, default=dict)


class RequestToken(Model):
    """A consumer's wish to act in a project. It becomes an access token, once, after a user has authorized it."""

    __tablename__ = "request_tokens"

    id: Mapped[str] = key()
    consumer_id: Mapped[str] = child_of("consumers.id", index=True)
    project_id: Mapped[str] = child_of("projects.id", index=True)
    secret: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime | None] = mapped_column(Utc, index=True)
    user_id: Mapped[str | None] = child_of("users.id", index=True)  # who authorized it; None: nobody has yet
    role_ids: Mapped[list[str]] = mapped_column(Json, default=list)
    verifier_hash: Mapped[str | None] = mapped_column(String(255))


class AccessToken(Model):
    """A delegation by a user to a consumer: some of the user's roles in one project."""

    __tablename__ = "access_tokens"

    id: Mapped[str] = key()
    consumer_id: Mapped[str] = child_of("consumers.id", index=True)
    user_id: Mapped[str] = child_of("users.id", index=True)
    project_id: Mapped[str] = child_of("projects.id", index=True)
    secret: Mapped[str] = mapped_column(Text)
    role_ids: Mapped[list[str]] = mapped_column(Json)
    expires_at: Mapped[datetime | None] = mapped_column(Utc, index=True)


class SeenNonce(Model):
    """A signed request that was accepted; kept while its time would let it pass again."""

    __tablename__ = "seen_nonces"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime] = mapped_column(Utc, index=True)  # the request's own time


class RegisteredLimit(Model):
    """The default of a service's resource; `region_id` is empty for all regions, so that the constraint counts it."""

    __tablename__ = "registered_limits"
    __table_args__ = (UniqueConstraint("service_id", "region_id", "resource_name", name="uq_registered_limit"),)

    id: Mapped[str] = key()
    service_id: Mapped[str] = mapped_column(String(64))  # no foreign key: the limit outlives the service
    region_id: Mapped[str] = mapped_column(String(255), default="")
    resource_name: Mapped[str] = mapped_column(String(255))
    default_limit: Mapped[int]
    description: Mapped[str | None] = mapped_column(Text)


class Limit(Model):
    """A project's or domain's own limit, in place of the registered one."""

    __tablename__ = "limits"
    __table_args__ = (UniqueConstraint("registered_limit_id", "owner_id", name="uq_limit"),)

    id: Mapped[str] = key()
    registered_limit_id: Mapped[str] = mapped_column(String(64), ForeignKey("registered_limits.id"))
    owner_id: Mapped[str] = child_of("projects.id", index=True)  # a project or a domain
    resource_limit: Mapped[int]
    description: Mapped[str | None] = mapped_column(Text)


class Revocation(Model):
    """Something that changed what tokens are worth; see core.ledger. Kept until no token that it concerns can live."""

    __tablename__ = "revocations"

    serial: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    kills: Mapped[bool] = mapped_column(default=False)  # False: such tokens stay valid, but are worth something else
    user_id: Mapped[str | None] = mapped_column(String(64))
    project_id: Mapped[str | None] = mapped_column(String(64))
    domain_id: Mapped[str | None] = mapped_column(String(64))
    role_id: Mapped[str | None] = mapped_column(String(64))
    audit_id: Mapped[str | None] = mapped_column(String(32))
    before: Mapped[datetime] = mapped_column(Utc, index=True)


class Ledger(Model):
    """One row, whose lock makes serials appear in the order of their commits, so that a reader can't miss one."""

    __tablename__ = "ledger"

    id: Mapped[int] = mapped_column(primary_key=True)
    serial: Mapped[int] = mapped_column(default=0)
