"""Endpoint groups (OS-EP-FILTER): filters for endpoints, with which projects see only the endpoints that match."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_identity.core import projects, revocations
from pileus_identity.core.attributes import insert
from pileus_identity.core.catalog import is_in_group
from pileus_identity.core.listing import ListPage, ListQuery, apply_filters, fetch_page
from pileus_identity.db.models import Endpoint, EndpointGroup, Project, ProjectEndpointGroup
from pileus_identity.errors import DuplicateEntry, ResourceNotFound
from pileus_kit.json_types import JsonObject

MAX_ENDPOINTS = 10_000


def find(session: Session, group_id: str) -> EndpointGroup:
    """An endpoint group by id. Raises ResourceNotFound."""
    group = session.get(EndpointGroup, group_id)
    if group is None:
        raise ResourceNotFound(kind="endpoint group", id=group_id)
    return group


def create(session: Session, body: JsonObject) -> EndpointGroup:
    """Create an endpoint group, which no project has yet."""
    group = EndpointGroup(name=body["name"], description=body.get("description"), filters=body["filters"])
    insert(session, group, "endpoint_group", group.name)
    return group


def update(session: Session, group: EndpointGroup, body: JsonObject) -> None:
    """Change an endpoint group's name, description or filters."""
    for name in ("name", "description", "filters"):
        if name in body:
            setattr(group, name, body[name])
    session.flush()
    revocations.invalidate_authorizations(session)


def delete(session: Session, group: EndpointGroup) -> None:
    """Delete an endpoint group; its projects no longer have it."""
    session.delete(group)
    revocations.invalidate_authorizations(session)


def list_page(session: Session, query: ListQuery) -> ListPage[EndpointGroup]:
    """The endpoint groups that match a query."""
    stmt = apply_filters(select(EndpointGroup), query.filters, (EndpointGroup.name,))
    return fetch_page(session, stmt, EndpointGroup.id, query.page)


def list_endpoints(session: Session, group: EndpointGroup) -> list[Endpoint]:
    """The endpoints that match the filters of a group."""
    endpoints = session.scalars(select(Endpoint).order_by(Endpoint.id).limit(MAX_ENDPOINTS))
    return [endpoint for endpoint in endpoints if is_in_group(endpoint, group)]


def find_in_project(session: Session, group_id: str, project_id: str) -> ProjectEndpointGroup:
    """A project's association with a group. Raises ResourceNotFound."""
    found = session.get(ProjectEndpointGroup, (project_id, group_id))
    if found is None:
        raise ResourceNotFound(kind="endpoint group in project", id=group_id)
    return found


def add_to_project(session: Session, group_id: str, project_id: str) -> None:
    """Let a project see the endpoints of a group. Raises ResourceNotFound or DuplicateEntry."""
    group, project = find(session, group_id), projects.find(session, project_id)
    if session.get(ProjectEndpointGroup, (project.id, group.id)) is not None:
        raise DuplicateEntry(kind="endpoint group in project", name=group.name)
    session.add(ProjectEndpointGroup(project_id=project.id, group_id=group.id))
    revocations.invalidate_authorizations(session)


def remove_from_project(session: Session, group_id: str, project_id: str) -> None:
    """End a project's association with a group. Raises ResourceNotFound."""
    session.delete(find_in_project(session, group_id, project_id))
    revocations.invalidate_authorizations(session)


def list_page_of_project(session: Session, project_id: str, query: ListQuery) -> ListPage[EndpointGroup]:
    """The endpoint groups that a project has."""
    stmt = (
        select(EndpointGroup)
        .join(ProjectEndpointGroup, ProjectEndpointGroup.group_id == EndpointGroup.id)
        .where(ProjectEndpointGroup.project_id == project_id)
    )
    return fetch_page(session, stmt, EndpointGroup.id, query.page)


def list_page_of_projects(session: Session, group_id: str, query: ListQuery) -> ListPage[Project]:
    """The projects that have an endpoint group."""
    stmt = (
        projects.filtered()
        .join(ProjectEndpointGroup, ProjectEndpointGroup.project_id == Project.id)
        .where(ProjectEndpointGroup.group_id == group_id)
    )
    return fetch_page(session, stmt, Project.id, query.page)
