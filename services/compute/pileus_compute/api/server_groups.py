"""Server groups."""

from typing import Any

from flask import request

from pileus_compute.api.requests import limit_of, offset_of, visible_project
from pileus_compute.api.schemas import LIMIT, NAME, TEXT, body, number, obj, query, strict_query
from pileus_compute.core import server_groups
from pileus_compute.db.models import ServerGroup
from pileus_kit.errors import BadRequest
from pileus_kit.web import Resource, allowed, caller, enforce, tools, version

resource = Resource("server_groups", __name__, url_prefix="/v2.1/os-server-groups")
RULE = "os_compute_api:os-server-groups:"

HARD = ["anti-affinity", "affinity"]
SOFT = [*HARD, "soft-anti-affinity", "soft-affinity"]


def _old(policies: list[str]) -> dict[str, Any]:
    listed = {"type": "array", "items": {"type": "string", "enum": policies}, "minItems": 1, "maxItems": 1}
    return body("server_group", obj({"name": NAME, "policies": listed}, ("name", "policies")))


CREATE = {
    (2, 1): _old(HARD),
    (2, 15): _old(SOFT),
    (2, 64): body(
        "server_group",
        obj(
            {
                "name": NAME,
                "policy": {"type": "string", "enum": SOFT},
                "rules": obj({"max_server_per_host": number(1)}),
            },
            ("name", "policy"),
        ),
    ),
}


LIST = {(2, 1): query(), (2, 75): strict_query(all_projects=TEXT, limit=LIMIT, offset=LIMIT)}


def group_view(group: ServerGroup, members: list[str]) -> dict[str, Any]:
    spoken = version()
    view: dict[str, Any] = {"id": group.id, "name": group.name, "members": members}
    view |= (
        {"policy": group.policy, "rules": group.rules}
        if spoken >= (2, 64)
        else {"policies": [group.policy], "metadata": {}}
    )
    if spoken >= (2, 13):
        view |= {"project_id": group.project_id, "user_id": group.user_id}
    return view


def _target(group_id: str, **_: Any) -> dict[str, Any]:
    with tools().sessions.read() as session:
        return {"project_id": server_groups.find(session, group_id, visible_project()).project_id}


@resource.endpoint("GET", "", policy=RULE + "index", query=LIST)
def index() -> Any:
    everything = request.args.get("all_projects") is not None and allowed(RULE + "index:all_projects")
    if request.args.get("all_projects") is not None:
        enforce(RULE + "index:all_projects")
    with tools().sessions.read() as session:
        rows = server_groups.page(session, None if everything else caller().project_id, offset_of(), limit_of())
        members = server_groups.members(session, [g.id for g in rows])
        return {"server_groups": [group_view(g, members.get(g.id, [])) for g in rows]}


@resource.endpoint("GET", "/<group_id>", policy=RULE + "show", target=_target)
def show(group_id: str) -> Any:
    with tools().sessions.read() as session:
        group = server_groups.find(session, group_id, visible_project())
        return {"server_group": group_view(group, server_groups.members(session, [group_id]).get(group_id, []))}


@resource.endpoint("POST", "", policy=RULE + "create", body=CREATE)
def create(body: dict[str, Any]) -> Any:
    wish = body["server_group"]
    policy = wish["policy"] if "policy" in wish else wish["policies"][0]
    rules = {k: int(v) for k, v in wish.get("rules", {}).items()}
    if rules and policy != "anti-affinity":
        raise BadRequest(why="Only anti-affinity policy supports rules.")
    with tools().sessions.begin() as session:
        group = server_groups.create(session, caller().project_id or "", caller().user_id, wish["name"], policy, rules)
        return {"server_group": group_view(group, [])}


@resource.endpoint("DELETE", "/<group_id>", policy=RULE + "delete", target=_target)
def delete(group_id: str) -> Any:
    with tools().sessions.begin() as session:
        session.delete(server_groups.find(session, group_id, visible_project()))
    return "", 204
