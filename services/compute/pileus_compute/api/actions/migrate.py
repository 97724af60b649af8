"""Moving servers between hosts, which isn't supported yet (501).

What a request would be refused for anyway is checked first, so that clients see their own mistakes.
"""

from pileus_compute.api.requests.server_access import target_of
from pileus_compute.api.server_actions import READS, action
from pileus_compute.core import hosts
from pileus_compute.core.states import VM_STATES
from pileus_compute.db.models import Server
from pileus_compute.errors import BadState, HostNotFound
from pileus_kit.db import Session
from pileus_kit.errors import BadRequest, Unimplemented
from pileus_kit.json_types import Answer
from pileus_kit.web import enforce

MIGRATE = "os_compute_api:os-migrate-server:migrate"
LIVE_MIGRATE = "os_compute_api:os-migrate-server:migrate_live"
EVACUATE = "os_compute_api:os-evacuate"


class MigrationUnsupported(Unimplemented):
    text = "Moving servers between hosts is not supported yet."


def _refuse(session: Session, server: Server, value: object, name: str, statuses: tuple[str, ...]) -> Answer:
    """Raise what is wrong with the request, or that the action isn't supported."""
    if server.status not in statuses:
        raise BadState(event=name, server=server.id, attribute="vm_state", value=VM_STATES[server.status])
    host = _host(value)
    try:
        if host:
            hosts.find(session, host)
    except HostNotFound as err:
        raise BadRequest(why=str(err)) from None
    raise MigrationUnsupported()


def _host(value: object) -> str | None:
    return value.get("host") if isinstance(value, dict) else None


@action("migrate", policy=MIGRATE, options=READS)
def migrate(session: Session, server: Server, value: object) -> Answer:
    if _host(value):
        enforce(MIGRATE + ":host", target_of(server))
    return _refuse(session, server, value, "migrate", ("ACTIVE", "SHUTOFF"))


@action("os-migrateLive", policy=LIVE_MIGRATE, options=READS)
def migrate_live(session: Session, server: Server, value: object) -> Answer:
    if _host(value):
        enforce(LIVE_MIGRATE + ":host", target_of(server))
    return _refuse(session, server, value, "os-migrateLive", ("ACTIVE", "PAUSED"))


@action("evacuate", policy=EVACUATE, options=READS)
def evacuate(session: Session, server: Server, value: object) -> Answer:
    return _refuse(session, server, value, "evacuate", ("ACTIVE", "SHUTOFF", "ERROR"))
