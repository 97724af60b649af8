"""Volumes of a server."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pileus_compute.api.block_devices import MULTIATTACH
from pileus_compute.api.requests import find_server, limit_of, offset_of, require_unlocked, server_target
from pileus_compute.api.schemas import BOOLEAN, LIMIT, TAG, UUID, body, obj, query, strict_query, truth
from pileus_compute.clients import volume as volume_client
from pileus_compute.clients.volume import Volume
from pileus_compute.core import device_names, server_jobs, states
from pileus_compute.db.models import Job, Server, ServerVolume
from pileus_compute.errors import (
    BadState,
    MultiattachNotSupportedOldMicroversion,
    MultiattachToShelved,
    VolumeNotAttached,
)
from pileus_kit.errors import BadRequest, Conflict, Forbidden, NotFound
from pileus_kit.flow import enqueue
from pileus_kit.flow.jobs import alive
from pileus_kit.peers import PeerRefused
from pileus_kit.web import Resource, caller, tools, version

resource = Resource("volume_attachments", __name__, url_prefix="/v2.1/servers/<server_id>/os-volume_attachments")
RULE = "os_compute_api:os-volumes-attachments:"

SHELVED = (2, 20)  # since when a shelved server takes and gives volumes
OF_LISTS = ("attachment_id", "bdm_uuid")  # what a new attachment's own answer never has; it always has an id
DEVICE = {"type": ["string", "null"], "pattern": "(^/dev/x{0,1}[a-z]{0,1}d{0,1})([a-z]+)[0-9]*$"}
NEW: dict[str, Any] = {"volumeId": UUID, "device": DEVICE}
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


def attachment_view(row: ServerVolume) -> dict[str, Any]:
    spoken = version()
    view: dict[str, Any] = {"volumeId": row.volume_id, "serverId": row.server_id, "device": row.device}
    if spoken < (2, 89):
        view["id"] = row.volume_id
    if spoken >= (2, 70):
        view["tag"] = row.tag
    if spoken >= (2, 79):
        view["delete_on_termination"] = row.delete_on_termination
    if spoken >= (2, 89):
        view |= {"attachment_id": row.attachment_id, "bdm_uuid": row.id}
    return view


def _row(session: Session, server_id: str, volume_id: str) -> ServerVolume:
    row = session.scalar(
        select(ServerVolume).where(ServerVolume.server_id == server_id, ServerVolume.volume_id == volume_id)
    )
    if row is None:
        raise VolumeNotAttached(volume=volume_id)
    return row


@resource.endpoint("GET", "", policy=RULE + "index", target=server_target, query=LIST)
def index(server_id: str) -> Any:
    with tools().sessions.read() as session:
        find_server(session, server_id)
        rows = session.scalars(
            select(ServerVolume)
            .where(ServerVolume.server_id == server_id, ServerVolume.volume_id.is_not(None))
            .order_by(ServerVolume.position)
            .offset(offset_of())
            .limit(limit_of())
        )
        return {"volumeAttachments": [attachment_view(r) for r in rows]}


@resource.endpoint("GET", "/<volume_id>", policy=RULE + "show", target=server_target)
def show(server_id: str, volume_id: str) -> Any:
    with tools().sessions.read() as session:
        find_server(session, server_id)
        return {"volumeAttachment": attachment_view(_row(session, server_id, volume_id))}


@resource.endpoint("POST", "", policy=RULE + "create", body=CREATE, target=server_target)
def create(server_id: str, body: dict[str, Any]) -> Any:
    wish = body["volumeAttachment"]
    volume_id = wish["volumeId"]
    volume = _usable(volume_id)
    with tools().sessions.begin() as session:
        server = require_unlocked(find_server(session, server_id))
        _require(session, server, "attach_volume")
        if volume.multiattach and server.status == "SHELVED_OFFLOADED":
            raise MultiattachToShelved()
        taken = list(session.scalars(select(ServerVolume).where(ServerVolume.server_id == server_id)))
        if any(v.volume_id == volume_id for v in taken):
            raise BadRequest(why=f"Invalid volume: Volume {volume_id} is already attached to this server.")
        if wish.get("device") and device_names.full(wish["device"]) in {v.device for v in taken}:
            raise Conflict(why=f"The supplied device path ({wish['device']}) is in use.")
        last = session.scalar(select(func.max(ServerVolume.position)).where(ServerVolume.server_id == server_id))
        device = device_names.free(server.flavor, [v.device for v in taken], wish.get("device"))
        row = ServerVolume(
            server_id=server_id,
            volume_id=volume_id,
            device=device,
            tag=wish.get("tag"),
            position=0 if last is None else last + 1,
            delete_on_termination=truth(wish.get("delete_on_termination", False)),
        )
        session.add(row)
        session.flush()
        job = enqueue(
            session,
            Job,
            flow="server.attach_volume",
            subject=server_jobs.part_subject(server_id, row.id),
            data={"row": row.id},
            caller=caller(),
        ).id
        view = {k: v for k, v in attachment_view(row).items() if k not in OF_LISTS} | {"id": volume_id}
    tools().ring(job)
    return {"volumeAttachment": view}


def _require(session: Session, server: Server, action: str) -> None:
    """Work on the server itself is in the way; attachments of other volumes may go on meanwhile."""
    if version() < SHELVED and server.status in ("SHELVED", "SHELVED_OFFLOADED"):
        raise BadState(event=action, server=server.id, attribute="vm_state", value=states.VM_STATES[server.status])
    states.require(server, action, server_jobs.current_task_state(session, server))


def _usable(volume_id: str) -> Volume:
    """The volume, asked for with the user's own rights."""
    try:
        volume = volume_client.show_volume(tools().peers, str(caller().project_id), volume_id, caller())
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
def update(server_id: str, volume_id: str, body: dict[str, Any]) -> Any:
    """Whether it goes with the server (2.85). Swapping one volume for another is the volume service's business."""
    wish = body["volumeAttachment"]
    with tools().sessions.begin() as session:
        server = require_unlocked(find_server(session, server_id))
        row = _row(session, server.id, volume_id)
        if wish["volumeId"] != volume_id:
            raise Forbidden(rule=RULE + "swap")
        if version() < (2, 85):
            raise BadRequest(why="The old and the new volume are the same.")
        for key, now in (("device", row.device), ("tag", row.tag)):
            if key in wish and wish[key] != now:
                raise BadRequest(why=f"The {key} of an attachment can't be changed.")
        if "delete_on_termination" in wish:
            row.delete_on_termination = truth(wish["delete_on_termination"])
    return "", 202


@resource.endpoint("DELETE", "/<volume_id>", policy=RULE + "delete", target=server_target)
def delete(server_id: str, volume_id: str) -> Any:
    with tools().sessions.begin() as session:
        server = require_unlocked(find_server(session, server_id))
        row = _row(session, server_id, volume_id)
        _require(session, server, "detach_volume")
        if row.boot_index == 0:
            raise Forbidden(rule=RULE + "delete (the root device can't be detached)")
        subject = server_jobs.part_subject(server_id, row.id)
        if session.scalar(select(Job.id).where(Job.subject == subject, alive(Job))):
            raise Conflict(why=f"Volume {volume_id} is being attached or detached.")
        job = enqueue(
            session, Job, flow="server.detach_volume", subject=subject, data={"row": row.id}, caller=caller()
        ).id
    tools().ring(job)
    return "", 202
