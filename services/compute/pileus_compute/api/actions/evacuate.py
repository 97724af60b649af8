"""Evacuate: a server whose host is down is built again on another one."""

from pileus_compute.api.requests.moves import is_up
from pileus_compute.api.requests.server_requests import new_password
from pileus_compute.api.schemas.types import BOOLEAN, HOSTNAME, PASSWORD, body, is_true, obj
from pileus_compute.api.server_actions import ActionOptions, AfterCommit, accepted, action
from pileus_compute.api.tools import tools
from pileus_compute.core import hosts, migrations, server_jobs
from pileus_compute.core.job_data import EvacuateServerData, as_json
from pileus_compute.db.models import Server
from pileus_compute.errors import SourceIsUp
from pileus_kit.db import Session
from pileus_kit.errors import BadRequest
from pileus_kit.json_types import JsonObject
from pileus_kit.web import caller, version

EVACUATE = "os_compute_api:os-evacuate"
FINDS_STORAGE, VALIDATES_HOST, STAYS_OFF = (2, 14), (2, 29), (2, 95)
"""Since when callers don't say whether disks are shared, a named host is checked by the scheduler, and an evacuated
server is off."""
FIELDS = {"host": HOSTNAME, "adminPass": PASSWORD}
SCHEMA = {
    (2, 1): body("evacuate", obj(FIELDS | {"onSharedStorage": BOOLEAN}, ("onSharedStorage",))),
    FINDS_STORAGE: body("evacuate", obj(FIELDS)),
    VALIDATES_HOST: body("evacuate", obj(FIELDS | {"force": BOOLEAN})),
    (2, 68): body("evacuate", obj(FIELDS)),
}


@action("evacuate", policy=EVACUATE, schemas=SCHEMA, options=ActionOptions(for_locked=True))
def evacuate(session: Session, server: Server, value: JsonObject) -> AfterCommit:
    host, force = value.get("host"), is_true(value.get("force", False))
    if force and not host:
        raise BadRequest(why="Can't force to a non-provided destination")
    _check_storage(server, value)
    if host:
        hosts.find(session, host)
    if host and host == server.host:
        raise BadRequest(why="The target host can't be the same one.")
    if server.host and is_up(session, server.host):
        raise SourceIsUp(host=server.host)
    data = EvacuateServerData(
        source=str(server.host),
        running=version() < STAYS_OFF and server.status != "SHUTOFF",
        requested_host=host,
        forced=host is not None and (force or version() < VALIDATES_HOST),
    )
    job = server_jobs.start_job(session, server, "evacuate", "server.evacuate", caller(), as_json(data))
    migrations.begin(session, job, server, migrations.EVACUATION, tools().config.history_days)
    password = value.get("adminPass") or new_password()
    server.admin_password = password if server.config_drive else None
    return accepted(job, {"adminPass": password} if version() < FINDS_STORAGE else "", status=200)


def _check_storage(server: Server, value: JsonObject) -> None:
    """Raise BadRequest if the caller says that another host can reach the server's local disk: none can."""
    if is_true(value.get("onSharedStorage", False)):
        if value.get("adminPass"):
            raise BadRequest(why="admin password can't be changed on existing disk")
        if server.image_id:
            raise BadRequest(why="Hosts of this cloud share no storage: its disk is made again from its image.")
