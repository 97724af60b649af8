"""/v3/auth/{catalog,projects,domains,system}: what else the caller could log in to."""

from typing import Any

from pileus_identity.api import domains as domain_views
from pileus_identity.api import projects as project_views
from pileus_identity.api.views import asked, link, listed
from pileus_identity.core import projects
from pileus_identity.db.models import Project
from pileus_identity.errors import Refused
from pileus_kit.web import Resource, caller, tools

resource = Resource("scopes", __name__, url_prefix="/v3/auth")


@resource.endpoint("GET", "/catalog", policy="identity:get_auth_catalog")
def catalog() -> Any:
    who = caller()
    if not (who.project_id or who.domain_id or who.system):
        raise Refused(why="The catalogue is shown to tokens with a scope.")
    return {
        "catalog": tools().tokens.standings.catalog().view(who.project_id, who.user_id),
        "links": link("auth", "catalog"),
    }


@resource.endpoint("GET", "/projects", policy="identity:get_auth_projects")
def list_projects() -> Any:
    stmt = projects.of_user(caller().user_id, asked()).where(Project.enabled)
    return listed(stmt, Project, "projects", project_views.show)


@resource.endpoint("GET", "/domains", policy="identity:get_auth_domains")
def list_domains() -> Any:
    return listed(projects.domains_of_user(caller().user_id), Project, "domains", domain_views.show)


@resource.endpoint("GET", "/system", policy="identity:get_auth_system")
def system() -> Any:
    with tools().sessions.read() as session:
        has = projects.on_system(session, caller().user_id)
    return {"system": [{"all": True}] if has else [], "links": link("auth", "system")}
