"""Start, stop, reboot, pause, suspend and their opposites, and the crash dump."""

from pileus_compute.api.schemas.types import body, obj
from pileus_compute.api.server_actions import READS, AfterCommit, action, start
from pileus_compute.api.tools import tools
from pileus_compute.core import server_jobs, states
from pileus_compute.db.models import Server
from pileus_kit.db import Session
from pileus_kit.errors import Conflict
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.rpc import Refused

TYPES = ["HARD", "Hard", "hard", "SOFT", "Soft", "soft"]
REBOOT = {(2, 1): body("reboot", obj({"type": {"type": "string", "enum": TYPES}}, ("type",)))}
CRASH_DUMP = {(2, 17): body("trigger_crash_dump", {"type": "null"})}


@action("os-start", policy="os_compute_api:servers:start")
def os_start(session: Session, server: Server, value: object) -> AfterCommit:
    return start(session, server, "start", "server.start")


@action("os-stop", policy="os_compute_api:servers:stop")
def os_stop(session: Session, server: Server, value: object) -> AfterCommit:
    return start(session, server, "stop", "server.stop")


@action("reboot", policy="os_compute_api:servers:reboot", schemas=REBOOT)
def reboot(session: Session, server: Server, value: JsonObject) -> AfterCommit:
    if value["type"].upper() == "HARD":
        return start(session, server, "reboot hard", "server.reboot_hard")
    return start(session, server, "reboot", "server.reboot")


@action("pause", policy="os_compute_api:os-pause-server:pause")
def pause(session: Session, server: Server, value: object) -> AfterCommit:
    return start(session, server, "pause", "server.pause")


@action("unpause", policy="os_compute_api:os-pause-server:unpause")
def unpause(session: Session, server: Server, value: object) -> AfterCommit:
    return start(session, server, "unpause", "server.unpause")


@action("suspend", policy="os_compute_api:os-suspend-server:suspend")
def suspend(session: Session, server: Server, value: object) -> AfterCommit:
    return start(session, server, "suspend", "server.suspend")


@action("resume", policy="os_compute_api:os-suspend-server:resume")
def resume(session: Session, server: Server, value: object) -> AfterCommit:
    return start(session, server, "resume", "server.resume")


@action(
    "trigger_crash_dump",
    policy="os_compute_api:servers:trigger_crash_dump",
    schemas=CRASH_DUMP,
    since=(2, 17),
    options=READS,
)
def trigger_crash_dump(session: Session, server: Server, value: object) -> AfterCommit:
    """Send the guest a non-maskable interrupt: a guest that is set up for it dumps its memory then."""
    states.require(server, "trigger_crash_dump", server_jobs.current_task_state(session, server))
    host, server_id = str(server.host), server.id

    def answer() -> Answer:
        try:
            tools().agent(host).inject_nmi(server_id)
        except Refused as err:
            raise Conflict(why=str(err)) from None
        return "", 202

    return answer
