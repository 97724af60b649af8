"""`/servers/ID/os-volume_attachments`: the volumes of a server."""

from pileus_compute.api.requests.boot_sources import MULTIATTACH
from pileus_compute.api.requests.listing import limit, offset
from pileus_compute.api.requests.server_access import find_server, find_unlocked, server_target
from pileus_compute.api.schemas.types import BOOLEAN, LIMIT, TAG, UUID, body, is_true, obj, query, strict_query
from pileus_compute.api.tools import tools
from pileus_compute.clients import volume as volume_client
from pileus_compute.clients.volume import Volume
from pileus_compute.core import server_jobs, server_volumes, states
from pileus_compute.core.job_data import AttachVolumeData, as_json
from pileus_compute.core.server_volumes import NewAttachment
from pileus_compute.db.models import Server, ServerVolume
from pileus_compute.errors import BadState, MultiattachNotSupportedOldMicroversion, MultiattachToShelved
from pileus_kit.db import Session
from pileus_kit.errors import BadRequest, Conflict, Forbidden, NotFound
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.peers import PeerRefused
from pileus_kit.web import Resource, caller, version

resource = Resource("volume_attachments", __name__, url_prefix="/v2.1/servers/<server_id>/os-volume_attachments")
RULE = "os_compute_api:os-volumes-attachments:"

SHELVED = (2, 20)
"""Since when volumes are attached to and detached from a shelved server."""
ONLY_IN_LISTS = ("attachment_id", "bdm_uuid")
"""Attributes that the answer to POST never has. It always has an `id`."""
DEVICE = {"type": ["string", "null"], "pattern": "(^/dev/x{0,1}[a-z]{0,1}d{0,1})([a-z]+)[0-9]*$"}
NEW: JsonObject = {"volumeId": UUID, "device": DEVICE}
CREATE = {
    (2, 1): body("volumeAttachment", obj(NEW, ("volumeId",))),
    (2, 49): body("volumeAttachment", obj(NEW | {"tag": TAG}, ("volumeId",))),
    (2, 79): body("volumeAttachment", obj(NEW | {"tag": TAG, "delete_on_termination": BOOLEAN}, ("volumeId",))),
}
UPDATE = {
    (2, 1): body("volumeAttachment", obj({"volumeId": UUID}, ("volumeId",))),
    (2, 85): body(
        "volumeAttachment",
        obj(
            {
                "volumeId": UUID,
                "device": DEVICE,
                "tag": TAG,
                "delete_on_termination": BOOLEAN,
                "serverId": UUID,
                "id": UUID,
            },
            ("volumeId",),
        ),
    ),
}
LIST = {(2, 1): query(limit=LIMIT, offset=LIMIT), (2, 75): strict_query(limit=LIMIT, offset=LIMIT)}


def attachment_view(row: ServerVolume) -> JsonObject:
    spoken = version()
    view: JsonObject = {"volumeId": row.volume_id, "serverId": row.server_id, "device": row.device}
    if spoken < (2, 89):
        view["id"] = row.volume_id
    if spoken >= (2, 70):
        view["tag"] = row.tag
    if spoken >= (2, 79):
        view["delete_on_termination"] = row.delete_on_termination
    if spoken >= (2, 89):
        view |= {"attachment_id": row.attachment_id, "bdm_uuid": row.id}
    return view


@resource.endpoint("GET", "", policy=RULE + "index", target=server_target, query=LIST)
def index(server_id: str) -> Answer:
    with tools().sessions.read() as session:
        find_server(session, server_id)
        rows = server_volumes.list_attached(session, server_id, offset(), limit())
        return {"volumeAttachments": [attachment_view(row) for row in rows]}


@resource.endpoint("GET", "/<volume_id>", policy=RULE + "show", target=server_target)
def show(server_id: str, volume_id: str) -> Answer:
    with tools().sessions.read() as session:
        find_server(session, server_id)
        return {"volumeAttachment": attachment_view(server_volumes.find(session, server_id, volume_id))}


@resource.endpoint("POST", "", policy=RULE + "create", body=CREATE, target=server_target)
def create(server_id: str, body: JsonObject) -> Answer:
    asked = body["volumeAttachment"]
    new = NewAttachment(
        asked["volumeId"],
        asked.get("device"),
        asked.get("tag"),
        is_true(asked.get("delete_on_termination", False)),
    )
    volume = _find_usable(new.volume_id)
    with tools().sessions.begin() as session:
        server = find_unlocked(session, server_id)
        _require_state(session, server, "attach_volume")
        if volume.multiattach and server.status == "SHELVED_OFFLOADED":
            raise MultiattachToShelved()
        row = server_volumes.add(session, server, new)
        job_id = _start(session, row, "server.attach_volume")
        view = {k: v for k, v in attachment_view(row).items() if k not in ONLY_IN_LISTS} | {"id": new.volume_id}
    tools().ring(job_id)
    return {"volumeAttachment": view}


def _start(session: Session, row: ServerVolume, flow: str) -> str:
    data = as_json(AttachVolumeData(row.id))
    return server_jobs.start_part_job(session, row.server_id, row.id, flow, caller(), data).id


def _require_state(session: Session, server: Server, action: str) -> None:
    """Raise BadState unless the server's status allows the action. Jobs of other attachments don't matter."""
    if version() < SHELVED and server.status in ("SHELVED", "SHELVED_OFFLOADED"):
        raise BadState(event=action, server=server.id, attribute="vm_state", value=states.VM_STATES[server.status])
    states.require(server, action, server_jobs.current_task_state(session, server))


def _find_usable(volume_id: str) -> Volume:
    """Return the volume, asked for with the user's own rights, if it can be attached."""
    try:
        volume = volume_client.show_volume(tools().peers, caller().project_id or "", volume_id, caller())
    except PeerRefused as err:
        if err.status == 404:
            raise NotFound(why=f"Volume {volume_id} could not be found.") from None
        raise
    if volume.multiattach and version() < MULTIATTACH:
        raise MultiattachNotSupportedOldMicroversion()
    if volume.status != "available" and not (volume.multiattach and volume.status == "in-use"):
        raise BadRequest(
            why=f"Invalid volume: volume '{volume_id}' status must be 'available'. Currently in '{volume.status}'"
        )
    return volume


@resource.endpoint("PUT", "/<volume_id>", policy=RULE + "update", body=UPDATE, target=server_target)
def update(server_id: str, volume_id: str, body: JsonObject) -> Answer:
    """Change whether the volume is deleted with the server (2.85). Only the volume service swaps volumes."""
    asked = body["volumeAttachment"]
    with tools().sessions.begin() as session:
        server = find_unlocked(session, server_id)
        row = server_volumes.find(session, server.id, volume_id)
        if asked["volumeId"] != volume_id:
            raise Forbidden(rule=RULE + "swap")
        if version() < (2, 85):
            raise BadRequest(why="The old and the new volume are the same.")
        for key, current in (("device", row.device), ("tag", row.tag)):
            if key in asked and asked[key] != current:
                raise BadRequest(why=f"The {key} of an attachment can't be changed.")
        if "delete_on_termination" in asked:
            row.delete_on_termination = is_true(asked["delete_on_termination"])
    return "", 202


@resource.endpoint("DELETE", "/<volume_id>", policy=RULE + "delete", target=server_target)
def delete(server_id: str, volume_id: str) -> Answer:
    with tools().sessions.begin() as session:
        server = find_unlocked(session, server_id)
        row = server_volumes.find(session, server_id, volume_id)
        _require_state(session, server, "detach_volume")
        if row.boot_index == 0:
            raise Forbidden(rule=RULE + "delete (the root device can't be detached)")
        if server_jobs.is_part_busy(session, server_id, row.id):
            raise Conflict(why=f"Volume {volume_id} is being attached or detached.")
        job_id = _start(session, row, "server.detach_volume")
    tools().ring(job_id)
    return "", 202
