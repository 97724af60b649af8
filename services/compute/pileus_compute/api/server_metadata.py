"""`/servers/ID/metadata`: keys and values that users give their servers."""

from collections.abc import Callable

from pileus_compute.api.requests.server_access import find_server, find_unlocked, server_target
from pileus_compute.api.schemas.types import METADATA, body
from pileus_compute.api.tools import tools
from pileus_compute.core import servers
from pileus_compute.errors import MetadataItemNotFound
from pileus_kit.errors import BadRequest
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource

resource = Resource("server_metadata", __name__, url_prefix="/v2.1/servers/<server_id>/metadata")
RULE = "os_compute_api:server-metadata:"
ALL = {(2, 1): body("metadata", METADATA)}
ONE = {(2, 1): body("meta", METADATA | {"minProperties": 1, "maxProperties": 1})}
Metadata = dict[str, str]


def _read(server_id: str) -> Metadata:
    with tools().sessions.read() as session:
        return find_server(session, server_id).meta


def _change(server_id: str, change: Callable[[Metadata], Metadata]) -> Metadata:
    """Replace the server's metadata by what `change` makes of it. Return the new metadata."""
    with tools().sessions.begin() as session:
        server = find_unlocked(session, server_id)
        servers.update_metadata(session, server, change)
        return server.meta


@resource.endpoint("GET", "", policy=RULE + "index", target=server_target)
def index(server_id: str) -> Answer:
    return {"metadata": _read(server_id)}


@resource.endpoint("POST", "", policy=RULE + "create", body=ALL, target=server_target)
def create(server_id: str, body: JsonObject) -> Answer:
    return {"metadata": _change(server_id, lambda old: old | body["metadata"])}


@resource.endpoint("PUT", "", policy=RULE + "update_all", body=ALL, target=server_target)
def update_all(server_id: str, body: JsonObject) -> Answer:
    return {"metadata": _change(server_id, lambda old: body["metadata"])}


@resource.endpoint("GET", "/<key>", policy=RULE + "show", target=server_target)
def show(server_id: str, key: str) -> Answer:
    found = _read(server_id)
    if key not in found:
        raise MetadataItemNotFound()
    return {"meta": {key: found[key]}}


@resource.endpoint("PUT", "/<key>", policy=RULE + "update", body=ONE, target=server_target)
def update(server_id: str, key: str, body: JsonObject) -> Answer:
    if key not in body["meta"]:
        raise BadRequest(why="Request body and URI mismatch")
    _change(server_id, lambda old: old | body["meta"])
    return {"meta": body["meta"]}


@resource.endpoint("DELETE", "/<key>", policy=RULE + "delete", target=server_target)
def delete(server_id: str, key: str) -> Answer:
    def without(old: Metadata) -> Metadata:
        if key not in old:
            raise MetadataItemNotFound()
        return {k: v for k, v in old.items() if k != key}

    _change(server_id, without)
    return "", 204
