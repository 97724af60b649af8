"""Metadata of a server: users' own keys and values."""

from typing import Any

from pileus_compute.api.requests import find_server, require_unlocked, server_target
from pileus_compute.api.schemas import METADATA, body
from pileus_compute.core import quotas, server_jobs, states
from pileus_compute.db.models import Server
from pileus_compute.errors import MetadataItemNotFound
from pileus_kit.errors import BadRequest
from pileus_kit.web import Resource, tools

resource = Resource("server_metadata", __name__, url_prefix="/v2.1/servers/<server_id>/metadata")
RULE = "os_compute_api:server-metadata:"
ALL = {(2, 1): body("metadata", METADATA)}
ONE = {(2, 1): body("meta", METADATA | {"minProperties": 1, "maxProperties": 1})}


def _read(server_id: str) -> dict[str, str]:
    with tools().sessions.read() as session:
        return find_server(session, server_id).meta


def _change(server_id: str, change: Any) -> dict[str, str]:
    """`change(old)` gives the new metadata."""
    with tools().sessions.begin() as session:
        server: Server = require_unlocked(find_server(session, server_id))
        states.require(server, "update_metadata", server_jobs.current_task_state(session, server))
        fresh: dict[str, str] = change(server.meta)
        quotas.check_metadata(session, server.project_id, fresh)
        server.meta = fresh
        return fresh


@resource.endpoint("GET", "", policy=RULE + "index", target=server_target)
def index(server_id: str) -> Any:
    return {"metadata": _read(server_id)}


@resource.endpoint("POST", "", policy=RULE + "create", body=ALL, target=server_target)
def create(server_id: str, body: dict[str, Any]) -> Any:
    return {"metadata": _change(server_id, lambda old: old | body["metadata"])}


@resource.endpoint("PUT", "", policy=RULE + "update_all", body=ALL, target=server_target)
def update_all(server_id: str, body: dict[str, Any]) -> Any:
    return {"metadata": _change(server_id, lambda old: body["metadata"])}


@resource.endpoint("GET", "/<key>", policy=RULE + "show", target=server_target)
def show(server_id: str, key: str) -> Any:
    found = _read(server_id)
    if key not in found:
        raise MetadataItemNotFound()
    return {"meta": {key: found[key]}}


@resource.endpoint("PUT", "/<key>", policy=RULE + "update", body=ONE, target=server_target)
def update(server_id: str, key: str, body: dict[str, Any]) -> Any:
    if key not in body["meta"]:
        raise BadRequest(why="Request body and URI mismatch")
    _change(server_id, lambda old: old | body["meta"])
    return {"meta": body["meta"]}


@resource.endpoint("DELETE", "/<key>", policy=RULE + "delete", target=server_target)
def delete(server_id: str, key: str) -> Any:
    def without(old: dict[str, str]) -> dict[str, str]:
        if key not in old:
            raise MetadataItemNotFound()
        return {k: v for k, v in old.items() if k != key}

    _change(server_id, without)
    return "", 204
