"""`forceDelete` and `restore`, which belong to OpenStack's deferred deletion: here a deletion is never deferred."""

from pileus_compute.api.server_actions import AfterCommit, accepted, action
from pileus_compute.core import servers
from pileus_compute.core.states import VM_STATES
from pileus_compute.db.models import Server
from pileus_compute.errors import BadState
from pileus_kit.db import Session
from pileus_kit.json_types import Answer
from pileus_kit.web import caller


@action("forceDelete", policy="os_compute_api:os-deferred-delete:force")
def force_delete(session: Session, server: Server, value: object) -> AfterCommit:
    return accepted(servers.request_delete(session, server, caller()))


@action("restore", policy="os_compute_api:os-deferred-delete:restore")
def restore(session: Session, server: Server, value: object) -> Answer:
    """Refuse: only a soft-deleted server can be restored, and no server is."""
    raise BadState(event="restore", server=server.id, attribute="vm_state", value=VM_STATES[server.status])
