"""Metadata definition namespaces: collections of what properties, objects, tags and resource types mean."""

from collections.abc import Sequence

from sqlalchemy import Select, exists, or_, select
from sqlalchemy.orm import Session

from pileus_image.core import metadef_resources
from pileus_image.core.metadef_resources import PLURAL, Kind, flush
from pileus_image.db.models import MetadefNamespace, MetadefResource
from pileus_image.errors import Invalid, NoSuchResource, NotAllowed
from pileus_kit import paging
from pileus_kit.auth import Caller
from pileus_kit.db import now
from pileus_kit.json_types import JsonObject

FIELDS = ("namespace", "display_name", "description", "visibility", "protected", "owner")
"""What clients set of a namespace itself."""


def create(session: Session, caller: Caller, body: JsonObject) -> MetadefNamespace:
    """Create a namespace with all that the body defines in it. Raises AlreadyExists."""
    given = {"owner": caller.project_id} | {name: body[name] for name in FIELDS if name in body}
    namespace = MetadefNamespace(**given)
    session.add(namespace)
    flush(session, f"Namespace {namespace.namespace}")
    resources: list[tuple[Kind, str, JsonObject]] = []
    resources += [("property", name, about) for name, about in body.get("properties", {}).items()]
    for kind in ("object", "tag", "resource_type"):
        resources += [(kind, about["name"], about) for about in body.get(PLURAL[kind], ())]
    for kind, name, about in resources:
        session.add(
            MetadefResource(
                namespace_id=namespace.id, kind=kind, name=name, body=metadef_resources.without_columns(about)
            )
        )
    flush(session, "A definition twice in the request")
    return namespace


def find(session: Session, caller: Caller, name: str, lock: bool = False) -> MetadefNamespace:
    """Return the namespace if the caller may know of it; with `lock` to change it. Raises NoSuchResource."""
    stmt = select(MetadefNamespace).where(MetadefNamespace.namespace == name)
    namespace = session.scalar(stmt.with_for_update() if lock else stmt)
    visible = namespace is not None and (
        caller.is_admin or namespace.visibility == "public" or namespace.owner == caller.project_id
    )
    if namespace is None or not visible:
        raise NoSuchResource(what=f"Namespace {name[:80]}")
    return namespace


def policy_target(namespace: MetadefNamespace) -> dict[str, str | None]:
    """Return what policy rules check."""
    return {"project_id": namespace.owner, "owner": namespace.owner, "visibility": namespace.visibility}


def list_namespaces(
    session: Session,
    caller: Caller,
    visibility: str | None,
    resource_types: Sequence[str],
    marker: str | None,
    limit: int,
) -> list[MetadefNamespace]:
    """Return the namespaces that the caller may know of, newest first, after the one that `marker` names.

    With `resource_types` only those that are associated with one of them. Raises Invalid for an unknown marker.
    """
    stmt: Select[tuple[MetadefNamespace]] = select(MetadefNamespace)
    if not caller.is_admin:
        stmt = stmt.where(or_(MetadefNamespace.visibility == "public", MetadefNamespace.owner == caller.project_id))
    if visibility:
        stmt = stmt.where(MetadefNamespace.visibility == visibility)
    if resource_types:
        associated = exists().where(
            MetadefResource.namespace_id == MetadefNamespace.id, MetadefResource.kind == "resource_type"
        )
        stmt = stmt.where(associated.where(MetadefResource.name.in_(resource_types)))
    after = None
    if marker is not None:
        after = session.scalar(select(MetadefNamespace).where(MetadefNamespace.namespace == marker))
        if after is None:
            raise Invalid(why=f"Invalid marker: namespace {marker[:80]} could not be found")
    order: paging.Sort = [(MetadefNamespace.created_at, "desc"), (MetadefNamespace.id, "desc")]
    return paging.fetch(session, stmt, order, after, limit)  # type: ignore[arg-type]


def update(session: Session, namespace: MetadefNamespace, body: JsonObject) -> None:
    """Replace the namespace's own fields; what it defines stays. Raises AlreadyExists."""
    defaults = {
        "display_name": None,
        "description": None,
        "visibility": "private",
        "protected": False,
        "owner": namespace.owner,
    }
    for name, value in (defaults | {name: body[name] for name in FIELDS if name in body}).items():
        setattr(namespace, name, value)
    namespace.updated_at = now()
    flush(session, f"Namespace {body['namespace']}")


def delete(session: Session, namespace: MetadefNamespace) -> None:
    """Delete the namespace with all that it defines. Raises NotAllowed if it is protected."""
    if namespace.protected:
        raise NotAllowed(why=f"Namespace {namespace.namespace} is protected and cannot be deleted.")
    session.delete(namespace)
