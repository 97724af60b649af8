"""Resize and shelve: what moves a server or changes what it takes of a host."""

from typing import Any

from sqlalchemy.orm import Session

from pileus_compute.api.actions.images import new_image
from pileus_compute.api.schemas import DISK_CONFIG, NAME, body, obj
from pileus_compute.api.server_actions import accepted, action, start
from pileus_compute.core import flavors, hosts, quotas, server_jobs, states
from pileus_compute.db.models import Server
from pileus_compute.errors import FlavorNotFound, QuotaExceeded
from pileus_kit.errors import BadRequest
from pileus_kit.web import caller, enforce, tools, version

RESIZE = {
    (2, 1): body(
        "resize",
        obj(
            {"flavorRef": {"type": ["string", "integer"], "minLength": 1}, "OS-DCF:diskConfig": DISK_CONFIG},
            ("flavorRef",),
        ),
    )
}
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


@action("resize", policy="servers:resize", schemas=RESIZE)
def resize(session: Session, server: Server, value: Any) -> Any:
    try:
        flavor = flavors.find(
            session, str(value["flavorRef"]).rpartition("/")[2], caller().project_id, everything=caller().is_admin
        )
    except FlavorNotFound as err:
        raise BadRequest(why=f"Unable to locate requested flavor. {err}") from None
    if flavor.id == server.flavor_id:
        raise BadRequest(why="When resizing, instances must change flavor!")
    if server.image_id and flavor.disk_gib < server.flavor["disk_gib"]:
        raise BadRequest(
            why=f"Flavor's disk is smaller than the server's: {flavor.disk_gib} GiB instead of "
            f"{server.flavor['disk_gib']}. Disks do not shrink."
        )
    if flavor.memory_mib < (server.image.get("min_ram") or 0):
        raise BadRequest(why="Flavor's memory is too small for requested image.")
    _check_quota(session, server, flavor.vcpus - server.vcpus, flavor.memory_mib - server.memory_mib)
    if value.get("OS-DCF:diskConfig"):
        server.disk_config = value["OS-DCF:diskConfig"]
    running = server.power_state == states.RUNNING
    return start(session, server, "resize", "server.resize", {"flavor": flavors.copy_of(flavor), "running": running})


def _check_quota(session: Session, server: Server, cores: int, ram: int) -> None:
    limit = quotas.limits(session, server.project_id, server.user_id)
    used, wanted = quotas.usage(session, server.project_id), {"cores": max(0, cores), "ram": max(0, ram)}
    over = [r for r in wanted if wanted[r] and 0 <= limit[r] < used[r] + wanted[r]]
    if over:
        raise QuotaExceeded(why=quotas.exceeded(over, wanted, used, limit))


@action("confirmResize", policy="servers:confirm_resize")
def confirm_resize(session: Session, server: Server, value: Any) -> Any:
    job = server_jobs.start_job(session, server, "confirmResize", "server.confirm_resize", caller())
    return accepted(job, status=204)


@action("revertResize", policy="servers:revert_resize")
def revert_resize(session: Session, server: Server, value: Any) -> Any:
    return start(session, server, "revertResize", "server.revert_resize")


@action("shelve", policy="os-shelve:shelve")
def shelve(session: Session, server: Server, value: Any) -> Any:
    states.require(server, "shelve", server_jobs.current_task_state(session, server))
    image_id = new_image(server, f"{server.name}-shelved", {}) if server.image_id else None
    return start(session, server, "shelve", "server.shelve", {"image_id": image_id})


@action("shelveOffload", policy="os-shelve:shelve_offload")
def shelve_offload(session: Session, server: Server, value: Any) -> Any:
    return start(session, server, "shelveOffload", "server.offload")


@action("unshelve", policy="os-shelve:unshelve", schemas=UNSHELVE)
def unshelve(session: Session, server: Server, value: Any) -> Any:
    wish = value or {}
    if version() >= (2, 77) and wish.get("availability_zone"):
        if server.status != "SHELVED_OFFLOADED":
            raise BadRequest(why="A zone can be given for an offloaded server only.")
        _, zones = hosts.names_and_zones(session, tools().config.default_zone)
        if wish["availability_zone"] not in zones:
            raise BadRequest(why="The requested availability zone is not available")
    if wish.get("host"):
        enforce("os_compute_api:os-shelve:unshelve_to_host")
        server.requested_host = hosts.find(session, wish["host"]).name
    return start(session, server, "unshelve", "server.unshelve", {"zone": wish.get("availability_zone")})
