"""`/servers/ID/tags`, from microversion 2.26."""

from pileus_compute.api.requests.server_access import find_server, find_unlocked, server_target
from pileus_compute.api.schemas.types import TAG, TAGS, obj
from pileus_compute.api.tools import tools
from pileus_compute.api.views.links import base_url
from pileus_compute.core import server_tags
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.schema import Checked
from pileus_kit.web import Resource, version

resource = Resource("server_tags", __name__, url_prefix="/v2.1/servers/<server_id>/tags")
RULE = "os_compute_api:os-server-tags:"
SINCE = (2, 26)
REPLACE = {(2, 26): obj({"tags": TAGS}, ("tags",))}
ONE = Checked({(2, 26): TAG})


@resource.endpoint("GET", "", policy=RULE + "index", target=server_target, since=SINCE)
def index(server_id: str) -> Answer:
    with tools().sessions.read() as session:
        find_server(session, server_id)
        return {"tags": server_tags.list_tags(session, server_id)}


@resource.endpoint("GET", "/<tag>", policy=RULE + "show", target=server_target, since=SINCE)
def show(server_id: str, tag: str) -> Answer:
    with tools().sessions.read() as session:
        find_server(session, server_id)
        server_tags.require_tag(session, server_id, tag)
    return "", 204


@resource.endpoint("PUT", "/<tag>", policy=RULE + "update", target=server_target, since=SINCE)
def update(server_id: str, tag: str) -> Answer:
    ONE.check(tag, version(), "tag")
    with tools().sessions.begin() as session:
        find_unlocked(session, server_id)
        if not server_tags.add_tag(session, server_id, tag):
            return "", 204
    return "", 201, {"Location": f"{base_url()}/v2.1/servers/{server_id}/tags/{tag}"}


@resource.endpoint("PUT", "", policy=RULE + "update_all", body=REPLACE, target=server_target, since=SINCE)
def update_all(server_id: str, body: JsonObject) -> Answer:
    with tools().sessions.begin() as session:
        find_unlocked(session, server_id)
        return {"tags": server_tags.replace_tags(session, server_id, body["tags"])}


@resource.endpoint("DELETE", "/<tag>", policy=RULE + "delete", target=server_target, since=SINCE)
def delete(server_id: str, tag: str) -> Answer:
    with tools().sessions.begin() as session:
        find_unlocked(session, server_id)
        server_tags.delete_tag(session, server_id, tag)
    return "", 204


@resource.endpoint("DELETE", "", policy=RULE + "delete_all", target=server_target, since=SINCE)
def delete_all(server_id: str) -> Answer:
    with tools().sessions.begin() as session:
        find_unlocked(session, server_id)
        server_tags.delete_tags(session, server_id)
    return "", 204
