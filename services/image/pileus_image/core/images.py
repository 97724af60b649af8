"""Images: who sees them, how they come, change and go."""

import hashlib
from collections.abc import Iterable, Mapping
from typing import Any

from sqlalchemy import delete as sql_delete
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pileus_image.core import attributes
from pileus_image.db.models import Blob, Image, Job, Member, SpentId, Term
from pileus_image.errors import IdTaken, ImageNotFound, Invalid, NotAllowed, OverQuota, Protected, WrongState
from pileus_kit.auth import Caller
from pileus_kit.db import new_id, now
from pileus_kit.flow import cancel

MOVES = {  # event: {from: to}
    "upload": {"queued": "saving"},
    "stage": {"queued": "uploading"},
    "import_staged": {"uploading": "importing"},
    "import_download": {"queued": "importing"},
    "publish": {"saving": "active", "importing": "active"},
    "give_up": {"saving": "queued", "uploading": "queued", "importing": "queued"},
    "deactivate": {"active": "deactivated", "deactivated": "deactivated"},
    "reactivate": {"deactivated": "active", "active": "active"},
}


def create(session: Session, caller: Caller, wish: Mapping[str, Any]) -> Image:
    """Record an image without data. Raises Reserved, ReadOnly, NotAllowed, OverQuota, IdTaken."""
    for name in wish:
        if name not in attributes.WRITABLE:
            attributes.refuse_foreign(name)
    owner = wish.get("owner", caller.project_id)
    if owner != caller.project_id and not caller.is_admin:
        raise NotAllowed(why=f"You are not permitted to create images owned by '{owner}'.")
    settled = {name: wish[name] for name in attributes.SETTABLE - {"tags", "owner"} if name in wish}
    tags = sorted(set(wish.get("tags", ())))
    properties = {k: v for k, v in wish.items() if k not in attributes.WRITABLE}
    moment = now()
    image = Image(
        id=wish.get("id", "").lower() or new_id(),
        owner=owner,
        tags=tags,
        properties=properties,
        made_by=caller.service_user_id if "service" in caller.service_roles else None,
        created_at=moment,
        updated_at=moment,
        **settled,
    )
    check_counts(image)
    if "id" in wish and session.get(SpentId, image.id) is not None:
        raise IdTaken(image=image.id)
    session.add(image)
    try:
        session.flush()
    except IntegrityError:
        raise IdTaken(image=image.id) from None
    if tags or properties:
        index(session, image, fresh=True)
    return image


def check_counts(image: Image) -> None:
    for what, attempted, most in (
        ("tags", len(image.tags), attributes.MOST_TAGS),
        ("image properties", len(image.properties), attributes.MOST_PROPERTIES),
    ):
        if attempted > most:
            raise OverQuota(what=what, attempted=attempted, most=most)


def get(session: Session, image_id: str, lock: bool = False) -> Image:
    """The image, whoever asks. Raises ImageNotFound. `lock`: to change it."""
    image = session.get(Image, image_id.lower(), with_for_update=lock or None) if len(image_id) <= 36 else None
    if image is None:
        raise ImageNotFound(image=image_id)
    return image


def find(session: Session, caller: Caller, image_id: str, lock: bool = False) -> Image:
    """The image, if the caller may know of it; else ImageNotFound, whatever the reason. `lock`: to change it."""
    image = get(session, image_id, lock)
    if caller.is_admin or image.owner == caller.project_id or image.visibility in ("public", "community"):
        return image
    if image.visibility == "shared" and _is_member(session, caller, image):
        return image
    if made_by_service(caller, image):
        return image
    raise ImageNotFound(image=image_id)


def made_by_service(caller: Caller, image: Image) -> bool:
    """Whether the caller is the service that made this image for a user: a snapshot that it still has to fill."""
    return "service" in caller.roles and image.made_by is not None and image.made_by == caller.user_id


def _is_member(session: Session, caller: Caller, image: Image) -> bool:
    return session.get(Member, (image.id, caller.project_id or "")) is not None


def target(session: Session, caller: Caller, image: Image) -> dict[str, Any]:
    """The image as policy checks see it. A caller that sees a shared image of others is its member."""
    shared = image.visibility == "shared" and image.owner != caller.project_id
    member = shared and _is_member(session, caller, image)
    return {
        "project_id": image.owner,
        "owner": image.owner,
        "visibility": image.visibility,
        "member_id": caller.project_id if member else None,
        "made_by_user": image.made_by,
    }


def delete(session: Session, image: Image) -> None:
    """Take the image away and doom its blobs: a sweep deletes them from their stores afterwards.

    Its id stays taken: hosts, servers and templates that still name it must not get another's content by it.
    """
    if image.protected:
        raise Protected(image=image.id)
    cancel(session, Job, image.id, "the image was deleted")
    session.execute(
        update(Blob)
        .where(Blob.image_id == image.id)
        .values(state="doomed")
        .execution_options(synchronize_session=False)
    )
    session.execute(sql_delete(Image).where(Image.id == image.id).execution_options(synchronize_session=False))
    session.add(SpentId(id=image.id))


def move(session: Session, image_id: str, event: str) -> str:
    """Apply an event to the image's status; the database refuses it if the status changed under us."""
    for before, after in MOVES[event].items():
        hit = session.execute(
            update(Image)
            .where(Image.id == image_id, Image.status == before)
            .values(status=after, updated_at=now())
            .execution_options(synchronize_session=False)
        )
        if hit.rowcount:  # type: ignore[attr-defined]
            return after
    status = session.scalar(select(Image.status).where(Image.id == image_id))
    if status is None:
        raise ImageNotFound(image=image_id)
    after = next(iter(MOVES[event].values()))
    raise WrongState(why=f"Image status transition from {status} to {after} is not allowed")


def retag(session: Session, image: Image, tags: Iterable[str]) -> None:
    image.tags = sorted(set(tags))
    image.updated_at = now()
    check_counts(image)
    index(session, image)


def index(session: Session, image: Image, fresh: bool = False) -> None:
    """Write down what filters find the image by."""
    session.flush()
    if not fresh:
        session.execute(sql_delete(Term).where(Term.image_id == image.id))
    digests = {digest("tag", tag) for tag in image.tags}
    digests |= {digest("property", name, value) for name, value in image.properties.items()}
    session.add_all(Term(digest=d, image_id=image.id) for d in digests)


def digest(*words: str) -> str:
    return hashlib.sha256("\0".join(words).encode()).hexdigest()


def require_formats(image: Image) -> None:
    """Data can't be taken before it is said what it is."""
    missing = [name for name in ("disk_format", "container_format") if not getattr(image, name)]
    if missing:
        raise Invalid(why=f"Properties {', '.join(missing)} must be set prior to saving data.")
