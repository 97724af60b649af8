"""/v3/auth/{catalog,projects,domains,system}: the scopes to which the caller could log in."""

from pileus_identity.api.domains import domain_view
from pileus_identity.api.links import self_link
from pileus_identity.api.lists import list_query, list_view
from pileus_identity.api.projects import project_view
from pileus_identity.api.tools import tools
from pileus_identity.core import domains, projects, system
from pileus_identity.errors import ForbiddenAction
from pileus_kit.json_types import Answer
from pileus_kit.web import Resource, caller

resource = Resource("auth_scopes", __name__, url_prefix="/v3/auth")


@resource.endpoint("GET", "/catalog", policy="identity:get_auth_catalog")
def show_catalog() -> Answer:
    requester = caller()
    if not (requester.project_id or requester.domain_id or requester.system):
        raise ForbiddenAction(why="The catalogue is shown to tokens with a scope.")
    catalog = tools().tokens.authorizations.catalog()
    return {
        "catalog": catalog.view(requester.project_id, requester.user_id),
        "links": self_link("auth", "catalog"),
    }


@resource.endpoint("GET", "/projects", policy="identity:get_auth_projects")
def index_projects() -> Answer:
    with tools().sessions.read() as session:
        found = projects.list_page_of_user(session, caller().user_id, list_query(), enabled_only=True)
        return list_view("projects", found, project_view)


@resource.endpoint("GET", "/domains", policy="identity:get_auth_domains")
def index_domains() -> Answer:
    with tools().sessions.read() as session:
        return list_view("domains", domains.list_page_of_user(session, caller().user_id, list_query()), domain_view)


@resource.endpoint("GET", "/system", policy="identity:get_auth_system")
def show_system() -> Answer:
    with tools().sessions.read() as session:
        has_role = system.has_role(session, caller().user_id)
    return {"system": [{"all": True}] if has_role else [], "links": self_link("auth", "system")}
