"""The older tasks API: /v2/tasks. Its tasks are imports."""

from pileus_image.api import images, views
from pileus_image.api.image_imports import TEXT
from pileus_image.api.tools import tools
from pileus_image.core import attributes, imports, quotas
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, allowed, caller

resource = Resource("tasks", __name__, url_prefix="/v2/tasks")
CREATE: JsonObject = {
    "type": "object",
    "required": ["type", "input"],
    "additionalProperties": False,
    "properties": {
        "type": {"enum": ["import"]},
        "input": {
            "type": "object",
            "required": ["import_from", "image_properties"],
            "additionalProperties": False,
            "properties": {"import_from": TEXT, "import_from_format": TEXT, "image_properties": attributes.CREATE},
        },
    },
}


@resource.endpoint("POST", "", policy="tasks_api_access", body={(0, 0): CREATE})
def create(body: JsonObject) -> Answer:
    """Create an image and import it from a URL."""
    tools().downloader.check(body["input"]["import_from"])
    images.check_visibility(body["input"]["image_properties"].get("visibility"))
    with tools().sessions.begin() as session:
        quotas.check_count(session, caller().project_id, tools().limits)
        output = tools().config.output_format
        job = imports.create_by_task(session, caller(), body["input"], tools().default_store, output)
        view = views.task(job)
    tools().ring(job.id)
    return view, 201


@resource.endpoint("GET", "", policy="get_images")
def index() -> Answer:
    """List the imports of the caller's project, or all of them to callers with tasks_api_access."""
    with tools().sessions.read() as session:
        tasks = [views.task(job) for job in imports.list_tasks(session, project_id=_project())]
    return {"tasks": tasks, "schema": "/v2/schemas/tasks", "first": "/v2/tasks"}


@resource.endpoint("GET", "/<task_id>", policy="get_images")
def show(task_id: str) -> Answer:
    """Show an import."""
    with tools().sessions.read() as session:
        return views.task(imports.find_task(session, task_id, _project()))


def _project() -> str | None:
    """Return the project that the caller is limited to, None if they may see all tasks."""
    return None if allowed("tasks_api_access") else caller().project_id or ""
