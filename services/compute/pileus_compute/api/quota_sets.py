"""`/os-quota-sets` and `/os-quota-class-sets`: the limits of projects, of users in them, and the defaults."""

from flask import request

from pileus_compute.api.schemas.types import BOOLEAN, TEXT, Schema, body, is_true, number, obj, query, strict_query
from pileus_compute.api.tools import tools
from pileus_compute.core import quotas
from pileus_kit.errors import BadRequest
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, version

resource = Resource("quota_sets", __name__)
SETS = "/v2.1/os-quota-sets/<project_id>"
CLASSES = "/v2.1/os-quota-class-sets/<name>"
RULE = "os_compute_api:os-quota-sets:"
CLASS_RULE = "os_compute_api:os-quota-class-sets:"

NETWORKING = ("fixed_ips", "floating_ips", "security_groups", "security_group_rules")
INJECTED = ("injected_files", "injected_file_content_bytes", "injected_file_path_bytes")
VALUES = {name: number(-1) for name in quotas.DEFAULTS}


def _schema(key: str, dropped: tuple[str, ...] = (), more: JsonObject | None = None) -> Schema:
    return body(key, obj({k: v for k, v in VALUES.items() if k not in dropped} | (more or {})))


OF_USER = {(2, 1): query(user_id=TEXT), (2, 75): strict_query(user_id=TEXT)}
MORE: JsonObject = {"force": BOOLEAN, "tenant_id": {"type": "string", "maxLength": 255}}
UPDATE = {
    (2, 1): _schema("quota_set", (), MORE),
    (2, 36): _schema("quota_set", NETWORKING, MORE),
    (2, 57): _schema("quota_set", NETWORKING + INJECTED, MORE),
}
UPDATE_CLASS = {
    (2, 1): _schema("quota_class_set"),
    (2, 50): _schema("quota_class_set", NETWORKING),
    (2, 57): _schema("quota_class_set", NETWORKING + INJECTED),
}


def quota_set_view(values: JsonObject, networking_until: tuple[int, int] = (2, 35)) -> JsonObject:
    """Return the values that the request's microversion still shows."""
    hidden = (NETWORKING if version() > networking_until else ()) + (INJECTED if version() >= (2, 57) else ())
    return {k: v for k, v in values.items() if k not in hidden}


def _class_view(values: dict[str, int]) -> JsonObject:
    return quota_set_view(values, networking_until=(2, 49))


def _project_target(project_id: str, **_: object) -> dict[str, str]:
    """Return the project in the path: a caller reads the quotas of the project of the token only."""
    return {"project_id": project_id}


@resource.endpoint("GET", SETS, policy=RULE + "show", target=_project_target, query=OF_USER)
def show(project_id: str) -> Answer:
    with tools().sessions.read() as session:
        limits = quotas.limits(session, project_id, request.args.get("user_id"))
    return {"quota_set": quota_set_view(limits) | {"id": project_id}}


@resource.endpoint("GET", SETS + "/detail", policy=RULE + "detail", target=_project_target, query=OF_USER)
def detail(project_id: str) -> Answer:
    user_id = request.args.get("user_id")
    with tools().sessions.read() as session:
        limits = quotas.limits(session, project_id, user_id)
        used = quotas.usage(session, project_id, user_id)
    view = {name: {"limit": limit, "in_use": used.get(name, 0), "reserved": 0} for name, limit in limits.items()}
    return {"quota_set": quota_set_view(view) | {"id": project_id}}


@resource.endpoint("GET", SETS + "/defaults", policy=RULE + "defaults")
def defaults(project_id: str) -> Answer:
    with tools().sessions.read() as session:
        return {"quota_set": quota_set_view(quotas.defaults(session)) | {"id": project_id}}


@resource.endpoint("PUT", SETS, policy=RULE + "update", body=UPDATE, query=OF_USER)
def update(project_id: str, body: JsonObject) -> Answer:
    asked = body["quota_set"]
    values = {key: int(value) for key, value in asked.items() if key in quotas.DEFAULTS}
    force, user_id = is_true(asked.get("force", False)), request.args.get("user_id")
    with tools().sessions.begin() as session:
        return {"quota_set": quota_set_view(quotas.set_limits(session, project_id, user_id, values, force))}


@resource.endpoint("DELETE", SETS, policy=RULE + "delete", query=OF_USER)
def delete(project_id: str) -> Answer:
    with tools().sessions.begin() as session:
        quotas.delete_limits(session, project_id, request.args.get("user_id"))
    return "", 202


@resource.endpoint("GET", CLASSES, policy=CLASS_RULE + "show")
def show_class(name: str) -> Answer:
    with tools().sessions.read() as session:
        values = quotas.defaults(session) if name == "default" else quotas.DEFAULTS
        return {"quota_class_set": _class_view(values) | {"id": name}}


@resource.endpoint("PUT", CLASSES, policy=CLASS_RULE + "update", body=UPDATE_CLASS)
def update_class(name: str, body: JsonObject) -> Answer:
    if name != "default":
        raise BadRequest(why=f"There is one quota class: default, not {name}.")
    values = {key: int(value) for key, value in body["quota_class_set"].items()}
    with tools().sessions.begin() as session:
        return {"quota_class_set": _class_view(quotas.set_defaults(session, values))}
