"""/v3/projects."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from flask import request

from pileus_identity.api import policy_targets
from pileus_identity.api.domain_scope import default_domain_id, own_domain_target, visible_domain_id
from pileus_identity.api.links import self_link
from pileus_identity.api.lists import list_query, list_view, query_flag
from pileus_identity.api.schemas import FLAG, ID_OR_NULL, IMMUTABLE, SHORT_NAME, TAGS, TEXT, wrapped
from pileus_identity.api.tools import tools
from pileus_identity.core import domains, projects
from pileus_identity.db.models import Project
from pileus_identity.errors import ResourceNotFound, ValidationFailed
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, caller, enforce

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

resource = Resource("projects", __name__, url_prefix="/v3/projects")

PROPERTIES = {
    "name": SHORT_NAME,
    "description": TEXT,
    "enabled": FLAG,
    "domain_id": ID_OR_NULL,
    "parent_id": ID_OR_NULL,
    "is_domain": FLAG,
    "tags": TAGS,
    "options": IMMUTABLE,
}
CREATE = wrapped("project", PROPERTIES, ["name"])
UPDATE = wrapped("project", PROPERTIES)

IdTree = dict[str, "IdTree | None"]


@resource.endpoint("POST", "", policy="identity:create_project", target=own_domain_target("project"), body=CREATE)
def create(body: JsonObject) -> Answer:
    given = body["project"]
    with tools().change() as session:
        created = _create_domain(session, given) if given.get("is_domain") else _create_project(session, given)
        return {"project": project_view(created)}, 201


def _create_domain(session: "Session", given: JsonObject) -> Project:
    enforce("identity:create_domain")
    if given.get("domain_id") or given.get("parent_id"):
        raise ValidationFailed(why="A project that acts as a domain has no parent and belongs to no domain.")
    not_of_domains = ("is_domain", "domain_id", "parent_id")
    return domains.create(session, {key: value for key, value in given.items() if key not in not_of_domains})


def _create_project(session: "Session", given: JsonObject) -> Project:
    policy_targets.require_named_domain("identity:create_project", given)
    try:
        project = projects.create(session, given, default_domain_id())
    except ResourceNotFound:
        enforce("identity:create_project", {})  # a foreign parent and an unknown one are refused alike
        raise
    enforce("identity:create_project", {"target.project.domain_id": project.domain_id})
    return project


@resource.endpoint("GET", "", policy="identity:list_projects", target=own_domain_target("project"))
def index() -> Answer:
    with tools().sessions.read() as session:
        return list_view("projects", projects.list_page(session, list_query(), visible_domain_id()), project_view)


@resource.endpoint("GET", "/<project_id>", policy="identity:get_project", target=policy_targets.project)
def show(project_id: str) -> Answer:
    with tools().sessions.read() as session:
        project = projects.find_project_or_domain(session, project_id)
        view = project_view(project)
        shape = _requested_shape("parents")
        if shape:
            ancestors = projects.list_ancestors(session, project.id)
            view["parents"] = _ancestor_ids(ancestors) if shape == "ids" else _visible(session, ancestors)
        shape = _requested_shape("subtree")
        if shape:
            descendants = projects.list_descendants(session, project.id)
            view["subtree"] = (
                _descendant_ids(project, descendants) if shape == "ids" else _visible(session, descendants)
            )
        return {"project": view}


def _requested_shape(direction: str) -> str | None:
    """`list`, `ids` or None. Raises ValidationFailed if both are given."""
    if f"{direction}_as_list" in request.args and f"{direction}_as_ids" in request.args:
        raise ValidationFailed(why=f"Cannot use {direction}_as_list and {direction}_as_ids together.")
    return next((shape for shape in ("list", "ids") if query_flag(f"{direction}_as_{shape}")), None)


def _visible(session: "Session", relatives: list[Project]) -> list[JsonObject]:
    """The relatives on which the caller has a role; administrators and tokens of a domain or the system see all."""
    requester = caller()
    if not (requester.is_admin or requester.system or requester.domain_id):
        relatives = projects.select_with_role(session, requester.user_id, relatives)
    return [{"project": project_view(relative)} for relative in relatives]


def _ancestor_ids(ancestors: list[Project]) -> IdTree | None:
    """{parent: {grandparent: None}}"""
    nested: IdTree | None = None
    for ancestor in reversed(ancestors):
        nested = {ancestor.id: nested}
    return nested


def _descendant_ids(project: Project, descendants: list[Project]) -> IdTree | None:
    """{child: {grandchild: None}}"""
    children: dict[str | None, list[Project]] = {}
    for descendant in descendants:
        children.setdefault(descendant.parent_id, []).append(descendant)

    def below(id: str) -> IdTree | None:
        return {child.id: below(child.id) for child in children.get(id, ())} or None

    return below(project.id)


@resource.endpoint(
    "PATCH", "/<project_id>", policy="identity:update_project", target=policy_targets.project, body=UPDATE
)
def update(project_id: str, body: JsonObject) -> Answer:
    with tools().change() as session:
        project = projects.find_project_or_domain(session, project_id)
        change: Callable[[Session, Project, JsonObject], None] = (
            domains.update if project.is_domain else projects.update
        )
        change(session, project, body["project"])
        return {"project": project_view(project)}


@resource.endpoint("DELETE", "/<project_id>", policy="identity:delete_project", target=policy_targets.project)
def delete(project_id: str) -> Answer:
    with tools().change() as session:
        project = projects.find_project_or_domain(session, project_id)
        remove: Callable[[Session, Project], None] = domains.delete if project.is_domain else projects.delete
        remove(session, project)
    return "", 204


def project_view(project: Project) -> JsonObject:
    """A project, or a domain in the shape of a project."""
    return {
        **project.extra,
        "id": project.id,
        "name": project.name,
        "domain_id": project.domain_id,
        "parent_id": project.parent_id,
        "is_domain": project.is_domain,
        "description": project.description,
        "enabled": project.enabled,
        "options": project.options,
        "tags": [tag.name for tag in project.tags],
        "links": self_link("projects", project.id),
    }
