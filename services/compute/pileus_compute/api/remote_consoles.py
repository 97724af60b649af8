"""`/servers/ID/remote-consoles` and `/os-console-auth-tokens`: ways to a guest's screen through the console proxy."""

from pileus_compute.api.requests.server_access import find_server, server_target
from pileus_compute.api.schemas.types import body, obj
from pileus_compute.api.tools import tools
from pileus_compute.core import console_tokens
from pileus_compute.db.models import Server
from pileus_compute.errors import ConsoleTypeUnavailable
from pileus_kit.errors import Conflict, NotFound
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.rpc import Refused
from pileus_kit.web import Resource, version

resource = Resource("remote_consoles", __name__)

OFFERED = ("novnc", "xvpvnc", "serial")
TYPES = {
    "vnc": ("novnc", "xvpvnc"),
    "serial": ("serial",),
    "spice": ("spice-html5", "spice-direct"),
    "rdp": ("rdp-html5",),
    "mks": ("webmks",),
}
"""The types of consoles of each protocol."""
CREATE = {
    (2, 6): body(
        "remote_console",
        obj(
            {
                "protocol": {"type": "string", "enum": list(TYPES)},
                "type": {"type": "string", "enum": [t for types in TYPES.values() for t in types]},
            },
            ("protocol", "type"),
        ),
    )
}


def open_console(server: Server, protocol: str, type_: str) -> JsonObject:
    """Return the type and a short-lived URL of the console proxy."""
    base = tools().config.console_url
    if not base or type_ not in OFFERED:
        raise ConsoleTypeUnavailable(type=type_)
    if server.status not in ("ACTIVE", "PAUSED", "RESCUE", "VERIFY_RESIZE") or server.host is None:
        raise Conflict(why=f"Instance {server.id} is not running.")
    try:
        endpoint = tools().agent(server.host).console(server.id, protocol)
    except Refused as err:
        raise Conflict(why=str(err)) from None
    with tools().sessions.begin() as session:
        token = console_tokens.create_token(session, server.id, type_, endpoint)
    return {"type": type_, "url": _url(base.rstrip("/"), protocol, token)}


def _url(base: str, protocol: str, token: str) -> str:
    if protocol == "vnc":
        return f"{base}/vnc_lite.html?path=%3Ftoken%3D{token}"
    return f"{base.replace('http', 'ws', 1)}/?token={token}"


@resource.endpoint(
    "POST",
    "/v2.1/servers/<server_id>/remote-consoles",
    policy="os_compute_api:os-remote-consoles",
    body=CREATE,
    target=server_target,
    since=(2, 6),
)
def create(server_id: str, body: JsonObject) -> Answer:
    protocol, type_ = body["remote_console"]["protocol"], body["remote_console"]["type"]
    if type_ not in TYPES[protocol]:
        raise ConsoleTypeUnavailable(type=type_)
    with tools().sessions.read() as session:
        server = find_server(session, server_id)
    return {"remote_console": open_console(server, protocol, type_) | {"protocol": protocol}}


@resource.endpoint("GET", "/v2.1/os-console-auth-tokens/<token>", policy="os_compute_api:os-console-auth-tokens")
def show_token(token: str) -> Answer:
    """Answer the console proxy, which asks where a token leads."""
    with tools().sessions.read() as session:
        known = console_tokens.find_token(session, token)
    if version() < (2, 31) and known.type != "rdp-html5":
        raise NotFound(why="Token not found")
    return {
        "console": {
            "instance_uuid": known.server_id,
            "host": known.host,
            "port": known.port,
            "internal_access_path": known.path,
        }
    }
