"""Services (os-services): storage hosts as administrators list, enable, disable, freeze and thaw them."""

from flask import request

from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import version
from pileus_volume.api.listing import stamp
from pileus_volume.api.project_paths import Resource
from pileus_volume.api.schemas import NAME, only
from pileus_volume.api.tools import tools
from pileus_volume.core import hosts
from pileus_volume.core.pools import machine_of
from pileus_volume.db.models import StorageHost
from pileus_volume.errors import Invalid, ServiceNotFound

resource = Resource("services", __name__, url_prefix="/v3/os-services")

BINARY = "cinder-volume"  # the binary that OpenStack's clients ask for
WORD: JsonObject = {"type": "string", "maxLength": 255}
CHANGE = {(3, 0): only(("host",), host=NAME, binary=WORD, service=WORD)}
DISABLE_WITH_REASON = {
    (3, 0): only(("host", "disabled_reason"), host=NAME, binary=WORD, service=WORD, disabled_reason=NAME)
}


def full_name(host: StorageHost) -> str:
    """The host's name as Cinder shows it: name@backend."""
    return host.pool.partition("#")[0]


def view(host: StorageHost) -> JsonObject:
    """The host as a service."""
    state = "up" if hosts.is_up(host) else "down"
    shown: JsonObject = {
        "binary": BINARY,
        "host": full_name(host),
        "zone": host.availability_zone,
        "state": state,
        "status": "disabled" if host.disabled else "enabled",
        "updated_at": stamp(host.seen_at),
        "disabled_reason": host.disabled_reason,
        "frozen": host.frozen,
        "replication_status": "disabled",
        "active_backend_id": None,
    }
    if version() >= (3, 7):
        shown["cluster"] = None
    if version() >= (3, 49):
        shown["backend_state"] = state
    return shown


@resource.endpoint("GET", "", policy="volume_extension:services:index")
def index() -> Answer:
    name, binary = request.args.get("host"), request.args.get("binary", request.args.get("service", BINARY))
    if binary != BINARY:
        return {"services": []}
    with tools().sessions.read() as session:
        found = hosts.list_hosts(session)
    return {"services": [view(host) for host in found if name in (None, machine_of(host.name), full_name(host))]}


def _set_state(body: JsonObject, **values: object) -> JsonObject:
    if body.get("binary", BINARY) not in (BINARY, ""):
        raise ServiceNotFound(binary=body["binary"], host=body["host"])
    with tools().sessions.begin() as session:
        if not hosts.set_state(session, body["host"], values):
            raise ServiceNotFound(binary=BINARY, host=body["host"])
    return {"host": body["host"], "service": BINARY, "binary": BINARY}


@resource.endpoint("PUT", "/enable", policy="volume_extension:services:update", body=CHANGE)
def enable(body: JsonObject) -> Answer:
    return _set_state(body, disabled=False, disabled_reason=None) | {"disabled": False, "status": "enabled"}


@resource.endpoint("PUT", "/disable", policy="volume_extension:services:update", body=CHANGE)
def disable(body: JsonObject) -> Answer:
    return _set_state(body, disabled=True) | {"disabled": True, "status": "disabled"}


@resource.endpoint("PUT", "/disable-log-reason", policy="volume_extension:services:update", body=DISABLE_WITH_REASON)
def disable_with_reason(body: JsonObject) -> Answer:
    reason = body["disabled_reason"]
    return _set_state(body, disabled=True, disabled_reason=reason) | {
        "disabled": True,
        "status": "disabled",
        "disabled_reason": reason,
    }


@resource.endpoint("PUT", "/freeze", policy="volume:freeze_host", body=CHANGE)
def freeze(body: JsonObject) -> Answer:
    return _set_frozen(body, True)


@resource.endpoint("PUT", "/thaw", policy="volume:thaw_host", body=CHANGE)
def thaw(body: JsonObject) -> Answer:
    return _set_frozen(body, False)


def _set_frozen(body: JsonObject, frozen: bool) -> Answer:
    try:
        _set_state(body, frozen=frozen)
    except ServiceNotFound as err:  # Cinder answers 400 to these two, and 404 to the others
        raise Invalid(why=str(err)) from None
    return "", 202
