"""Quotas and limits."""

from typing import Any

from flask import request
from sqlalchemy.orm import Session

from pileus_compute.api.schemas import BOOLEAN, TEXT, body, number, obj, query, strict_query, truth
from pileus_compute.core import quotas
from pileus_kit.errors import BadRequest
from pileus_kit.web import Resource, caller, enforce, tools, version

resource = Resource("quota_sets", __name__)
SETS = "/v2.1/os-quota-sets/<project_id>"
CLASSES = "/v2.1/os-quota-class-sets/<name>"
RULE = "os_compute_api:os-quota-sets:"

NETWORKING = ("fixed_ips", "floating_ips", "security_groups", "security_group_rules")
INJECTED = ("injected_files", "injected_file_content_bytes", "injected_file_path_bytes")
VALUES = {name: number(-1) for name in quotas.DEFAULTS}


def _schema(key: str, dropped: tuple[str, ...] = (), more: dict[str, Any] | None = None) -> dict[str, Any]:
    return body(key, obj({k: v for k, v in VALUES.items() if k not in dropped} | (more or {})))


OF_USER = {(2, 1): query(user_id=TEXT), (2, 75): strict_query(user_id=TEXT)}
LIMITS = {(2, 1): query(tenant_id=TEXT), (2, 75): strict_query(tenant_id=TEXT)}
MORE: dict[str, Any] = {"force": BOOLEAN, "tenant_id": {"type": "string", "maxLength": 255}}
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


def shown(values: dict[str, Any], networking_until: tuple[int, int] = (2, 35)) -> dict[str, Any]:
    """Without what later versions dropped."""
    hidden = (NETWORKING if version() > networking_until else ()) + (INJECTED if version() >= (2, 57) else ())
    return {k: v for k, v in values.items() if k not in hidden}


def _own(project_id: str, **_: Any) -> dict[str, Any]:
    """The project is in the path and nowhere else: a caller reads the quotas of the project of the token."""
    return {"project_id": project_id}


@resource.endpoint("GET", SETS, policy=RULE + "show", target=_own, query=OF_USER)
def show(project_id: str) -> Any:
    with tools().sessions.read() as session:
        limits = quotas.limits(session, project_id, request.args.get("user_id"))
    return {"quota_set": shown(limits) | {"id": project_id}}


@resource.endpoint("GET", SETS + "/detail", policy=RULE + "detail", target=_own, query=OF_USER)
def detail(project_id: str) -> Any:
    user = request.args.get("user_id")
    with tools().sessions.read() as session:
        limits = quotas.limits(session, project_id, user)
        used = quotas.usage(session, project_id, user)
    view = {name: {"limit": limit, "in_use": used.get(name, 0), "reserved": 0} for name, limit in limits.items()}
    return {"quota_set": shown(view) | {"id": project_id}}


@resource.endpoint("GET", SETS + "/defaults", policy=RULE + "defaults")
def defaults(project_id: str) -> Any:
    with tools().sessions.read() as session:
        return {"quota_set": shown(quotas.defaults(session)) | {"id": project_id}}


@resource.endpoint("PUT", SETS, policy=RULE + "update", body=UPDATE, query=OF_USER)
def update(project_id: str, body: dict[str, Any]) -> Any:
    wish = dict(body["quota_set"])
    force = truth(wish.pop("force", False))
    wish.pop("tenant_id", None)
    user = request.args.get("user_id")
    values = {k: int(v) for k, v in wish.items()}
    with tools().sessions.begin() as session:
        _check(session, project_id, user, values, force)
        scope = quotas.user_scope(project_id, user) if user else quotas.project_scope(project_id)
        quotas.set_limits(session, scope, values)
        session.flush()
        return {"quota_set": shown(quotas.limits(session, project_id, user))}


def _check(session: Session, project_id: str, user: str | None, values: dict[str, int], force: bool) -> None:
    """A limit below what is used, or for a user above the project's, is refused (the former unless forced)."""
    used = quotas.usage(session, project_id, user)
    whole = quotas.limits(session, project_id)
    for name, value in values.items():
        if not force and 0 <= value < used.get(name, 0):
            raise BadRequest(
                why=f"Quota value {value} for {name} must be greater than or equal to already used and "
                f"reserved {used[name]}."
            )
        if user and whole[name] >= 0 and (value < 0 or value > whole[name]):
            raise BadRequest(why=f"Quota limit {value} for {name} must be less than or equal to {whole[name]}.")


@resource.endpoint("DELETE", SETS, policy=RULE + "delete", query=OF_USER)
def delete(project_id: str) -> Any:
    user = request.args.get("user_id")
    with tools().sessions.begin() as session:
        quotas.clear(session, quotas.user_scope(project_id, user) if user else quotas.project_scope(project_id))
    return "", 202


def _class_only(name: str) -> None:
    if name != "default":
        raise BadRequest(why=f"There is one quota class: default, not {name}.")


@resource.endpoint("GET", CLASSES, policy="os_compute_api:os-quota-class-sets:show")
def one_class(name: str) -> Any:
    with tools().sessions.read() as session:
        values = quotas.defaults(session) if name == "default" else quotas.DEFAULTS
        return {"quota_class_set": shown(values, (2, 49)) | {"id": name}}


@resource.endpoint("PUT", CLASSES, policy="os_compute_api:os-quota-class-sets:update", body=UPDATE_CLASS)
def update_class(name: str, body: dict[str, Any]) -> Any:
    _class_only(name)
    with tools().sessions.begin() as session:
        quotas.set_limits(session, quotas.CLASS_SCOPE, {k: int(v) for k, v in body["quota_class_set"].items()})
        session.flush()
        return {"quota_class_set": shown(quotas.defaults(session), (2, 49))}


@resource.endpoint("GET", "/v2.1/limits", policy="os_compute_api:limits", query=LIMITS)
def limits() -> Any:
    project = request.args.get("tenant_id") or caller().project_id or ""
    if project != caller().project_id:
        enforce("os_compute_api:limits:other_project")
    with tools().sessions.read() as session:
        most, used = quotas.limits(session, project), quotas.usage(session, project)
    view = {
        "maxServerMeta": most["metadata_items"],
        "maxTotalInstances": most["instances"],
        "maxTotalCores": most["cores"],
        "maxTotalRAMSize": most["ram"],
        "maxTotalKeypairs": most["key_pairs"],
        "maxServerGroups": most["server_groups"],
        "maxServerGroupMembers": most["server_group_members"],
        "totalInstancesUsed": used["instances"],
        "totalCoresUsed": used["cores"],
        "totalRAMUsed": used["ram"],
        "totalServerGroupsUsed": used["server_groups"],
    }
    if version() < (2, 39):
        view["maxImageMeta"] = most["metadata_items"]
    if version() < (2, 36):
        view |= {
            "maxTotalFloatingIps": most["floating_ips"],
            "maxSecurityGroups": most["security_groups"],
            "maxSecurityGroupRules": most["security_group_rules"],
            "totalFloatingIpsUsed": 0,
            "totalSecurityGroupsUsed": 0,
        }
    if version() < (2, 57):
        view |= {"maxPersonality": most["injected_files"], "maxPersonalitySize": most["injected_file_content_bytes"]}
    return {"limits": {"rate": [], "absolute": view}}
