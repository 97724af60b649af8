"""/v3/projects/{project_id}/tags."""

from pileus_identity.api import policy_targets
from pileus_identity.api.links import self_link, url
from pileus_identity.api.schemas import TAGS
from pileus_identity.api.tools import tools
from pileus_identity.core import project_tags, projects
from pileus_identity.db.models import Project
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource

resource = Resource("project_tags", __name__, url_prefix="/v3/projects/<project_id>/tags")

REPLACE: JsonObject = {"type": "object", "required": ["tags"], "properties": {"tags": TAGS}}


@resource.endpoint("GET", "", policy="identity:list_project_tags", target=policy_targets.project)
def index(project_id: str) -> Answer:
    with tools().sessions.read() as session:
        return _tags_view(projects.find_project_or_domain(session, project_id))


@resource.endpoint("PUT", "", policy="identity:update_project_tags", target=policy_targets.project, body=REPLACE)
def update_all(project_id: str, body: JsonObject) -> Answer:
    with tools().change() as session:
        project = projects.find_project_or_domain(session, project_id)
        project_tags.update(session, project, set(body["tags"]))
        return _tags_view(project)


@resource.endpoint("DELETE", "", policy="identity:delete_project_tags", target=policy_targets.project)
def delete_all(project_id: str) -> Answer:
    with tools().change() as session:
        project_tags.update(session, projects.find_project_or_domain(session, project_id), ())
    return "", 204


@resource.endpoint("GET", "/<tag>", policy="identity:get_project_tag", target=policy_targets.project)
def show(project_id: str, tag: str) -> Answer:
    with tools().sessions.read() as session:
        project_tags.check_exists(projects.find_project_or_domain(session, project_id), tag)
    return "", 204


@resource.endpoint("PUT", "/<tag>", policy="identity:create_project_tag", target=policy_targets.project)
def create(project_id: str, tag: str) -> Answer:
    with tools().change() as session:
        project_tags.create(session, projects.find_project_or_domain(session, project_id), tag)
    return "", 201, {"Location": url("projects", project_id, "tags", tag)}


@resource.endpoint("DELETE", "/<tag>", policy="identity:delete_project_tag", target=policy_targets.project)
def delete(project_id: str, tag: str) -> Answer:
    with tools().change() as session:
        project_tags.delete(session, projects.find_project_or_domain(session, project_id), tag)
    return "", 204


def _tags_view(project: Project) -> JsonObject:
    links: dict[str, str | None] = {**self_link("projects", project.id, "tags"), "previous": None, "next": None}
    return {"tags": [tag.name for tag in project.tags], "links": links}
