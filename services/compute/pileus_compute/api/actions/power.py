"""Start, stop, reboot, pause, suspend and their opposites; locks; the state an admin sets."""

from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from pileus_compute.api.schemas import body, obj
from pileus_compute.api.server_actions import accepted, action, start
from pileus_compute.core import servers
from pileus_compute.core.states import VM_STATES
from pileus_compute.db.models import Server
from pileus_compute.errors import BadState, Locked
from pileus_kit.web import allowed, caller

KINDS = ["HARD", "Hard", "hard", "SOFT", "Soft", "soft"]
REBOOT = {(2, 1): body("reboot", obj({"type": {"type": "string", "enum": KINDS}}, ("type",)))}
LOCK = {
    (2, 73): body(
        "lock",
        {
            "type": ["object", "null"],
            "additionalProperties": False,
            "properties": {"locked_reason": {"type": "string", "minLength": 1, "maxLength": 255}},
        },
    )
}
RESET = {(2, 1): body("os-resetState", obj({"state": {"type": "string", "enum": ["active", "error"]}}, ("state",)))}


@action("os-start", policy="servers:start")
def os_start(session: Session, server: Server, value: Any) -> Any:
    return start(session, server, "start", "server.start")


@action("os-stop", policy="servers:stop")
def os_stop(session: Session, server: Server, value: Any) -> Any:
    return start(session, server, "stop", "server.stop")


@action("reboot", policy="servers:reboot", schemas=REBOOT)
def reboot(session: Session, server: Server, value: Any) -> Any:
    if value["type"].upper() == "HARD":
        return start(session, server, "reboot hard", "server.reboot_hard")
    return start(session, server, "reboot", "server.reboot")


@action("pause", policy="os-pause-server:pause")
def pause(session: Session, server: Server, value: Any) -> Any:
    return start(session, server, "pause", "server.pause")


@action("unpause", policy="os-pause-server:unpause")
def unpause(session: Session, server: Server, value: Any) -> Any:
    return start(session, server, "unpause", "server.unpause")


@action("suspend", policy="os-suspend-server:suspend")
def suspend(session: Session, server: Server, value: Any) -> Any:
    return start(session, server, "suspend", "server.suspend")


@action("resume", policy="os-suspend-server:resume")
def resume(session: Session, server: Server, value: Any) -> Any:
    return start(session, server, "resume", "server.resume")


@action("lock", policy="os-lock-server:lock", schemas=LOCK, locks=False)
def lock(session: Session, server: Server, value: Any) -> Any:
    owner = caller().project_id == server.project_id and not caller().is_admin
    server.locked_by = "owner" if owner else "admin"
    server.locked_reason = (value or {}).get("locked_reason") if isinstance(value, dict) else None
    return "", 202


@action("unlock", policy="os-lock-server:unlock", locks=False)
def unlock(session: Session, server: Server, value: Any) -> Any:
    """What an admin locked, only an admin unlocks."""
    if server.locked_by == "admin" and not allowed("os_compute_api:os-lock-server:unlock:unlock_override"):
        raise Locked(server=server.id)
    server.locked_by = server.locked_reason = None
    return "", 202


@action("os-resetState", policy="os-admin-actions:reset_state", schemas=RESET)
def reset_state(session: Session, server: Server, value: Any) -> Any:
    """The status is a statement of an admin; running work is not touched."""
    status = {"active": "ACTIVE", "error": "ERROR"}[value["state"]]
    session.execute(update(Server).where(Server.id == server.id).values(status=status))
    return "", 202


@action("restore", policy="os-deferred-delete:restore")
def restore(session: Session, server: Server, value: Any) -> Any:
    """Only what is soft-deleted can come back, and here what is deleted is gone."""
    raise BadState(event="restore", server=server.id, attribute="vm_state", value=VM_STATES[server.status])


@action("forceDelete", policy="os-deferred-delete:force")
def force_delete(session: Session, server: Server, value: Any) -> Any:
    return accepted(servers.request_delete(session, server, caller()))
