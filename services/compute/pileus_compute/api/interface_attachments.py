"""Interfaces (ports) of a server."""

import time
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_compute.api import requested_networks
from pileus_compute.api.requests import find_server, require_unlocked, server_target
from pileus_compute.api.schemas import IP, TAG, UUID, obj
from pileus_compute.core import server_jobs, states
from pileus_compute.core.job_data import as_json
from pileus_compute.db.models import Job, ServerPort
from pileus_compute.errors import PortNotAttached
from pileus_kit.db import new_id
from pileus_kit.errors import BadRequest, CloudError
from pileus_kit.flow import enqueue
from pileus_kit.web import Resource, caller, tools, version

resource = Resource("interface_attachments", __name__, url_prefix="/v2.1/servers/<server_id>/os-interface")
RULE = "os_compute_api:os-attach-interfaces:"
WAIT_SECONDS = 60.0  # OpenStack answers when the port is in the guest, so we wait for the job

NEW: dict[str, Any] = {
    "net_id": UUID,
    "port_id": UUID,
    "fixed_ips": {"type": "array", "minItems": 1, "maxItems": 1, "items": obj({"ip_address": IP}, ("ip_address",))},
}
CREATE = {
    (2, 1): obj({"interfaceAttachment": obj(NEW)}),
    (2, 49): obj({"interfaceAttachment": obj(NEW | {"tag": TAG})}),
}


class AttachFailed(CloudError):
    status = 500
    text = "Failed to attach network adapter device to {server}: {why}"


def interface_view(port: ServerPort) -> dict[str, Any]:
    view = {
        "net_id": port.network_id,
        "port_id": port.id,
        "mac_addr": port.mac,
        "port_state": "ACTIVE",
        "fixed_ips": [{"subnet_id": a.get("subnet_id"), "ip_address": a["ip_address"]} for a in port.fixed_ips],
    }
    return view | ({"tag": port.tag} if version() >= (2, 70) else {})


def _port(session: Session, server_id: str, port_id: str) -> ServerPort:
    port = session.get(ServerPort, port_id)
    if port is None or port.server_id != server_id:
        raise PortNotAttached(port=port_id, server=server_id)
    return port


@resource.endpoint("GET", "", policy=RULE + "list", target=server_target)
def index(server_id: str) -> Any:
    with tools().sessions.read() as session:
        find_server(session, server_id)
        rows = session.scalars(
            select(ServerPort).where(ServerPort.server_id == server_id).order_by(ServerPort.position)
        )
        return {"interfaceAttachments": [interface_view(p) for p in rows]}


@resource.endpoint("GET", "/<port_id>", policy=RULE + "show", target=server_target)
def show(server_id: str, port_id: str) -> Any:
    with tools().sessions.read() as session:
        find_server(session, server_id)
        return {"interfaceAttachment": interface_view(_port(session, server_id, port_id))}


@resource.endpoint("POST", "", policy=RULE + "create", body=CREATE, target=server_target)
def create(server_id: str, body: dict[str, Any]) -> Any:
    wish = body.get("interfaceAttachment") or {}
    if wish.get("net_id") and wish.get("port_id"):
        raise BadRequest(why="Must not input both network_id and port_id")
    if wish.get("fixed_ips") and not wish.get("net_id"):
        raise BadRequest(why="Must input network_id when request IP address")
    asked = {
        "uuid": wish.get("net_id"),
        "port": wish.get("port_id"),
        "tag": wish.get("tag"),
        "fixed_ip": wish["fixed_ips"][0]["ip_address"] if wish.get("fixed_ips") else None,
    }
    named = wish.get("net_id") or wish.get("port_id")
    networks = requested_networks.parse([asked] if named else None, 1)
    if not networks:
        raise BadRequest(why="No network is available for this project.")
    with tools().sessions.begin() as session:
        server = require_unlocked(find_server(session, server_id))
        states.require(server, "attach_interface", server_jobs.current_task_state(session, server))
        job = enqueue(
            session,
            Job,
            flow="server.attach_interface",
            subject=server_jobs.part_subject(server_id, new_id()),
            data={"network": as_json(networks[0])},
            caller=caller(),
        ).id
    tools().ring(job)
    data = _wait(job, server_id)
    with tools().sessions.read() as session:
        return {"interfaceAttachment": interface_view(_port(session, server_id, data["port"]["id"]))}


def _wait(job_id: str, server_id: str) -> dict[str, Any]:
    """The job's data when it is done. Raises AttachFailed with its cause."""
    end = time.monotonic() + WAIT_SECONDS
    pause = 0.05
    while time.monotonic() < end:
        with tools().sessions.read() as session:
            job = session.get_one(Job, job_id)
            state, data, error = job.state, job.data, job.error
        if state == "done":
            return data
        if state in ("undone", "stuck"):
            raise AttachFailed(server=server_id, why=error)
        time.sleep(pause)
        pause = min(pause * 1.5, 0.5)
    raise AttachFailed(server=server_id, why=f"it is not done after {WAIT_SECONDS:.0f} seconds; it goes on")


@resource.endpoint("DELETE", "/<port_id>", policy=RULE + "delete", target=server_target)
def delete(server_id: str, port_id: str) -> Any:
    with tools().sessions.begin() as session:
        server = require_unlocked(find_server(session, server_id))
        _port(session, server_id, port_id)
        states.require(server, "detach_interface", server_jobs.current_task_state(session, server))
        job = enqueue(
            session,
            Job,
            flow="server.detach_interface",
            subject=server_jobs.part_subject(server_id, port_id),
            data={"port_id": port_id},
            caller=caller(),
        ).id
    tools().ring(job)
    return "", 202
