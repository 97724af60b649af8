"""Metadata definitions: namespaces that say what properties mean, and what they define."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from sqlalchemy import Select, exists, func, or_, select
from sqlalchemy import delete as sql_delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from pileus_image.db.models import Definition, Namespace
from pileus_image.errors import Invalid, NoSuch, NotAllowed, OverQuota, Taken
from pileus_kit import paging
from pileus_kit.auth import Caller
from pileus_kit.db import now

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
"""What definitions can be about in this cloud, whether something is defined about it yet or not."""
OWN = ("namespace", "display_name", "description", "visibility", "protected", "owner")
MOST_DEFINITIONS = 5000  # of one namespace


# -- namespaces ----------------------------------------------------------------------------------------------------


def create(session: Session, caller: Caller, body: Mapping[str, Any]) -> Namespace:
    """A namespace with all that the body defines. Raises Taken, Invalid."""
    space = Namespace(**{"owner": caller.project_id} | {name: body[name] for name in OWN if name in body})
    session.add(space)
    _flush(session, f"Namespace {space.namespace}")
    things: list[tuple[Kind, str, Mapping[str, Any]]] = []
    things += [("property", name, about) for name, about in body.get("properties", {}).items()]
    for kind in ("object", "tag", "resource_type"):
        things += [(kind, about["name"], about) for about in body.get(PLURAL[kind], ())]
    for kind, name, about in things:
        session.add(Definition(namespace_id=space.id, kind=kind, name=name, body=_bare(about)))
    _flush(session, "A definition twice in the request")
    return space


def find(session: Session, caller: Caller, name: str, lock: bool = False) -> Namespace:
    """The namespace, if the caller may know of it; else NoSuch. `lock`: to change it."""
    stmt = select(Namespace).where(Namespace.namespace == name)
    space = session.scalar(stmt.with_for_update() if lock else stmt)
    if space is None or not (caller.is_admin or space.visibility == "public" or space.owner == caller.project_id):
        raise NoSuch(what=f"Namespace {name[:80]}")
    return space


def target(space: Namespace) -> dict[str, Any]:
    return {"project_id": space.owner, "owner": space.owner, "visibility": space.visibility}


def page(
    session: Session, caller: Caller, visibility: str | None, types: Sequence[str], marker: str | None, limit: int
) -> list[Namespace]:
    """Namespaces that the caller may know of, newest first; `types`: only those about one of these resource types."""
    stmt: Select[Any] = select(Namespace)
    if not caller.is_admin:
        stmt = stmt.where(or_(Namespace.visibility == "public", Namespace.owner == caller.project_id))
    if visibility:
        stmt = stmt.where(Namespace.visibility == visibility)
    if types:
        about = exists().where(Definition.namespace_id == Namespace.id, Definition.kind == "resource_type")
        stmt = stmt.where(about.where(Definition.name.in_(types)))
    after = None
    if marker is not None:
        after = session.scalar(select(Namespace).where(Namespace.namespace == marker))
        if after is None:
            raise Invalid(why=f"Invalid marker: namespace {marker[:80]} could not be found")
    return paging.fetch(session, stmt, [(Namespace.created_at, "desc"), (Namespace.id, "desc")], after, limit)


def replace(session: Session, space: Namespace, body: Mapping[str, Any]) -> None:
    """Everything about the namespace itself anew; its definitions stay. Raises Taken."""
    usual = {
        "display_name": None,
        "description": None,
        "visibility": "private",
        "protected": False,
        "owner": space.owner,
    }
    for name, value in (usual | {name: body[name] for name in OWN if name in body}).items():
        setattr(space, name, value)
    space.updated_at = now()
    _flush(session, f"Namespace {body['namespace']}")


def delete(session: Session, space: Namespace) -> None:
    if space.protected:
        raise NotAllowed(why=f"Namespace {space.namespace} is protected and cannot be deleted.")
    session.delete(space)


# -- definitions ---------------------------------------------------------------------------------------------------


def define(session: Session, space: Namespace, kind: Kind, name: str, body: Mapping[str, Any]) -> Definition:
    """Raises Taken if the name has a definition of this kind already, OverQuota."""
    have = session.scalar(select(func.count()).where(Definition.namespace_id == space.id)) or 0
    if have >= MOST_DEFINITIONS:
        raise OverQuota(what="definitions", attempted=have + 1, most=MOST_DEFINITIONS)
    thing = Definition(namespace_id=space.id, kind=kind, name=name, body=_bare(body))
    session.add(thing)
    _flush(session, f"{kind.capitalize()} {name}")
    return thing


def get(session: Session, space: Namespace, kind: Kind, name: str) -> Definition:
    thing = session.get(Definition, (space.id, kind, name))
    if thing is None:
        raise NoSuch(what=f"{kind.capitalize()} {name[:80]} in namespace {space.namespace}")
    return thing


def listed(session: Session, spaces: Sequence[Namespace], *kinds: Kind) -> dict[str, list[Definition]]:
    """The definitions of these namespaces, by namespace id, in the order of their names. One statement."""
    found: dict[str, list[Definition]] = {space.id: [] for space in spaces}
    stmt = select(Definition).where(Definition.namespace_id.in_(found), Definition.kind.in_(kinds))
    for thing in session.scalars(stmt.order_by(Definition.name)):
        found[thing.namespace_id].append(thing)
    return found


def redefine(session: Session, thing: Definition, name: str, body: Mapping[str, Any]) -> Definition:
    """Another body, and perhaps another name. Raises Taken."""
    thing.name, thing.body, thing.updated_at = name, _bare(body), now()
    _flush(session, f"{thing.kind.capitalize()} {name}")
    return thing


def drop_all(session: Session, space: Namespace, kind: Kind) -> None:
    session.execute(sql_delete(Definition).where(Definition.namespace_id == space.id, Definition.kind == kind))


def resource_types(session: Session) -> list[str]:
    used = session.scalars(select(Definition.name).where(Definition.kind == "resource_type").distinct().limit(1000))
    return sorted({*RESOURCE_TYPES, *used})


def _bare(body: Mapping[str, Any]) -> dict[str, Any]:
    """What of a definition isn't a column."""
    return {k: v for k, v in body.items() if k not in ("name", "created_at", "updated_at", "schema", "self")}


def _flush(session: Session, what: str) -> None:
    try:
        session.flush()
    except IntegrityError:
        raise Taken(what=what) from None
