"""Quota sets and quota class sets: limits of projects and of classes, and what is used of them."""

from pileus_kit.errors import Forbidden
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import caller
from pileus_volume.api.listing import flag
from pileus_volume.api.project_paths import Resource
from pileus_volume.api.tools import tools
from pileus_volume.core import quotas

sets = Resource("quota_sets", __name__, url_prefix="/v3/os-quota-sets")
classes = Resource("quota_classes", __name__, url_prefix="/v3/os-quota-class-sets")

LIMIT = {
    "anyOf": [
        {"type": "integer", "minimum": -1, "maximum": 2147483647},
        {"type": "string", "pattern": r"^(-1|[0-9]{1,10})\Z"},
    ]
}
IDENTIFIER = {"type": "string", "maxLength": 255}
NOT_LIMITS = ("tenant_id", "id", "class_name")  # clients send back what they were shown


def _schema(noun: str, ids: tuple[str, ...]) -> dict[tuple[int, int], JsonObject]:
    return {
        (3, 0): {
            "type": "object",
            "required": [noun],
            "additionalProperties": False,
            "properties": {
                noun: {
                    "type": "object",
                    "maxProperties": 1000,
                    "properties": dict.fromkeys(ids, IDENTIFIER),
                    "patternProperties": {
                        "^(volumes|gigabytes|snapshots|backups|backup_gigabytes|per_volume_gigabytes|groups)": LIMIT
                    },
                    "additionalProperties": False,
                }
            },
        }
    }


def _parse_limits(asked: JsonObject) -> dict[str, int]:
    return {name: int(limit) for name, limit in asked.items() if name not in NOT_LIMITS}


def _check_own(project_id: str) -> None:
    if not caller().is_admin and caller().project_id != project_id:
        raise Forbidden(rule="volume_extension:quotas:show")


@sets.endpoint("GET", "/<project_id>", policy="volume_extension:quotas:show")
def show(project_id: str) -> Answer:
    _check_own(project_id)
    with tools().sessions.read() as session:
        types = quotas.list_types(session)
        usage = quotas.get_usage(session, project_id)
    limits = quotas.all_limits(types, usage.limits)
    if not flag("usage"):
        return {"quota_set": {"id": project_id, **limits}}
    used = quotas.usage_by_name(types, usage)
    view = {name: {"limit": limit, "in_use": used.get(name, 0), "reserved": 0} for name, limit in limits.items()}
    return {"quota_set": {"id": project_id, **view}}


@sets.endpoint("GET", "/<project_id>/defaults", policy="volume_extension:quotas:show")
def show_defaults(project_id: str) -> Answer:
    with tools().sessions.read() as session:
        limits = quotas.get_class_limits(session, "default")
        return {"quota_set": {"id": project_id, **quotas.all_limits(quotas.list_types(session), limits)}}


@sets.endpoint(
    "PUT", "/<project_id>", policy="volume_extension:quotas:update", body=_schema("quota_set", ("tenant_id", "id"))
)
def update(project_id: str, body: JsonObject) -> Answer:
    skip_validation = flag("skip_validation", default=True)
    limits = _parse_limits(body["quota_set"])
    with tools().sessions.begin() as session:
        quotas.check_names(session, limits)
        if not skip_validation:
            quotas.check_used(session, project_id, limits)
        quotas.set_limits(session, project_id, limits)
        session.flush()
        usage = quotas.get_usage(session, project_id)
        return {"quota_set": quotas.all_limits(quotas.list_types(session), usage.limits)}


@sets.endpoint("DELETE", "/<project_id>", policy="volume_extension:quotas:delete")
def delete(project_id: str) -> Answer:
    with tools().sessions.begin() as session:
        quotas.delete_limits(session, project_id)
    return "", 200


@classes.endpoint("GET", "/<class_name>", policy="volume_extension:quota_classes:get")
def show_class(class_name: str) -> Answer:
    with tools().sessions.read() as session:
        limits = quotas.get_class_limits(session, class_name)
        return {"quota_class_set": {"id": class_name, **quotas.all_limits(quotas.list_types(session), limits)}}


@classes.endpoint(
    "PUT",
    "/<class_name>",
    policy="volume_extension:quota_classes:update",
    body=_schema("quota_class_set", ("class_name", "id")),
)
def update_class(class_name: str, body: JsonObject) -> Answer:
    limits = _parse_limits(body["quota_class_set"])
    with tools().sessions.begin() as session:
        quotas.check_names(session, limits)
        quotas.set_class_limits(session, class_name, limits)
        session.flush()
        known = quotas.get_class_limits(session, class_name)
        return {"quota_class_set": quotas.all_limits(quotas.list_types(session), known)}
