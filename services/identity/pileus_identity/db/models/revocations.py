"""The log of revocations."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from pileus_identity.db.models.base import Model
from pileus_kit.db import Utc


class Revocation(Model):
    """An event that revoked tokens or changed what they grant; see core.revocations.

    It is kept until no token that it concerns can be valid any more.
    """

    __tablename__ = "revocations"

    serial: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    revokes: Mapped[bool] = mapped_column(default=False)  # False: tokens stay valid, but must be evaluated again
    user_id: Mapped[str | None] = mapped_column(String(64))
    project_id: Mapped[str | None] = mapped_column(String(64))
    domain_id: Mapped[str | None] = mapped_column(String(64))
    role_id: Mapped[str | None] = mapped_column(String(64))
    audit_id: Mapped[str | None] = mapped_column(String(32))
    before: Mapped[datetime] = mapped_column(Utc, index=True)


class RevocationSerial(Model):
    """The one row that counts events. Its lock gives serials the order of commits, so that readers miss none."""

    __tablename__ = "revocation_serial"

    id: Mapped[int] = mapped_column(primary_key=True)
    serial: Mapped[int] = mapped_column(default=0)
