"""How many images and how many bytes a project may have, and has."""

from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pileus_image.db.models import Blob, Image
from pileus_image.errors import ImageTooLarge, OverQuota

MIB = 1 << 20
UPLOADING = ("saving", "uploading", "importing")


@dataclass(frozen=True)
class Limits:
    """How many images, and how many MiB of image data, a project may have; -1 stands for any number."""

    images: int = -1
    mib: int = -1


def check_count(session: Session, owner: str | None, limits: Limits) -> None:
    """Raise OverQuota if the project may not have another image."""
    if limits.images < 0:
        return
    have = session.scalar(select(func.count()).where(Image.owner == owner)) or 0
    if have >= limits.images:
        raise OverQuota(what="images", attempted=have + 1, most=limits.images)


def check_size(session: Session, owner: str | None, more_bytes: int, limits: Limits) -> None:
    """Raise ImageTooLarge if the project may not have so many bytes more."""
    if limits.mib >= 0 and _bytes(session, owner) + more_bytes > limits.mib * MIB:
        raise ImageTooLarge(why=f"the project may have {limits.mib} MiB of image data")


def usage(session: Session, owner: str | None, limits: Limits) -> dict[str, dict[str, int]]:
    """Return limit and usage by the names that OpenStack's unified limits have; sizes are in MiB."""
    uploading = session.scalar(select(func.count()).where(Image.owner == owner, Image.status.in_(UPLOADING))) or 0
    count = session.scalar(select(func.count()).where(Image.owner == owner)) or 0
    return {
        "image_size_total": {"limit": limits.mib, "usage": _bytes(session, owner) // MIB},
        "image_stage_total": {"limit": limits.mib, "usage": 0},
        "image_count_total": {"limit": limits.images, "usage": count},
        "image_count_uploading": {"limit": limits.images, "usage": uploading},
    }


def _bytes(session: Session, owner: str | None) -> int:
    """Return the bytes of image data that the project has, as often as stores hold them."""
    kept = select(func.sum(Image.size)).join(Blob, Blob.image_id == Image.id)
    return int(session.scalar(kept.where(Image.owner == owner, Blob.state == "kept")) or 0)
