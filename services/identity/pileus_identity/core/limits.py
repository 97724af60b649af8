"""Limits that services ask for: a default for all (registered), and a project's or domain's own."""

from collections.abc import Mapping

from sqlalchemy import Select, delete, exists, select
from sqlalchemy.orm import Session

from pileus_identity.core import lists, projects
from pileus_identity.core.bodies import Body, flush, store
from pileus_identity.db.models import Limit, Project, Region, RegisteredLimit, Service
from pileus_identity.errors import Invalid, Missing, Refused, Taken


def get_registered(session: Session, id: str) -> RegisteredLimit:
    registered = session.get(RegisteredLimit, id)
    if registered is None:
        raise Missing(kind="registered limit", id=id)
    return registered


def register(session: Session, bodies: list[Body]) -> list[RegisteredLimit]:
    made = []
    for body in bodies:
        registered = RegisteredLimit(description=body.get("description"))
        _put(session, registered, body)
        session.add(registered)
        flush(session, "registered_limit", registered.resource_name)
        made.append(registered)
    return made


def change_registered(session: Session, registered: RegisteredLimit, body: Body) -> None:
    if {"service_id", "region_id", "resource_name"} & set(body):
        _unused(session, registered, "update")
    _put(session, registered, body)
    flush(session, "registered_limit", registered.resource_name)


def _put(session: Session, registered: RegisteredLimit, body: Body) -> None:
    if "service_id" in body:
        if session.get(Service, body["service_id"]) is None:
            raise Invalid(why=f"Service {body['service_id']} does not exist.")
        registered.service_id = body["service_id"]
    if "region_id" in body:
        if body["region_id"] is not None and session.get(Region, body["region_id"]) is None:
            raise Invalid(why=f"Region {body['region_id']} does not exist.")
        registered.region_id = body["region_id"] or ""
    for name in ("resource_name", "default_limit", "description"):
        if name in body:
            setattr(registered, name, body[name])


def unregister(session: Session, registered: RegisteredLimit) -> None:
    _unused(session, registered, "delete")
    session.delete(registered)


def _unused(session: Session, registered: RegisteredLimit, verb: str) -> None:
    if session.scalar(select(exists().where(Limit.registered_limit_id == registered.id))):
        raise Refused(
            why=f"Unable to {verb} registered limit {registered.id} because there are project limits associated "
            "with it."
        )


def find_registered(asked: Mapping[str, str]) -> Select[RegisteredLimit]:
    return lists.matching(select(RegisteredLimit), RegisteredLimit, asked, ("service_id", "region_id", "resource_name"))


Pair = tuple[Limit, RegisteredLimit, Project]  # a limit, what it overrides, whose it is


def get(session: Session, id: str) -> Pair:
    row = session.execute(find({}).where(Limit.id == id)).first()
    if row is None:
        raise Missing(kind="limit", id=id)
    return row[0], row[1], row[2]


def create(session: Session, bodies: list[Body]) -> list[Pair]:
    made: list[Pair] = []
    for body in bodies:
        if bool(body.get("project_id")) == bool(body.get("domain_id")):
            raise Invalid(why="A limit is for a project or for a domain: give one of project_id and domain_id.")
        owner = projects.get(session, body.get("project_id") or body["domain_id"], domain=bool(body.get("domain_id")))
        registered = session.scalar(
            select(RegisteredLimit).where(
                RegisteredLimit.service_id == body["service_id"],
                RegisteredLimit.resource_name == body["resource_name"],
                RegisteredLimit.region_id == (body.get("region_id") or ""),
            )
        )
        if registered is None:
            raise Refused(why="Unable to create a limit that has no corresponding registered limit.")
        if session.scalar(
            select(exists().where(Limit.owner_id == owner.id, Limit.registered_limit_id == registered.id))
        ):
            raise Taken(kind="limit", name=body["resource_name"])
        limit = Limit(
            registered_limit_id=registered.id,
            owner_id=owner.id,
            resource_limit=body["resource_limit"],
            description=body.get("description"),
        )
        store(session, limit, "limit")
        made.append((limit, registered, owner))
    return made


def change(session: Session, limit: Limit, body: Body) -> None:
    for name in ("resource_limit", "description"):
        if name in body:
            setattr(limit, name, body[name])
    session.flush()


def remove(session: Session, limit: Limit) -> None:
    session.execute(delete(Limit).where(Limit.id == limit.id))


def find(asked: Mapping[str, str]) -> Select[Limit, RegisteredLimit, Project]:
    stmt = (
        select(Limit, RegisteredLimit, Project)
        .join(RegisteredLimit, RegisteredLimit.id == Limit.registered_limit_id)
        .join(Project, Project.id == Limit.owner_id)
    )
    for name in ("service_id", "region_id", "resource_name"):
        if name in asked:
            stmt = stmt.where(getattr(RegisteredLimit, name) == asked[name])
    if "project_id" in asked:
        stmt = stmt.where(Limit.owner_id == asked["project_id"], Project.is_domain.is_(False))
    if "domain_id" in asked:
        stmt = stmt.where(Limit.owner_id == asked["domain_id"], Project.is_domain)
    return stmt
