"""Which endpoints a project sees in its catalogue: single ones, and groups of those that match a filter."""

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from pileus_identity.core import ledger, projects, services
from pileus_identity.core.bodies import Body, store
from pileus_identity.core.catalogs import in_group
from pileus_identity.db.models import Endpoint, EndpointGroup, Project, ProjectEndpoint, ProjectEndpointGroup
from pileus_identity.errors import Missing, Taken


def get_group(session: Session, group_id: str) -> EndpointGroup:
    group = session.get(EndpointGroup, group_id)
    if group is None:
        raise Missing(kind="endpoint group", id=group_id)
    return group


def create_group(session: Session, body: Body) -> EndpointGroup:
    group = EndpointGroup(name=body["name"], description=body.get("description"), filters=body["filters"])
    store(session, group, "endpoint_group")
    return group


def change_group(session: Session, group: EndpointGroup, body: Body) -> None:
    for name in ("name", "description", "filters"):
        if name in body:
            setattr(group, name, body[name])
    session.flush()
    ledger.record(session)


def remove_group(session: Session, group: EndpointGroup) -> None:
    session.delete(group)
    ledger.record(session)


def endpoints_of_group(session: Session, group: EndpointGroup) -> list[Endpoint]:
    return [
        endpoint
        for endpoint in session.scalars(select(Endpoint).order_by(Endpoint.id).limit(10_000))
        if in_group(endpoint, group)
    ]


def choose(session: Session, project_id: str, endpoint_id: str) -> None:
    project, endpoint = projects.get(session, project_id), services.get_endpoint(session, endpoint_id)
    if session.get(ProjectEndpoint, (project.id, endpoint.id)) is None:
        session.add(ProjectEndpoint(project_id=project.id, endpoint_id=endpoint.id))
        ledger.record(session)


def chosen(session: Session, project_id: str, endpoint_id: str) -> ProjectEndpoint:
    projects.get(session, project_id)
    found = session.get(ProjectEndpoint, (project_id, services.get_endpoint(session, endpoint_id).id))
    if found is None:
        raise Missing(kind="endpoint in project", id=endpoint_id)
    return found


def forget(session: Session, project_id: str, endpoint_id: str) -> None:
    session.delete(chosen(session, project_id, endpoint_id))
    ledger.record(session)


def choose_group(session: Session, group_id: str, project_id: str) -> None:
    group, project = get_group(session, group_id), projects.get(session, project_id)
    if session.get(ProjectEndpointGroup, (project.id, group.id)) is not None:
        raise Taken(kind="endpoint group in project", name=group.name)
    session.add(ProjectEndpointGroup(project_id=project.id, group_id=group.id))
    ledger.record(session)


def chosen_group(session: Session, group_id: str, project_id: str) -> ProjectEndpointGroup:
    found = session.get(ProjectEndpointGroup, (project_id, group_id))
    if found is None:
        raise Missing(kind="endpoint group in project", id=group_id)
    return found


def forget_group(session: Session, group_id: str, project_id: str) -> None:
    session.delete(chosen_group(session, group_id, project_id))
    ledger.record(session)


def endpoints_of_project(project_id: str) -> Select[Endpoint]:
    return (
        select(Endpoint)
        .join(ProjectEndpoint, ProjectEndpoint.endpoint_id == Endpoint.id)
        .where(ProjectEndpoint.project_id == project_id)
    )


def groups_of_project(project_id: str) -> Select[EndpointGroup]:
    return (
        select(EndpointGroup)
        .join(ProjectEndpointGroup, ProjectEndpointGroup.group_id == EndpointGroup.id)
        .where(ProjectEndpointGroup.project_id == project_id)
    )


def projects_of_endpoint(endpoint_id: str) -> Select[Project]:
    return (
        projects.find({})
        .join(ProjectEndpoint, ProjectEndpoint.project_id == Project.id)
        .where(ProjectEndpoint.endpoint_id == endpoint_id)
    )


def projects_of_group(group_id: str) -> Select[Project]:
    return (
        projects.find({})
        .join(ProjectEndpointGroup, ProjectEndpointGroup.project_id == Project.id)
        .where(ProjectEndpointGroup.group_id == group_id)
    )
