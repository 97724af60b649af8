"""What a metadata definition namespace defines: properties, objects, tags and associated resource types."""

from collections.abc import Iterable, Sequence
from typing import Literal

from sqlalchemy import delete as sql_delete
from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pileus_image.db.models import MetadefNamespace, MetadefResource
from pileus_image.errors import AlreadyExists, Invalid, NoSuchResource, OverQuota
from pileus_kit.db import now
from pileus_kit.json_types import JsonObject

Kind = Literal["property", "object", "tag", "resource_type"]
PLURAL: dict[Kind, str] = {
    "property": "properties",
    "object": "objects",
    "tag": "tags",
    "resource_type": "resource_type_associations",
}
RESOURCE_TYPES = (
    "OS::Cinder::Volume",
    "OS::Glance::Image",
    "OS::Nova::Aggregate",
    "OS::Nova::Flavor",
    "OS::Nova::Server",
)
"""The resource types of this cloud, whether a namespace is associated with them or not."""
MAX_RESOURCES = 5000
"""How much one namespace may define."""
COLUMNS = frozenset({"name", "created_at", "updated_at", "schema", "self"})
"""Keys of a body that columns or links stand for."""


def create(session: Session, namespace: MetadefNamespace, kind: Kind, name: str, body: JsonObject) -> MetadefResource:
    """Define something in the namespace. Raises AlreadyExists if it has this kind and name, OverQuota."""
    have = session.scalar(select(func.count()).where(MetadefResource.namespace_id == namespace.id)) or 0
    if have >= MAX_RESOURCES:
        raise OverQuota(what="definitions", attempted=have + 1, most=MAX_RESOURCES)
    resource = MetadefResource(namespace_id=namespace.id, kind=kind, name=name, body=without_columns(body))
    session.add(resource)
    flush(session, f"{kind.capitalize()} {name}")
    return resource


def create_tags(
    session: Session, namespace: MetadefNamespace, names: Iterable[str], append: bool
) -> list[MetadefResource]:
    """Define these tags, with `append` besides those that are there, else in their place."""
    if not append:
        delete_all(session, namespace, "tag")
    return [create(session, namespace, "tag", name, {}) for name in names]


def find(session: Session, namespace: MetadefNamespace, kind: Kind, name: str) -> MetadefResource:
    """Return what the namespace defines by this kind and name. Raises NoSuchResource."""
    resource = session.get(MetadefResource, (namespace.id, kind, name))
    if resource is None:
        raise NoSuchResource(what=f"{kind.capitalize()} {name[:80]} in namespace {namespace.namespace}")
    return resource


def find_property(
    session: Session, namespace: MetadefNamespace, name: str, resource_type: str | None
) -> MetadefResource:
    """Return a property; with `resource_type`, `name` begins with the prefix that the property has there.

    Raises NoSuchResource, and Invalid if the prefix is missing.
    """
    prefix = ""
    if resource_type:
        prefix = find(session, namespace, "resource_type", resource_type).body.get("prefix") or ""
        if not name.startswith(prefix):
            raise Invalid(
                why=f"Property {name[:80]} does not start with the expected resource type association "
                f"prefix of '{prefix}'."
            )
    return find(session, namespace, "property", name[len(prefix) :])


def list_resources(
    session: Session, namespaces: Sequence[MetadefNamespace], *kinds: Kind
) -> dict[str, list[MetadefResource]]:
    """Return what these namespaces define, by namespace id, in the order of names. It costs one statement."""
    found: dict[str, list[MetadefResource]] = {namespace.id: [] for namespace in namespaces}
    stmt = select(MetadefResource).where(MetadefResource.namespace_id.in_(found), MetadefResource.kind.in_(kinds))
    for resource in session.scalars(stmt.order_by(MetadefResource.name)):
        found[resource.namespace_id].append(resource)
    return found


def update(session: Session, resource: MetadefResource, body: JsonObject) -> MetadefResource:
    """Replace the body, and the name with the body's. Raises AlreadyExists."""
    resource.name, resource.body, resource.updated_at = body["name"], without_columns(body), now()
    flush(session, f"{resource.kind.capitalize()} {resource.name}")
    return resource


def delete(session: Session, namespace: MetadefNamespace, kind: Kind, name: str) -> None:
    """Delete what the namespace defines by this kind and name. Raises NoSuchResource."""
    session.delete(find(session, namespace, kind, name))


def delete_all(session: Session, namespace: MetadefNamespace, kind: Kind) -> None:
    """Delete everything of this kind from the namespace."""
    session.execute(
        sql_delete(MetadefResource).where(MetadefResource.namespace_id == namespace.id, MetadefResource.kind == kind)
    )


def list_resource_types(session: Session) -> list[str]:
    """Return RESOURCE_TYPES and all others that namespaces are associated with, by name."""
    used = select(MetadefResource.name).where(MetadefResource.kind == "resource_type").distinct().limit(1000)
    return sorted({*RESOURCE_TYPES, *session.scalars(used)})


def without_columns(body: JsonObject) -> JsonObject:
    """Return the part of a definition that is kept as JSON."""
    return {key: value for key, value in body.items() if key not in COLUMNS}


def flush(session: Session, what: str) -> None:
    """Send pending changes to the database. Raises AlreadyExists, with `what`, if a name is taken."""
    try:
        session.flush()
    except IntegrityError:
        raise AlreadyExists(what=what) from None
