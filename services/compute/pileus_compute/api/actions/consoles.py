"""What a guest wrote to its serial console, and the ways to its screen before `remote-consoles` (until 2.5)."""

from pileus_compute.api.remote_consoles import open_console
from pileus_compute.api.schemas.types import Schema, body, number, obj
from pileus_compute.api.server_actions import READS_LOCKED, AfterCommit, action
from pileus_compute.api.tools import tools
from pileus_compute.core import states
from pileus_compute.db.models import Server
from pileus_compute.errors import ConsoleUnavailable
from pileus_kit.db import Session
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.microversions import Version
from pileus_kit.rpc import Refused

RULE = "os_compute_api:os-remote-consoles"
LAST = (2, 5)
OUTPUT = {(2, 1): body("os-getConsoleOutput", obj({"length": {"anyOf": [number(-1), {"type": "null"}]}}))}


@action("os-getConsoleOutput", policy="os_compute_api:os-console-output", schemas=OUTPUT, options=READS_LOCKED)
def get_console_output(session: Session, server: Server, value: JsonObject) -> AfterCommit:
    states.require(server, "get_console_output", None)
    if server.host is None:
        raise ConsoleUnavailable(server=server.id)
    given = value.get("length")
    lines = None if given is None or int(given) < 0 else int(given)
    host, server_id = server.host, server.id

    def answer() -> Answer:
        try:
            return {"output": tools().agent(host).console_log(server_id, lines)}
        except Refused as err:
            raise ConsoleUnavailable(server=server_id) from err

    return answer


def _schema(name: str, *types: str) -> dict[Version, Schema]:
    return {(2, 1): body(name, obj({"type": {"type": "string", "enum": list(types)}}, ("type",)))}


VNC = _schema("os-getVNCConsole", "novnc", "xvpvnc")
SERIAL = _schema("os-getSerialConsole", "serial")
SPICE = _schema("os-getSPICEConsole", "spice-html5")
RDP = _schema("os-getRDPConsole", "rdp-html5")


def _open(server: Server, protocol: str, value: JsonObject) -> AfterCommit:
    return lambda: {"console": open_console(server, protocol, value["type"])}


@action("os-getVNCConsole", policy=RULE, schemas=VNC, until=LAST, options=READS_LOCKED)
def get_vnc_console(session: Session, server: Server, value: JsonObject) -> AfterCommit:
    return _open(server, "vnc", value)


@action("os-getSerialConsole", policy=RULE, schemas=SERIAL, until=LAST, options=READS_LOCKED)
def get_serial_console(session: Session, server: Server, value: JsonObject) -> AfterCommit:
    return _open(server, "serial", value)


@action("os-getSPICEConsole", policy=RULE, schemas=SPICE, until=LAST, options=READS_LOCKED)
def get_spice_console(session: Session, server: Server, value: JsonObject) -> AfterCommit:
    return _open(server, "spice", value)


@action("os-getRDPConsole", policy=RULE, schemas=RDP, until=LAST, options=READS_LOCKED)
def get_rdp_console(session: Session, server: Server, value: JsonObject) -> AfterCommit:
    return _open(server, "rdp", value)
