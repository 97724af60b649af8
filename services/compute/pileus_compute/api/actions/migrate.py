"""Moving servers between hosts that are up: `migrate` moves a server while it is off.

Live migration isn't supported yet (501). What a request would be refused for anyway is checked first, so that clients
see their own mistakes.
"""

from pileus_compute.api.requests.moves import new_disk_images, require_source
from pileus_compute.api.requests.server_access import target_of
from pileus_compute.api.schemas.types import HOSTNAME, Schema, obj
from pileus_compute.api.server_actions import READS, AfterCommit, accepted, action
from pileus_compute.api.tools import tools
from pileus_compute.core import hosts, migrations, server_jobs, states
from pileus_compute.core.job_data import MigrateServerData, as_json
from pileus_compute.core.states import VM_STATES
from pileus_compute.db.models import Server
from pileus_compute.errors import BadState, HostNotFound
from pileus_kit.db import Session
from pileus_kit.errors import BadRequest, Unimplemented
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import caller, enforce, version

MIGRATE = "os_compute_api:os-migrate-server:migrate"
LIVE_MIGRATE = "os_compute_api:os-migrate-server:migrate_live"
NAMES_HOSTS = (2, 56)
"""Since when a request may name the host."""
HOST_OR_NULL: Schema = {"anyOf": [HOSTNAME, {"type": "null"}]}
SCHEMA: dict[tuple[int, int], Schema] = {
    (2, 1): {"type": "object", "properties": {"migrate": {}}, "required": ["migrate"]},
    NAMES_HOSTS: {
        "type": "object",
        "properties": {"migrate": {"anyOf": [{"type": "null"}, obj({"host": HOST_OR_NULL})]}},
        "required": ["migrate"],
        "additionalProperties": False,
    },
}


class LiveMigrationUnsupported(Unimplemented):
    text = "Moving running servers between hosts is not supported yet."


@action("migrate", policy=MIGRATE, schemas=SCHEMA)
def migrate(session: Session, server: Server, value: JsonObject | None) -> AfterCommit:
    host = _host(value) if version() >= NAMES_HOSTS else None
    if host:
        enforce(MIGRATE + ":host", target_of(server))
    states.require(server, "migrate", server_jobs.current_task_state(session, server))
    _require_known(session, host)
    if host and host == server.host:
        raise BadRequest(why="Cannot migrate to the same host.")
    return start_move(session, server, "migrate", server.flavor, migrations.MIGRATION, host)


def start_move(
    session: Session, server: Server, name: str, flavor: JsonObject, kind: str, host: str | None = None
) -> AfterCommit:
    """Enqueue the move of the server to another host, or to this one, for the action `name`. The answer is 202."""
    require_source(session, server)
    data = MigrateServerData(
        name,
        flavor,
        running=server.power_state == states.RUNNING,
        source=str(server.host),
        requested_host=host,
        images=new_disk_images(server),
    )
    job = server_jobs.start_job(session, server, name, "server.migrate", caller(), as_json(data))
    migrations.begin(session, job, server, kind, tools().config.history_days)
    return accepted(job)


def _host(value: object) -> str | None:
    return value.get("host") if isinstance(value, dict) else None


def _require_known(session: Session, host: str | None) -> None:
    """Raise BadRequest if there is no such host."""
    try:
        if host:
            hosts.find(session, host)
    except HostNotFound as err:
        raise BadRequest(why=str(err)) from None


@action("os-migrateLive", policy=LIVE_MIGRATE, options=READS)
def migrate_live(session: Session, server: Server, value: object) -> Answer:
    host = _host(value)
    if host:
        enforce(LIVE_MIGRATE + ":host", target_of(server))
    if server.status not in ("ACTIVE", "PAUSED"):
        raise BadState(event="os-migrateLive", server=server.id, attribute="vm_state", value=VM_STATES[server.status])
    _require_known(session, host)
    raise LiveMigrationUnsupported()
