"""Resize, and its confirmation or reversal."""

from pileus_compute.api.actions.migrate import start_move
from pileus_compute.api.schemas.types import DISK_CONFIG, body, obj
from pileus_compute.api.server_actions import AfterCommit, accepted, action, start
from pileus_compute.api.tools import tools
from pileus_compute.core import flavors, migrations, moves, quotas, scheduler, server_jobs, states
from pileus_compute.core.job_data import ResizeServerData, RevertMigrateData, as_json
from pileus_compute.db.models import Flavor, Server
from pileus_compute.errors import FlavorNotFound
from pileus_compute.steps import placement
from pileus_kit.db import Session
from pileus_kit.errors import BadRequest
from pileus_kit.json_types import JsonObject
from pileus_kit.web import caller

RULE = "os_compute_api:servers:"
RESIZE = {
    (2, 1): body(
        "resize",
        obj(
            {"flavorRef": {"type": ["string", "integer"], "minLength": 1}, "OS-DCF:diskConfig": DISK_CONFIG},
            ("flavorRef",),
        ),
    )
}


@action("resize", policy=RULE + "resize", schemas=RESIZE)
def resize(session: Session, server: Server, value: JsonObject) -> AfterCommit:
    flavor = _find_flavor(session, str(value["flavorRef"]).rpartition("/")[2])
    _check_flavor(server, flavor)
    quotas.check_resize(session, server, flavor.vcpus - server.vcpus, flavor.memory_mib - server.memory_mib)
    if value.get("OS-DCF:diskConfig"):
        server.disk_config = value["OS-DCF:diskConfig"]
    states.require(server, "resize", server_jobs.current_task_state(session, server))
    new = flavors.copy_of(flavor)
    if _must_leave(session, server, new):
        return start_move(session, server, "resize", new, migrations.RESIZE)
    data = ResizeServerData(new, running=server.power_state == states.RUNNING)
    job = server_jobs.start_job(session, server, "resize", "server.resize", caller(), as_json(data))
    migrations.begin(session, job, server, migrations.RESIZE, tools().config.history_days)
    return accepted(job)


def _must_leave(session: Session, server: Server, flavor: JsonObject) -> bool:
    """Whether the server gets this flavor only on another host: its own is preferred, as its disks are there."""
    claim = placement.claim_of(server, flavor)
    spec = scheduler.load_request_spec(session, server, claim, tools().config, host=server.host)
    spec = scheduler.for_flavor(spec, server, flavor)
    return not scheduler.has_host(session, spec) and scheduler.has_host(session, spec.elsewhere(str(server.host)))


def _find_flavor(session: Session, flavor_id: str) -> Flavor:
    try:
        return flavors.find(session, flavor_id, caller().project_id, see_all=caller().is_admin)
    except FlavorNotFound as err:
        raise BadRequest(why=f"Unable to locate requested flavor. {err}") from None


def _check_flavor(server: Server, flavor: Flavor) -> None:
    """Raise BadRequest if the server can't be resized to this flavor."""
    if flavor.id == server.flavor_id:
        raise BadRequest(why="When resizing, instances must change flavor!")
    if server.image_id and flavor.disk_gib < server.flavor["disk_gib"]:
        raise BadRequest(
            why=f"Flavor's disk is smaller than the server's: {flavor.disk_gib} GiB instead of "
            f"{server.flavor['disk_gib']}. Disks do not shrink."
        )
    if flavor.memory_mib < (server.image.get("min_ram") or 0):
        raise BadRequest(why="Flavor's memory is too small for requested image.")


@action("confirmResize", policy=RULE + "confirm_resize")
def confirm_resize(session: Session, server: Server, value: object) -> AfterCommit:
    job = server_jobs.start_job(session, server, "confirmResize", "server.confirm_resize", caller())
    return accepted(job, status=204)


@action("revertResize", policy=RULE + "revert_resize")
def revert_resize(session: Session, server: Server, value: object) -> AfterCommit:
    source = moves.source_of(session, server)
    if source is None:
        return start(session, server, "revertResize", "server.revert_resize")
    ran = bool((server.saved_state or {}).get("running"))
    data = RevertMigrateData(source, str(server.host), running=ran)
    return start(session, server, "revertResize", "server.revert_migrate", as_json(data))
