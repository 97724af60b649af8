"""Shelve: a server's disk becomes an image, and its host's resources are freed until the server is unshelved."""

from pileus_compute.api.actions.images import new_image
from pileus_compute.api.schemas.types import NAME, body, obj
from pileus_compute.api.server_actions import AfterCommit, action, start
from pileus_compute.api.tools import tools
from pileus_compute.core import availability_zones, hosts, server_jobs, states
from pileus_compute.core.job_data import ShelveServerData, UnshelveServerData, as_json
from pileus_compute.db.models import Server
from pileus_kit.db import Session
from pileus_kit.errors import BadRequest
from pileus_kit.json_types import JsonObject
from pileus_kit.web import enforce, version

RULE = "os_compute_api:os-shelve:"
UNSHELVE = {
    (2, 77): body("unshelve", {"anyOf": [{"type": "null"}, obj({"availability_zone": NAME}, ("availability_zone",))]}),
    (2, 91): body(
        "unshelve",
        {
            "anyOf": [
                {"type": "null"},
                obj({"availability_zone": {"anyOf": [NAME, {"type": "null"}]}, "host": NAME}) | {"minProperties": 1},
            ]
        },
    ),
}


@action("shelve", policy=RULE + "shelve")
def shelve(session: Session, server: Server, value: object) -> AfterCommit:
    states.require(server, "shelve", server_jobs.current_task_state(session, server))
    image_id = new_image(server, f"{server.name}-shelved", {}) if server.image_id else None
    return start(session, server, "shelve", "server.shelve", as_json(ShelveServerData(image_id)))


@action("shelveOffload", policy=RULE + "shelve_offload")
def shelve_offload(session: Session, server: Server, value: object) -> AfterCommit:
    return start(session, server, "shelveOffload", "server.offload")


@action("unshelve", policy=RULE + "unshelve", schemas=UNSHELVE)
def unshelve(session: Session, server: Server, value: JsonObject | None) -> AfterCommit:
    value = value or {}
    zone = value.get("availability_zone")
    if version() >= (2, 77) and zone:
        if server.status != "SHELVED_OFFLOADED":
            raise BadRequest(why="A zone can be given for an offloaded server only.")
        zones = availability_zones.zones_by_host(session, tools().config.default_zone)
        availability_zones.require_zone(zone, set(zones.values()))
    if value.get("host"):
        enforce(RULE + "unshelve_to_host")
        server.requested_host = hosts.find(session, value["host"]).name
    return start(session, server, "unshelve", "server.unshelve", as_json(UnshelveServerData(zone)))
