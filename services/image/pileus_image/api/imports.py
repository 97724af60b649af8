"""Interoperable import, and its tasks."""

from typing import Any

from flask import Response, g
from sqlalchemy import select

from pileus_image.api import images, views
from pileus_image.core import attributes, quotas
from pileus_image.core import imports as core
from pileus_image.db.models import Job
from pileus_image.errors import Invalid, NoSuch, WrongState
from pileus_kit.web import Resource, allowed, caller, tools

resource = Resource("imports", __name__, url_prefix="/v2")
MOST_TASKS = 1000
TEXT = {"type": "string", "maxLength": 2048}
REQUEST = {
    "type": "object",
    "required": ["method"],
    "additionalProperties": False,
    "properties": {
        "method": {
            "type": "object",
            "required": ["name"],
            "additionalProperties": False,
            "properties": {"name": TEXT, "uri": TEXT},
        },
        "stores": {"type": "array", "items": TEXT, "minItems": 1, "maxItems": 64},
        "all_stores": {"type": "boolean"},
        "all_stores_must_succeed": {"type": "boolean"},
    },
}

TASK = {
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


@resource.endpoint(
    "POST", "/images/<image_id>/import", policy="upload_image", target=images.target, body={(0, 0): REQUEST}
)
def start(image_id: str, body: dict[str, Any]) -> Any:
    """Accept an import; it goes on after the answer."""
    _check(body)
    with images.writing(image_id) as (session, image):
        job = core.start(session, caller(), image, body, tools().config.store)
    _ring(job.id)
    return Response(status=202)


def _check(body: dict[str, Any]) -> None:
    method = body["method"]
    if method["name"] not in core.METHODS:
        raise Invalid(why=f"Unknown import method name '{method['name'][:64]}'.")
    if (method["name"] == "web-download") != ("uri" in method):
        raise Invalid(why="Method web-download needs a 'uri', and no other takes one.")
    if "uri" in method:
        tools().fetcher.check(method["uri"])
    if body.get("all_stores") and "stores" in body:
        raise Invalid(why="all_stores parameter can't be used with stores parameter")
    for store in body.get("stores", ()):
        if store != tools().config.store:
            raise WrongState(why=f"Store {store[:64]} is unknown")


@resource.endpoint("GET", "/images/<image_id>/tasks", policy="get_image", target=images.target)
def of_image(image_id: str) -> Any:
    """The imports of an image, newest first."""
    stmt = select(Job).where(Job.subject == g.image.id).order_by(Job.created_at.desc()).limit(MOST_TASKS)
    with tools().sessions.read() as session:
        return {"tasks": [views.task(job) for job in session.scalars(stmt)]}


@resource.endpoint("POST", "/tasks", policy="tasks_api_access", body={(0, 0): TASK})
def create(body: dict[str, Any]) -> Any:
    """Make an image and import it from a URL."""
    tools().fetcher.check(body["input"]["import_from"])
    images.may_be_seen(body["input"]["image_properties"].get("visibility"))
    with tools().sessions.begin() as session:
        quotas.check_count(session, caller().project_id, tools().limits)
        job = core.create_by_task(session, caller(), body["input"], tools().config.store)
        view = views.task(job)
    _ring(job.id)
    return view, 201


def _ring(job_id: str) -> None:
    if tools().runner:
        tools().runner.ring(job_id)


@resource.endpoint("GET", "/tasks", policy="get_images")
def listed() -> Any:
    """The caller's project's imports; all of them for who may see all."""
    stmt = select(Job).order_by(Job.created_at.desc()).limit(MOST_TASKS)
    if not allowed("tasks_api_access"):
        stmt = stmt.where(Job.project_id == caller().project_id)
    with tools().sessions.read() as session:
        tasks = [views.task(job) for job in session.scalars(stmt)]
    return {"tasks": tasks, "schema": "/v2/schemas/tasks", "first": "/v2/tasks"}


@resource.endpoint("GET", "/tasks/<task_id>", policy="get_images")
def show(task_id: str) -> Any:
    with tools().sessions.read() as session:
        job = session.get(Job, task_id)
    if job is None or not (allowed("tasks_api_access") or job.project_id == caller().project_id):
        raise NoSuch(what=f"Task {task_id[:64]}")
    return views.task(job)
