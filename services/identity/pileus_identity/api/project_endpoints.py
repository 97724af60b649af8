"""/v3/OS-EP-FILTER/projects/{project_id}/endpoints: single endpoints that a project sees in its catalog."""

from pileus_identity.api.endpoints import endpoint_view
from pileus_identity.api.lists import list_query, list_view
from pileus_identity.api.projects import project_view
from pileus_identity.api.tools import tools
from pileus_identity.core import endpoints, project_endpoints, projects
from pileus_kit.json_types import Answer
from pileus_kit.web import Resource

resource = Resource("project_endpoints", __name__, url_prefix="/v3/OS-EP-FILTER")

ALL = "/projects/<project_id>/endpoints"
ONE = ALL + "/<endpoint_id>"


@resource.endpoint("PUT", ONE, policy="identity:add_endpoint_to_project")
def create(project_id: str, endpoint_id: str) -> Answer:
    with tools().change() as session:
        project_endpoints.create(session, project_id, endpoint_id)
    return "", 204


@resource.endpoint("GET", ONE, policy="identity:check_endpoint_in_project")
def show(project_id: str, endpoint_id: str) -> Answer:
    with tools().sessions.read() as session:
        project_endpoints.find(session, project_id, endpoint_id)
    return "", 204


@resource.endpoint("DELETE", ONE, policy="identity:remove_endpoint_from_project")
def delete(project_id: str, endpoint_id: str) -> Answer:
    with tools().change() as session:
        project_endpoints.delete(session, project_id, endpoint_id)
    return "", 204


@resource.endpoint("GET", ALL, policy="identity:list_endpoints_for_project")
def index(project_id: str) -> Answer:
    with tools().sessions.read() as session:
        projects.find(session, project_id)
        found = project_endpoints.list_page_of_project(session, project_id, list_query())
        return list_view("endpoints", found, endpoint_view)


@resource.endpoint("GET", "/endpoints/<endpoint_id>/projects", policy="identity:list_projects_for_endpoint")
def index_projects(endpoint_id: str) -> Answer:
    with tools().sessions.read() as session:
        endpoints.find(session, endpoint_id)
        found = project_endpoints.list_page_of_endpoint(session, endpoint_id, list_query())
        return list_view("projects", found, project_view)
