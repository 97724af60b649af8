"""`/os-server-groups`: servers that shall, or shall not, share hosts."""

from flask import request

from pileus_compute.api.requests.listing import limit, offset
from pileus_compute.api.requests.server_access import visible_project
from pileus_compute.api.schemas.types import LIMIT, NAME, TEXT, Schema, body, number, obj, query, strict_query
from pileus_compute.api.tools import tools
from pileus_compute.core import server_groups
from pileus_compute.db.models import ServerGroup
from pileus_kit.errors import BadRequest
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, caller, enforce, version

resource = Resource("server_groups", __name__, url_prefix="/v2.1/os-server-groups")
RULE = "os_compute_api:os-server-groups:"

HARD = ["anti-affinity", "affinity"]
SOFT = [*HARD, "soft-anti-affinity", "soft-affinity"]


def _with_policy_list(policies: list[str]) -> Schema:
    listed = {"type": "array", "items": {"type": "string", "enum": policies}, "minItems": 1, "maxItems": 1}
    return body("server_group", obj({"name": NAME, "policies": listed}, ("name", "policies")))


CREATE = {
    (2, 1): _with_policy_list(HARD),
    (2, 15): _with_policy_list(SOFT),
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


def group_view(group: ServerGroup, members: list[str]) -> JsonObject:
    spoken = version()
    view: JsonObject = {"id": group.id, "name": group.name, "members": members}
    if spoken >= (2, 64):
        view |= {"policy": group.policy, "rules": group.rules}
    else:
        view |= {"policies": [group.policy], "metadata": {}}
    if spoken >= (2, 13):
        view |= {"project_id": group.project_id, "user_id": group.user_id}
    return view


def _target(group_id: str, **_: object) -> dict[str, str]:
    with tools().sessions.read() as session:
        return {"project_id": server_groups.find(session, group_id, visible_project()).project_id}


@resource.endpoint("GET", "", policy=RULE + "index", query=LIST)
def index() -> Answer:
    project_id = caller().project_id
    if "all_projects" in request.args:
        enforce(RULE + "index:all_projects")
        project_id = None
    with tools().sessions.read() as session:
        rows = server_groups.list_groups(session, project_id, offset(), limit())
        members = server_groups.members_by_group(session, [g.id for g in rows])
        return {"server_groups": [group_view(g, members.get(g.id, [])) for g in rows]}


@resource.endpoint("GET", "/<group_id>", policy=RULE + "show", target=_target)
def show(group_id: str) -> Answer:
    with tools().sessions.read() as session:
        group = server_groups.find(session, group_id, visible_project())
        members = server_groups.members_by_group(session, [group_id])
        return {"server_group": group_view(group, members.get(group_id, []))}


@resource.endpoint("POST", "", policy=RULE + "create", body=CREATE)
def create(body: JsonObject) -> Answer:
    asked = body["server_group"]
    policy = asked["policy"] if "policy" in asked else asked["policies"][0]
    rules = {k: int(v) for k, v in asked.get("rules", {}).items()}
    if rules and policy != "anti-affinity":
        raise BadRequest(why="Only anti-affinity policy supports rules.")
    new = ServerGroup(
        project_id=caller().project_id or "", user_id=caller().user_id, name=asked["name"], policy=policy, rules=rules
    )
    with tools().sessions.begin() as session:
        return {"server_group": group_view(server_groups.create(session, new), [])}


@resource.endpoint("DELETE", "/<group_id>", policy=RULE + "delete", target=_target)
def delete(group_id: str) -> Answer:
    with tools().sessions.begin() as session:
        server_groups.delete(session, server_groups.find(session, group_id, visible_project()))
    return "", 204
