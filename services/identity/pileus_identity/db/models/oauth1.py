"""OAuth1 consumers and tokens, and the nonces that were used."""

from datetime import datetime

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from pileus_identity.db.models.base import Model, child_of, key
from pileus_kit.db import Json, Utc
from pileus_kit.json_types import JsonObject


class Consumer(Model):
    """A program to which users may delegate roles by OAuth 1.0.

    The secrets of consumers and of their tokens are encrypted instead of hashed, because signatures are checked with
    them.
    """

    __tablename__ = "consumers"

    id: Mapped[str] = key()
    description: Mapped[str | None] = mapped_column(Text)
    secret: Mapped[str] = mapped_column(Text)
    extra: Mapped[JsonObject] = mapped_column(Json, default=dict)


class RequestToken(Model):
    """A consumer's request to act in a project. Once a user has authorized it, it is exchanged for an access token."""

    __tablename__ = "request_tokens"

    id: Mapped[str] = key()
    consumer_id: Mapped[str] = child_of("consumers.id", index=True)
    project_id: Mapped[str] = child_of("projects.id", index=True)
    secret: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime | None] = mapped_column(Utc, index=True)
    user_id: Mapped[str | None] = child_of("users.id", index=True)  # the authorizing user; None until one has
    role_ids: Mapped[list[str]] = mapped_column(Json, default=list)
    verifier_hash: Mapped[str | None] = mapped_column(String(255))


class AccessToken(Model):
    """A user's delegation to a consumer: some of their roles in one project."""

    __tablename__ = "access_tokens"

    id: Mapped[str] = key()
    consumer_id: Mapped[str] = child_of("consumers.id", index=True)
    user_id: Mapped[str] = child_of("users.id", index=True)
    project_id: Mapped[str] = child_of("projects.id", index=True)
    secret: Mapped[str] = mapped_column(Text)
    role_ids: Mapped[list[str]] = mapped_column(Json)
    expires_at: Mapped[datetime | None] = mapped_column(Utc, index=True)


class SeenNonce(Model):
    """A signed request or one-time code that was accepted; kept while its time would allow it a second time."""

    __tablename__ = "seen_nonces"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    at: Mapped[datetime] = mapped_column(Utc, index=True)  # the request's own time
