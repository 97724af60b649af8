"""Single endpoints that a project sees in its catalog (OS-EP-FILTER)."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_identity.core import endpoints, projects, revocations
from pileus_identity.core.listing import ListPage, ListQuery, fetch_page
from pileus_identity.db.models import Endpoint, Project, ProjectEndpoint
from pileus_identity.errors import ResourceNotFound


def find(session: Session, project_id: str, endpoint_id: str) -> ProjectEndpoint:
    """A project's association with an endpoint. Raises ResourceNotFound."""
    projects.find(session, project_id)
    found = session.get(ProjectEndpoint, (project_id, endpoints.find(session, endpoint_id).id))
    if found is None:
        raise ResourceNotFound(kind="endpoint in project", id=endpoint_id)
    return found


def create(session: Session, project_id: str, endpoint_id: str) -> None:
    """Let a project see an endpoint; repeating this does nothing. Raises ResourceNotFound."""
    project, endpoint = projects.find(session, project_id), endpoints.find(session, endpoint_id)
    if session.get(ProjectEndpoint, (project.id, endpoint.id)) is None:
        session.add(ProjectEndpoint(project_id=project.id, endpoint_id=endpoint.id))
        revocations.invalidate_authorizations(session)


def delete(session: Session, project_id: str, endpoint_id: str) -> None:
    """End a project's association with an endpoint. Raises ResourceNotFound."""
    session.delete(find(session, project_id, endpoint_id))
    revocations.invalidate_authorizations(session)


def list_page_of_project(session: Session, project_id: str, query: ListQuery) -> ListPage[Endpoint]:
    """The single endpoints that a project sees."""
    stmt = (
        select(Endpoint)
        .join(ProjectEndpoint, ProjectEndpoint.endpoint_id == Endpoint.id)
        .where(ProjectEndpoint.project_id == project_id)
    )
    return fetch_page(session, stmt, Endpoint.id, query.page)


def list_page_of_endpoint(session: Session, endpoint_id: str, query: ListQuery) -> ListPage[Project]:
    """The projects that are associated with an endpoint."""
    stmt = (
        projects.filtered()
        .join(ProjectEndpoint, ProjectEndpoint.project_id == Project.id)
        .where(ProjectEndpoint.endpoint_id == endpoint_id)
    )
    return fetch_page(session, stmt, Project.id, query.page)
