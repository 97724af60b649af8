"""What a guest writes to its serial console, and the way to its screen."""

import hashlib
import secrets
from datetime import timedelta
from typing import Any

from sqlalchemy import delete as delete_rows
from sqlalchemy.orm import Session

from pileus_compute.api.requests import find_server, server_target
from pileus_compute.api.schemas import body, number, obj
from pileus_compute.api.server_actions import action
from pileus_compute.core import server_jobs, states
from pileus_compute.db.models import ConsoleToken, Server
from pileus_compute.errors import ConsoleTypeUnavailable, ConsoleUnavailable
from pileus_kit.db import now
from pileus_kit.errors import Conflict, NotFound
from pileus_kit.rpc import Refused
from pileus_kit.web import Resource, tools, version

resource = Resource("remote_consoles", __name__)
RULE = "os_compute_api:os-remote-consoles"

TOKEN_SECONDS = 600
OUTPUT = {(2, 1): body("os-getConsoleOutput", obj({"length": {"anyOf": [number(-1), {"type": "null"}]}}))}
KINDS = {"novnc": "vnc", "xvpvnc": "vnc", "serial": "serial"}
PROTOCOLS = {
    "vnc": ("novnc", "xvpvnc"),
    "serial": ("serial",),
    "spice": ("spice-html5", "spice-direct"),
    "rdp": ("rdp-html5",),
    "mks": ("webmks",),
}


@action("os-getConsoleOutput", policy="os-console-output", schemas=OUTPUT, locks=False, writes=False)
def output(session: Session, server: Server, value: Any) -> Any:
    states.require(server, "get_console_output", None)
    if server.host is None:
        raise ConsoleUnavailable(server=server.id)
    length = None if value.get("length") is None else int(value["length"])
    host, server_id = server.host, server.id

    def answer() -> Any:  # outside the transaction: it asks the host
        try:
            text = tools().agent(host).console_log(server_id, None if length is None or length < 0 else length)
        except Refused as err:
            raise ConsoleUnavailable(server=server_id) from err
        return {"output": text}

    return answer


def _open(server: Server, kind: str, type_: str) -> dict[str, str]:
    """A short-lived URL of the console proxy."""
    base = tools().config.console_url
    if not base or type_ not in KINDS:
        raise ConsoleTypeUnavailable(type=type_)
    if server.status not in ("ACTIVE", "PAUSED", "RESCUE", "VERIFY_RESIZE") or server.host is None:
        raise Conflict(why=f"Instance {server.id} is not running.")
    try:
        endpoint = tools().agent(server.host).console(server.id, kind)
    except Refused as err:
        raise Conflict(why=str(err)) from None
    token = secrets.token_urlsafe(32)
    with tools().sessions.begin() as session:
        session.execute(delete_rows(ConsoleToken).where(ConsoleToken.expires_at < now()))
        session.add(
            ConsoleToken(
                digest=digest(token),
                server_id=server.id,
                type=type_,
                host=endpoint.host,
                port=endpoint.port,
                path=endpoint.password or None,
                expires_at=now() + timedelta(seconds=TOKEN_SECONDS),
            )
        )
    page = "vnc_lite.html" if kind == "vnc" else ""
    return {
        "type": type_,
        "url": f"{base.rstrip('/')}/{page}?path=%3Ftoken%3D{token}"
        if page
        else f"{base.rstrip('/').replace('http', 'ws', 1)}/?token={token}",
    }


def digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()


def _old(kind: str, types: tuple[str, ...], name: str) -> None:
    """The actions that `remote-consoles` replaced in 2.6."""
    schema = body(name, obj({"type": {"type": "string", "enum": list(types)}}, ("type",)))

    @action(name, policy="os-remote-consoles", schemas={(2, 1): schema}, until=(2, 5), locks=False, writes=False)
    def get(session: Session, server: Server, value: Any) -> Any:
        return lambda: {"console": _open(server, kind, value["type"])}


_old("vnc", ("novnc", "xvpvnc"), "os-getVNCConsole")
_old("serial", ("serial",), "os-getSerialConsole")
_old("spice", ("spice-html5",), "os-getSPICEConsole")
_old("rdp", ("rdp-html5",), "os-getRDPConsole")

CREATE = {
    (2, 6): body(
        "remote_console",
        obj(
            {
                "protocol": {"type": "string", "enum": list(PROTOCOLS)},
                "type": {"type": "string", "enum": [t for types in PROTOCOLS.values() for t in types]},
            },
            ("protocol", "type"),
        ),
    )
}


@resource.endpoint(
    "POST", "/v2.1/servers/<server_id>/remote-consoles", policy=RULE, body=CREATE, target=server_target, since=(2, 6)
)
def create(server_id: str, body: dict[str, Any]) -> Any:
    wish = body["remote_console"]
    if wish["type"] not in PROTOCOLS[wish["protocol"]]:
        raise ConsoleTypeUnavailable(type=wish["type"])
    with tools().sessions.read() as session:
        server = find_server(session, server_id)
    return {"remote_console": _open(server, wish["protocol"], wish["type"]) | {"protocol": wish["protocol"]}}


@resource.endpoint("GET", "/v2.1/os-console-auth-tokens/<token>", policy="os_compute_api:os-console-auth-tokens")
def exchange(token: str) -> Any:
    """For the console proxy: where a token leads."""
    with tools().sessions.read() as session:
        known = session.get(ConsoleToken, digest(token))
        if known is None or known.expires_at < now():
            raise NotFound(why="Token not found")
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


@resource.endpoint(
    "GET", "/v2.1/servers/<server_id>/diagnostics", policy="os_compute_api:os-server-diagnostics", target=server_target
)
def diagnostics(server_id: str) -> Any:
    with tools().sessions.read() as session:
        server = find_server(session, server_id)
        busy = server_jobs.current_task_state(session, server)
    if busy or server.status not in ("ACTIVE", "PAUSED", "RESCUE") or server.host is None:
        raise Conflict(why=f"Instance {server_id} is not running.")
    try:
        seen = tools().agent(server.host).diagnostics(server_id)
    except Refused as err:
        raise Conflict(why=str(err)) from None
    if version() < (2, 48):
        return {f"cpu{i}_time": ns for i, ns in enumerate(seen.cpu_time_ns)} | {"memory": seen.memory_mib * 1024}
    return {
        "state": seen.power.value,
        "driver": seen.driver,
        "hypervisor": seen.hypervisor,
        "hypervisor_os": "linux",
        "uptime": seen.uptime_s,
        "config_drive": seen.config_drive,
        "num_cpus": len(seen.cpu_time_ns),
        "num_nics": len(seen.nics),
        "num_disks": len(seen.disks),
        "cpu_details": [{"id": i, "time": ns, "utilisation": None} for i, ns in enumerate(seen.cpu_time_ns)],
        "memory_details": {"maximum": seen.memory_mib, "used": seen.memory_used_mib},
        "disk_details": list(seen.disks),
        "nic_details": list(seen.nics),
    }
