"""Lock and unlock. Changes of a locked server are refused, unless the caller may unlock the servers of every user."""

from pileus_compute.api.requests.server_access import UNLOCK_OVERRIDE
from pileus_compute.api.schemas.types import body
from pileus_compute.api.server_actions import ActionOptions, action
from pileus_compute.db.models import Server
from pileus_compute.errors import Locked
from pileus_kit.db import Session
from pileus_kit.json_types import Answer
from pileus_kit.web import allowed, caller

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
FOR_LOCKED = ActionOptions(for_locked=True)


@action("lock", policy="os_compute_api:os-lock-server:lock", schemas=LOCK, options=FOR_LOCKED)
def lock(session: Session, server: Server, value: object) -> Answer:
    by_owner = caller().project_id == server.project_id and not caller().is_admin
    server.locked_by = "owner" if by_owner else "admin"
    server.locked_reason = value.get("locked_reason") if isinstance(value, dict) else None
    return "", 202


@action("unlock", policy="os_compute_api:os-lock-server:unlock", options=FOR_LOCKED)
def unlock(session: Session, server: Server, value: object) -> Answer:
    """Unlock the server. Only an administrator unlocks what an administrator has locked."""
    if server.locked_by == "admin" and not allowed(UNLOCK_OVERRIDE):
        raise Locked(server=server.id)
    server.locked_by = server.locked_reason = None
    return "", 202
