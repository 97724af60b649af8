"""`/servers/ID/os-interface`: the ports of a server."""

import time

from pileus_compute.api.requests import requested_networks
from pileus_compute.api.requests.requested_networks import NetworkRequest
from pileus_compute.api.requests.server_access import find_server, find_unlocked, server_target
from pileus_compute.api.schemas.types import IP, TAG, UUID, obj
from pileus_compute.api.tools import tools
from pileus_compute.core import server_jobs, server_ports, states
from pileus_compute.core.job_data import AttachInterfaceData, DetachInterfaceData, as_json
from pileus_compute.db.models import ServerPort
from pileus_kit.db import new_id
from pileus_kit.errors import BadRequest, CloudError
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource, caller, version

resource = Resource("interface_attachments", __name__, url_prefix="/v2.1/servers/<server_id>/os-interface")
RULE = "os_compute_api:os-attach-interfaces:"
PATIENCE_S = 60.0  # OpenStack answers when the guest has the port, so the request waits for the job
FIRST_PAUSE_S, MAX_PAUSE_S = 0.05, 0.5

NEW: JsonObject = {
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


def interface_view(port: ServerPort) -> JsonObject:
    view = {
        "net_id": port.network_id,
        "port_id": port.id,
        "mac_addr": port.mac,
        "port_state": "ACTIVE",
        "fixed_ips": [{"subnet_id": a.get("subnet_id"), "ip_address": a["ip_address"]} for a in port.fixed_ips],
    }
    return view | ({"tag": port.tag} if version() >= (2, 70) else {})


@resource.endpoint("GET", "", policy=RULE + "list", target=server_target)
def index(server_id: str) -> Answer:
    with tools().sessions.read() as session:
        find_server(session, server_id)
        return {"interfaceAttachments": [interface_view(p) for p in server_ports.list_ports(session, server_id)]}


@resource.endpoint("GET", "/<port_id>", policy=RULE + "show", target=server_target)
def show(server_id: str, port_id: str) -> Answer:
    with tools().sessions.read() as session:
        find_server(session, server_id)
        return {"interfaceAttachment": interface_view(server_ports.find(session, server_id, port_id))}


@resource.endpoint("POST", "", policy=RULE + "create", body=CREATE, target=server_target)
def create(server_id: str, body: JsonObject) -> Answer:
    networks = requested_networks.find_networks(_parse(body.get("interfaceAttachment") or {}))
    if not networks:
        raise BadRequest(why="No network is available for this project.")
    with tools().sessions.begin() as session:
        server = find_unlocked(session, server_id)
        states.require(server, "attach_interface", server_jobs.current_task_state(session, server))
        data = as_json(AttachInterfaceData(networks[0]))
        flow = "server.attach_interface"
        job_id = server_jobs.start_part_job(session, server_id, new_id(), flow, caller(), data).id
    tools().ring(job_id)
    port_id = _wait(job_id, server_id)["port"]["id"]
    with tools().sessions.read() as session:
        return {"interfaceAttachment": interface_view(server_ports.find(session, server_id, port_id))}


def _parse(asked: JsonObject) -> tuple[NetworkRequest, ...]:
    """Return the network or port that is asked for; an empty tuple if the project's only network is meant."""
    network_id, port_id = asked.get("net_id"), asked.get("port_id")
    if network_id and port_id:
        raise BadRequest(why="Must not input both network_id and port_id")
    if asked.get("fixed_ips") and not network_id:
        raise BadRequest(why="Must input network_id when request IP address")
    if not network_id and not port_id:
        return ()
    fixed_ip = asked["fixed_ips"][0]["ip_address"] if asked.get("fixed_ips") else None
    return (NetworkRequest(network_id, port_id, fixed_ip, asked.get("tag")),)


def _wait(job_id: str, server_id: str) -> JsonObject:
    """Return the job's data when it is done. Raises AttachFailed with the cause if it fails, or takes too long."""
    end = time.monotonic() + PATIENCE_S
    pause_s = FIRST_PAUSE_S
    while time.monotonic() < end:
        with tools().sessions.read() as session:
            job = server_jobs.find_job(session, job_id)
            state, data, error = job.state, job.data, job.error
        if state == "done":
            return data
        if state in ("undone", "stuck"):
            raise AttachFailed(server=server_id, why=error)
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, MAX_PAUSE_S)
    raise AttachFailed(server=server_id, why=f"it is not done after {PATIENCE_S:.0f} seconds; it goes on")


@resource.endpoint("DELETE", "/<port_id>", policy=RULE + "delete", target=server_target)
def delete(server_id: str, port_id: str) -> Answer:
    with tools().sessions.begin() as session:
        server = find_unlocked(session, server_id)
        server_ports.find(session, server_id, port_id)
        states.require(server, "detach_interface", server_jobs.current_task_state(session, server))
        data = as_json(DetachInterfaceData(port_id))
        flow = "server.detach_interface"
        job_id = server_jobs.start_part_job(session, server_id, port_id, flow, caller(), data).id
    tools().ring(job_id)
    return "", 202
