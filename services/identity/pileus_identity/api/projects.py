"""/v3/projects, and their tags."""

from typing import Any

from flask import request
from sqlalchemy.orm import Session

from pileus_identity.api import targets
from pileus_identity.api.views import (
    FLAG,
    ID_OR_NULL,
    IMMUTABLE,
    SHORT_NAME,
    TAG,
    TAGS,
    TEXT,
    View,
    asked,
    link,
    listed,
    own_as,
    own_domain,
    visible_domain,
    wrapped,
)
from pileus_identity.core import domains, lists, projects
from pileus_identity.core.bodies import mutable
from pileus_identity.db.models import Project
from pileus_identity.errors import Invalid, Missing
from pileus_kit.web import Resource, caller, enforce, tools

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


@resource.endpoint("POST", "", policy="identity:create_project", target=own_as("project"), body=CREATE)
def create(body: View) -> Any:
    wish = body["project"]
    with tools().change() as session:
        if wish.get("is_domain"):
            enforce("identity:create_domain")
            if wish.get("domain_id") or wish.get("parent_id"):
                raise Invalid(why="A project that acts as a domain has no parent and belongs to no domain.")
            project = domains.create(
                session, {k: v for k, v in wish.items() if k not in ("is_domain", "domain_id", "parent_id")}
            )
        else:
            targets.names_domain("identity:create_project", wish)
            try:
                project = projects.create(session, wish, own_domain())
            except Missing:
                enforce("identity:create_project", {})  # foreign or not there: refused alike
                raise
            enforce("identity:create_project", {"target.project.domain_id": project.domain_id})
        return {"project": show(project)}, 201


@resource.endpoint("GET", "", policy="identity:list_projects", target=own_as("project"))
def list_all() -> Any:
    stmt = projects.find(asked())
    if visible_domain() is not None:
        stmt = stmt.where(Project.domain_id == visible_domain())
    return listed(stmt, Project, "projects", show)


@resource.endpoint("GET", "/<project_id>", policy="identity:get_project", target=targets.project)
def show_one(project_id: str) -> Any:
    with tools().sessions.read() as session:
        project = projects.get(session, project_id, domain=None)
        view = show(project)
        for direction in ("parents", "subtree"):
            if f"{direction}_as_list" in request.args and f"{direction}_as_ids" in request.args:
                raise Invalid(why=f"Cannot use {direction}_as_list and {direction}_as_ids together.")
            wants = [shape for shape in ("list", "ids") if _wanted(f"{direction}_as_{shape}")]
            if wants:
                family = projects.family(session, project.id, up=direction == "parents")
                view[direction] = (
                    [{"project": show(one)} for one in _mine(session, family)]
                    if wants == ["list"]
                    else (_tree(project, family, up=direction == "parents"))
                )
        return {"project": view}


def _mine(session: Session, family: list[Project]) -> list[Project]:
    """Those that the caller has a role on: a member of one project may not look into those above and below it."""
    who = caller()
    if who.is_admin or who.system or who.domain_id:
        return family
    wanted = projects.of_user(who.user_id, {}).where(Project.id.in_([one.id for one in family]))
    seen = {one.id for one in session.scalars(wanted)}
    return [one for one in family if one.id in seen]


def _wanted(name: str) -> bool:
    return name in request.args and lists.truth(request.args[name])


def _tree(project: Project, family: list[Project], up: bool) -> View | None:
    """Ids inside ids: {child: {grandchild: None}}, None where it ends."""
    if up:
        nested: View | None = None
        for one in reversed(family):
            nested = {one.id: nested}
        return nested
    children: dict[str | None, list[Project]] = {}
    for one in family:
        children.setdefault(one.parent_id, []).append(one)

    def below(id: str) -> View | None:
        return {one.id: below(one.id) for one in children.get(id, ())} or None

    return below(project.id)


@resource.endpoint("PATCH", "/<project_id>", policy="identity:update_project", target=targets.project, body=UPDATE)
def update(project_id: str, body: View) -> Any:
    with tools().change() as session:
        project = projects.get(session, project_id, domain=None)
        (domains if project.is_domain else projects).change(session, project, body["project"])
        return {"project": show(project)}


@resource.endpoint("DELETE", "/<project_id>", policy="identity:delete_project", target=targets.project)
def delete(project_id: str) -> Any:
    with tools().change() as session:
        project = projects.get(session, project_id, domain=None)
        (domains if project.is_domain else projects).remove(session, project)
    return "", 204


@resource.endpoint("GET", "/<project_id>/tags", policy="identity:list_project_tags", target=targets.project)
def list_tags(project_id: str) -> Any:
    with tools().sessions.read() as session:
        return _tags(projects.get(session, project_id, domain=None))


@resource.endpoint(
    "PUT",
    "/<project_id>/tags",
    policy="identity:update_project_tags",
    target=targets.project,
    body={"type": "object", "required": ["tags"], "properties": {"tags": TAGS}},
)
def put_tags(project_id: str, body: View) -> Any:
    return _change_tags(project_id, lambda _: set(body["tags"]))


@resource.endpoint("DELETE", "/<project_id>/tags", policy="identity:delete_project_tags", target=targets.project)
def delete_tags(project_id: str) -> Any:
    _change_tags(project_id, lambda _: set())
    return "", 204


@resource.endpoint("GET", "/<project_id>/tags/<tag>", policy="identity:get_project_tag", target=targets.project)
def check_tag(project_id: str, tag: str) -> Any:
    with tools().sessions.read() as session:
        _tag(projects.get(session, project_id, domain=None), tag)
    return "", 204


@resource.endpoint("PUT", "/<project_id>/tags/<tag>", policy="identity:create_project_tag", target=targets.project)
def add_tag(project_id: str, tag: str) -> Any:
    if len(tag) > TAG["maxLength"] or "," in tag:
        raise Invalid(why="A tag may have 255 characters, without comma or slash.")
    _change_tags(project_id, lambda tags: tags | {tag})
    return "", 201, {"Location": link("projects", project_id, "tags", tag)["self"]}


@resource.endpoint("DELETE", "/<project_id>/tags/<tag>", policy="identity:delete_project_tag", target=targets.project)
def delete_tag(project_id: str, tag: str) -> Any:
    with tools().change() as session:
        project = projects.get(session, project_id, domain=None)
        mutable(project, "project", {})
        _tag(project, tag)
        projects.set_tags(session, project, {one.name for one in project.tags} - {tag})
    return "", 204


def _change_tags(project_id: str, new: Any) -> View:
    with tools().change() as session:
        project = projects.get(session, project_id, domain=None)
        mutable(project, "project", {})
        wanted = new({tag.name for tag in project.tags})
        if len(wanted) > TAGS["maxItems"]:
            raise Invalid(why="A project may have 80 tags.")
        projects.set_tags(session, project, wanted)
        return _tags(project)


def _tags(project: Project) -> View:
    return {
        "tags": [tag.name for tag in project.tags],
        "links": link("projects", project.id, "tags") | {"previous": None, "next": None},
    }


def _tag(project: Project, name: str) -> None:
    if name not in {tag.name for tag in project.tags}:
        raise Missing(kind="project tag", id=name)


def show(project: Project) -> View:
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
        "links": link("projects", project.id),
    }
