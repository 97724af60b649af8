"""/v3/OS-EP-FILTER: which endpoints a project sees in its catalogue."""

from typing import Any

from flask import request
from sqlalchemy import select

from pileus_identity.api import projects as project_views
from pileus_identity.api import services as service_views
from pileus_identity.api.views import FLAG, ID, NAME, TEXT, View, link, listed, page, wrapped
from pileus_identity.core import endpoint_filters, lists, projects, services
from pileus_identity.db.models import Endpoint, EndpointGroup, Project
from pileus_kit.web import Resource, tools

resource = Resource("endpoint_filters", __name__, url_prefix="/v3/OS-EP-FILTER")

FILTERS = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "service_id": ID,
        "region_id": {"type": ["string", "null"], "maxLength": 255},
        "interface": {"enum": ["public", "internal", "admin"]},
        "enabled": FLAG,
    },
}
GROUP = {"name": NAME, "description": TEXT, "filters": FILTERS}
NEW = GROUP | {"filters": FILTERS | {"minProperties": 1}}
ONE = "/endpoint_groups/<group_id>"
IN_PROJECT = ONE + "/projects/<project_id>"
CHOSEN = "/projects/<project_id>/endpoints/<endpoint_id>"


@resource.endpoint(
    "POST",
    "/endpoint_groups",
    policy="identity:create_endpoint_group",
    body=wrapped("endpoint_group", NEW, ["name", "filters"], strict=True),
)
def create(body: View) -> Any:
    with tools().change() as session:
        return {"endpoint_group": show(endpoint_filters.create_group(session, body["endpoint_group"]))}, 201


@resource.endpoint("GET", "/endpoint_groups", policy="identity:list_endpoint_groups")
def list_all() -> Any:
    stmt = lists.matching(select(EndpointGroup), EndpointGroup, request.args, ("name",))
    return listed(stmt, EndpointGroup, "endpoint_groups", show)


@resource.endpoint("GET", ONE, policy="identity:get_endpoint_group")
def show_one(group_id: str) -> Any:
    with tools().sessions.read() as session:
        return {"endpoint_group": show(endpoint_filters.get_group(session, group_id))}


@resource.endpoint(
    "PATCH", ONE, policy="identity:update_endpoint_group", body=wrapped("endpoint_group", GROUP, strict=True)
)
def update(group_id: str, body: View) -> Any:
    with tools().change() as session:
        group = endpoint_filters.get_group(session, group_id)
        endpoint_filters.change_group(session, group, body["endpoint_group"])
        return {"endpoint_group": show(group)}


@resource.endpoint("DELETE", ONE, policy="identity:delete_endpoint_group")
def delete(group_id: str) -> Any:
    with tools().change() as session:
        endpoint_filters.remove_group(session, endpoint_filters.get_group(session, group_id))
    return "", 204


@resource.endpoint("GET", ONE + "/endpoints", policy="identity:list_endpoints_associated_with_endpoint_group")
def list_endpoints_of_group(group_id: str) -> Any:
    with tools().sessions.read() as session:
        found = endpoint_filters.endpoints_of_group(session, endpoint_filters.get_group(session, group_id))
        return page("endpoints", [service_views.show_endpoint(endpoint) for endpoint in found])


@resource.endpoint("GET", ONE + "/projects", policy="identity:list_projects_associated_with_endpoint_group")
def list_projects_of_group(group_id: str) -> Any:
    with tools().sessions.read() as session:
        endpoint_filters.get_group(session, group_id)
    return listed(endpoint_filters.projects_of_group(group_id), Project, "projects", project_views.show)


@resource.endpoint("PUT", IN_PROJECT, policy="identity:add_endpoint_group_to_project")
def choose_group(group_id: str, project_id: str) -> Any:
    with tools().change() as session:
        endpoint_filters.choose_group(session, group_id, project_id)
    return "", 204


@resource.endpoint("GET", IN_PROJECT, policy="identity:get_endpoint_group_in_project")
def chosen_group(group_id: str, project_id: str) -> Any:
    with tools().sessions.read() as session:
        endpoint_filters.chosen_group(session, group_id, project_id)
        return {"project": project_views.show(projects.get(session, project_id))}


@resource.endpoint("DELETE", IN_PROJECT, policy="identity:remove_endpoint_group_from_project")
def forget_group(group_id: str, project_id: str) -> Any:
    with tools().change() as session:
        endpoint_filters.forget_group(session, group_id, project_id)
    return "", 204


@resource.endpoint("GET", "/projects/<project_id>/endpoint_groups", policy="identity:list_endpoint_groups_for_project")
def list_groups_of_project(project_id: str) -> Any:
    with tools().sessions.read() as session:
        projects.get(session, project_id)
    return listed(endpoint_filters.groups_of_project(project_id), EndpointGroup, "endpoint_groups", show)


@resource.endpoint("PUT", CHOSEN, policy="identity:add_endpoint_to_project")
def choose(project_id: str, endpoint_id: str) -> Any:
    with tools().change() as session:
        endpoint_filters.choose(session, project_id, endpoint_id)
    return "", 204


@resource.endpoint("GET", CHOSEN, policy="identity:check_endpoint_in_project")
def chosen(project_id: str, endpoint_id: str) -> Any:
    with tools().sessions.read() as session:
        endpoint_filters.chosen(session, project_id, endpoint_id)
    return "", 204


@resource.endpoint("DELETE", CHOSEN, policy="identity:remove_endpoint_from_project")
def forget(project_id: str, endpoint_id: str) -> Any:
    with tools().change() as session:
        endpoint_filters.forget(session, project_id, endpoint_id)
    return "", 204


@resource.endpoint("GET", "/projects/<project_id>/endpoints", policy="identity:list_endpoints_for_project")
def list_endpoints_of_project(project_id: str) -> Any:
    with tools().sessions.read() as session:
        projects.get(session, project_id)
    return listed(endpoint_filters.endpoints_of_project(project_id), Endpoint, "endpoints", service_views.show_endpoint)


@resource.endpoint("GET", "/endpoints/<endpoint_id>/projects", policy="identity:list_projects_for_endpoint")
def list_projects_of_endpoint(endpoint_id: str) -> Any:
    with tools().sessions.read() as session:
        services.get_endpoint(session, endpoint_id)
    return listed(endpoint_filters.projects_of_endpoint(endpoint_id), Project, "projects", project_views.show)


def show(group: EndpointGroup) -> View:
    return {
        "id": group.id,
        "name": group.name,
        "description": group.description,
        "filters": group.filters,
        "links": link("OS-EP-FILTER", "endpoint_groups", group.id),
    }
