"""/v3/OS-EP-FILTER/endpoint_groups, and which projects have them."""

from pileus_identity.api.endpoints import endpoint_view
from pileus_identity.api.links import self_link
from pileus_identity.api.lists import list_query, list_view, views_with_links
from pileus_identity.api.projects import project_view
from pileus_identity.api.schemas import FLAG, ID, INTERFACE, NAME, REGION_OR_NULL, TEXT, wrapped
from pileus_identity.api.tools import tools
from pileus_identity.core import endpoint_groups, projects
from pileus_identity.db.models import EndpointGroup
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource

resource = Resource("endpoint_groups", __name__, url_prefix="/v3/OS-EP-FILTER")

FILTERS: JsonObject = {
    "type": "object",
    "additionalProperties": False,
    "properties": {"service_id": ID, "region_id": REGION_OR_NULL, "interface": INTERFACE, "enabled": FLAG},
}
PROPERTIES: JsonObject = {"name": NAME, "description": TEXT, "filters": FILTERS}
CREATE = wrapped(
    "endpoint_group", PROPERTIES | {"filters": FILTERS | {"minProperties": 1}}, ["name", "filters"], strict=True
)
UPDATE = wrapped("endpoint_group", PROPERTIES, strict=True)
ALL = "/endpoint_groups"
ONE = ALL + "/<group_id>"
IN_PROJECT = ONE + "/projects/<project_id>"


@resource.endpoint("POST", ALL, policy="identity:create_endpoint_group", body=CREATE)
def create(body: JsonObject) -> Answer:
    with tools().change() as session:
        group = endpoint_groups.create(session, body["endpoint_group"])
        return {"endpoint_group": endpoint_group_view(group)}, 201


@resource.endpoint("GET", ALL, policy="identity:list_endpoint_groups")
def index() -> Answer:
    with tools().sessions.read() as session:
        return list_view("endpoint_groups", endpoint_groups.list_page(session, list_query()), endpoint_group_view)


@resource.endpoint("GET", ONE, policy="identity:get_endpoint_group")
def show(group_id: str) -> Answer:
    with tools().sessions.read() as session:
        return {"endpoint_group": endpoint_group_view(endpoint_groups.find(session, group_id))}


@resource.endpoint("PATCH", ONE, policy="identity:update_endpoint_group", body=UPDATE)
def update(group_id: str, body: JsonObject) -> Answer:
    with tools().change() as session:
        group = endpoint_groups.find(session, group_id)
        endpoint_groups.update(session, group, body["endpoint_group"])
        return {"endpoint_group": endpoint_group_view(group)}


@resource.endpoint("DELETE", ONE, policy="identity:delete_endpoint_group")
def delete(group_id: str) -> Answer:
    with tools().change() as session:
        endpoint_groups.delete(session, endpoint_groups.find(session, group_id))
    return "", 204


@resource.endpoint("GET", ONE + "/endpoints", policy="identity:list_endpoints_associated_with_endpoint_group")
def index_endpoints(group_id: str) -> Answer:
    with tools().sessions.read() as session:
        found = endpoint_groups.list_endpoints(session, endpoint_groups.find(session, group_id))
        return views_with_links("endpoints", [endpoint_view(endpoint) for endpoint in found])


@resource.endpoint("GET", ONE + "/projects", policy="identity:list_projects_associated_with_endpoint_group")
def index_projects(group_id: str) -> Answer:
    with tools().sessions.read() as session:
        endpoint_groups.find(session, group_id)
        found = endpoint_groups.list_page_of_projects(session, group_id, list_query())
        return list_view("projects", found, project_view)


@resource.endpoint("PUT", IN_PROJECT, policy="identity:add_endpoint_group_to_project")
def add_to_project(group_id: str, project_id: str) -> Answer:
    with tools().change() as session:
        endpoint_groups.add_to_project(session, group_id, project_id)
    return "", 204


@resource.endpoint("GET", IN_PROJECT, policy="identity:get_endpoint_group_in_project")
def show_in_project(group_id: str, project_id: str) -> Answer:
    with tools().sessions.read() as session:
        endpoint_groups.find_in_project(session, group_id, project_id)
        return {"project": project_view(projects.find(session, project_id))}


@resource.endpoint("DELETE", IN_PROJECT, policy="identity:remove_endpoint_group_from_project")
def remove_from_project(group_id: str, project_id: str) -> Answer:
    with tools().change() as session:
        endpoint_groups.remove_from_project(session, group_id, project_id)
    return "", 204


@resource.endpoint("GET", "/projects/<project_id>/endpoint_groups", policy="identity:list_endpoint_groups_for_project")
def index_of_project(project_id: str) -> Answer:
    with tools().sessions.read() as session:
        projects.find(session, project_id)
        found = endpoint_groups.list_page_of_project(session, project_id, list_query())
        return list_view("endpoint_groups", found, endpoint_group_view)


def endpoint_group_view(group: EndpointGroup) -> JsonObject:
    """An endpoint group as the API shows it."""
    return {
        "id": group.id,
        "name": group.name,
        "description": group.description,
        "filters": group.filters,
        "links": self_link("OS-EP-FILTER", "endpoint_groups", group.id),
    }
