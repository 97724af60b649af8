"""Images: which of them a caller sees, and how they are created, changed and deleted."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import delete as sql_delete
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pileus_image.core import attributes
from pileus_image.db.models import Blob, DeletedImageId, Image, Job, Member, Term
from pileus_image.errors import IdTaken, ImageNotFound, Invalid, NotAllowed, OverQuota, Protected, WrongState
from pileus_kit.auth import Caller
from pileus_kit.db import new_id, now
from pileus_kit.errors import NotFound
from pileus_kit.flow import cancel
from pileus_kit.json_types import JsonObject

TRANSITIONS = {
    "upload": {"queued": "saving"},
    "stage": {"queued": "uploading"},
    "import_staged": {"uploading": "importing"},
    "import_download": {"queued": "importing"},
    "publish": {"saving": "active", "importing": "active"},
    "give_up": {"saving": "queued", "uploading": "queued", "importing": "queued"},
    "deactivate": {"active": "deactivated", "deactivated": "deactivated"},
    "reactivate": {"deactivated": "active", "active": "active"},
}
"""For each event, which status it turns into which."""


@dataclass(frozen=True)
class NewImage:
    """What a client asks for. `id` is None if the client leaves the choice to us; `columns` are all others given."""

    id: str | None
    owner: str | None
    tags: tuple[str, ...]
    properties: Mapping[str, str]
    columns: Mapping[str, object]


def parse(body: JsonObject, project_id: str | None) -> NewImage:
    """Read a body that has passed attributes.CREATE; the image is the project's unless the body names an owner.

    Raises ReservedAttribute, ReadOnlyAttribute.
    """
    for name in body:
        if name not in attributes.WRITABLE:
            attributes.check_writable(name)
    return NewImage(
        id=body["id"].lower() if "id" in body else None,
        owner=body.get("owner", project_id),
        tags=tuple(sorted(set(body.get("tags", ())))),
        properties={name: value for name, value in body.items() if name not in attributes.WRITABLE},
        columns={name: body[name] for name in attributes.SETTABLE - {"tags", "owner"} if name in body},
    )


def create(session: Session, caller: Caller, request: NewImage) -> Image:
    """Create an image without data. Raises NotAllowed, OverQuota, IdTaken."""
    if request.owner != caller.project_id and not caller.is_admin:
        raise NotAllowed(why=f"You are not permitted to create images owned by '{request.owner}'.")
    moment = now()
    image = Image(
        id=request.id or new_id(),
        owner=request.owner,
        tags=list(request.tags),
        properties=dict(request.properties),
        made_by=caller.service_user_id if "service" in caller.service_roles else None,
        created_at=moment,
        updated_at=moment,
        **request.columns,
    )
    check_counts(image)
    if request.id and session.get(DeletedImageId, image.id) is not None:
        raise IdTaken(image=image.id)
    session.add(image)
    try:
        session.flush()
    except IntegrityError:
        raise IdTaken(image=image.id) from None
    if request.tags or request.properties:
        index_terms(session, image, new=True)
    return image


def check_counts(image: Image) -> None:
    """Raise OverQuota if the image has too many tags or properties."""
    for what, attempted, most in (
        ("tags", len(image.tags), attributes.MAX_TAGS),
        ("image properties", len(image.properties), attributes.MAX_PROPERTIES),
    ):
        if attempted > most:
            raise OverQuota(what=what, attempted=attempted, most=most)


def get(session: Session, image_id: str, lock: bool = False) -> Image:
    """Return the image without asking who may see it; with `lock` to change it. Raises ImageNotFound."""
    image = session.get(Image, image_id.lower(), with_for_update=lock or None) if len(image_id) <= 36 else None
    if image is None:
        raise ImageNotFound(image=image_id)
    return image


def find(session: Session, caller: Caller, image_id: str, lock: bool = False) -> Image:
    """Return the image if the caller may know of it; with `lock` to change it. Raises ImageNotFound otherwise."""
    image = get(session, image_id, lock)
    if caller.is_admin or image.owner == caller.project_id or image.visibility in ("public", "community"):
        return image
    if image.visibility == "shared" and _is_member(session, caller, image):
        return image
    if _made_by_service(caller, image):
        return image
    raise ImageNotFound(image=image_id)


def _made_by_service(caller: Caller, image: Image) -> bool:
    """Whether the caller is the service that created this image for a user: a snapshot that it has yet to fill."""
    return "service" in caller.roles and image.made_by is not None and image.made_by == caller.user_id


def _is_member(session: Session, caller: Caller, image: Image) -> bool:
    return session.get(Member, (image.id, caller.project_id or "")) is not None


def policy_target(session: Session, caller: Caller, image: Image) -> dict[str, str | None]:
    """Return what policy rules check. A caller who sees another project's shared image is a member of it."""
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
    """Delete the image and mark its blobs for deletion (`orphaned_blobs`). Raises Protected.

    Its id stays taken: hosts, servers and templates that still name it must not get another image by it.
    """
    if image.protected:
        raise Protected(image=image.id)
    cancel(session, Job, image.id, "the image was deleted")
    session.execute(
        update(Blob)
        .where(Blob.image_id == image.id)
        .values(state="deleting")
        .execution_options(synchronize_session=False)
    )
    session.execute(sql_delete(Image).where(Image.id == image.id).execution_options(synchronize_session=False))
    session.add(DeletedImageId(id=image.id))


def move(session: Session, image_id: str, event: str) -> str:
    """Apply an event of TRANSITIONS to the image's status and return the new one.

    It is a compare-and-set in the database. Raises WrongState if the status allows no such event, ImageNotFound.
    """
    for before, after in TRANSITIONS[event].items():
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
    after = next(iter(TRANSITIONS[event].values()))
    raise WrongState(why=f"Image status transition from {status} to {after} is not allowed")


def switch(session: Session, image: Image, event: str) -> None:
    """Deactivate or reactivate the image. Raises NotAllowed if it isn't active or deactivated."""
    if image.status not in TRANSITIONS[event]:
        raise NotAllowed(why=f"Not allowed to {event} an image in status '{image.status}'")
    move(session, image.id, event)


def add_tag(session: Session, image: Image, tag: str) -> None:
    """Add a tag, unless the image has it. Raises OverQuota."""
    _replace_tags(session, image, {*image.tags, tag})


def remove_tag(session: Session, image: Image, tag: str) -> None:
    """Remove a tag. Raises NotFound if the image has none of this name."""
    if tag not in image.tags:
        raise NotFound(why=f"Image {image.id} has no tag {tag[:255]}")
    _replace_tags(session, image, set(image.tags) - {tag})


def _replace_tags(session: Session, image: Image, tags: Iterable[str]) -> None:
    image.tags = sorted(set(tags))
    image.updated_at = now()
    check_counts(image)
    index_terms(session, image)


def index_terms(session: Session, image: Image, new: bool = False) -> None:
    """Record the digests of tags and properties by which list filters find the image."""
    session.flush()
    if not new:
        session.execute(sql_delete(Term).where(Term.image_id == image.id))
    digests = {term_digest("tag", tag) for tag in image.tags}
    digests |= {term_digest("property", name, value) for name, value in image.properties.items()}
    session.add_all(Term(digest=digest, image_id=image.id) for digest in digests)


def term_digest(*words: str) -> str:
    """Return the digest of ("tag", TAG) or of ("property", NAME, VALUE)."""
    return hashlib.sha256("\0".join(words).encode()).hexdigest()


def require_formats(image: Image) -> None:
    """Raise Invalid if the image's formats are not set: its data could not be checked."""
    missing = [name for name in ("disk_format", "container_format") if not getattr(image, name)]
    if missing:
        raise Invalid(why=f"Properties {', '.join(missing)} must be set prior to saving data.")
