"""Machines that keep objects: what the object store's own commands do for them, and how they are.

The rings are changed on the controller; storage hosts tell each other what changed.
"""

import os
import sys
import tempfile
from dataclasses import dataclass

from pileus_deploy import privileges, users
from pileus_deploy.bootstrap import Cloud
from pileus_deploy.host_records import HostRecord
from pileus_deploy.plan import STORAGE_PORT, Plan
from pileus_deploy.progress import wait_for
from pileus_kit.json_types import JsonObject

DEVICES = ("d1", "d2", "d3", "d4")
"""Directories below STATE/objectstore; an operator mounts disks there, or lets them be directories."""
ENTER_S = 120.0


class NotMoved(RuntimeError):
    """The object store refuses a change of its machines; the message says why."""


@dataclass(frozen=True)
class ObjectHost:
    """What the rings and the machine itself say of one. `silence` tells why it doesn't answer."""

    held: int
    weight: float
    silence: str = ""

    @property
    def is_drained(self) -> bool:
        return not self.weight


def address(plan: Plan, record: HostRecord) -> str:
    """Return the name of a machine's storage server in the rings."""
    return f"{record.address}:{STORAGE_PORT + plan.offset}"


def keeps_objects(record: HostRecord | None) -> bool:
    return record is not None and "object" in record.roles


def manage(plan: Plan, *words: str) -> str:
    """Run one of the object store's commands as its user, and return what it prints. Raises NotMoved."""
    from pileus_objectstore.manage import main

    arguments = ["--config", str(plan.agent_config_file("objectstore")), *words]
    with tempfile.TemporaryFile("w+") as said:

        def work() -> None:
            for stream in (sys.stdout, sys.stderr):
                os.dup2(said.fileno(), stream.fileno())
            status = main(arguments)
            sys.stdout.flush()
            raise SystemExit(status)

        try:
            privileges.as_user(users.user_of("objectstore"), users.GROUP, work, [plan.state])
            failed = False
        except RuntimeError:
            failed = True
        said.seek(0)
        text = said.read().strip()
    if failed:
        raise NotMoved(text.rpartition("\n")[2] or f"{words[0]} failed")
    return text


def format_devices(plan: Plan) -> None:
    """Make this machine's devices, where an operator hasn't made others."""
    from pileus_objectstore.manage import main

    if not list((plan.state / "objectstore").glob("*/.device")):
        words = ["--config", str(plan.agent_config_file("objectstore")), "format", *DEVICES]
        privileges.as_user(users.user_of("objectstore"), users.GROUP, lambda: main(words), [plan.state])


def enter_rings(plan: Plan) -> str:
    """Have this machine's devices take replicas, as soon as its certificate is there. Returns what was done.

    Raises TimeoutError. A machine that was in the rings before needs no other one for this.
    """
    said: list[str] = []

    def entered() -> bool:
        try:
            said.append(manage(plan, "enter"))
        except NotMoved as err:
            said[:] = [str(err)]
            return False
        return True

    try:
        wait_for("the object store", ENTER_S, entered, every=0.5)
    except TimeoutError as err:
        raise TimeoutError(f"{err}: {said[-1]}") from None
    return said[-1].splitlines()[0] if said[-1] else "they are in the rings already"


def load(cloud: Cloud) -> dict[str, ObjectHost]:
    """Return the machines that keep objects, by their names in the rings: two requests."""
    asked: JsonObject = cloud.call("GET", "objectstore", "/operations/hosts")["hosts"]
    found: dict[str, ObjectHost] = {}
    for ring in cloud.call("GET", "objectstore", "/operations/rings")["rings"]:
        for device in ring["devices"]:
            known = found.get(device["host"], ObjectHost(0, 0.0))
            told = asked.get(device["host"], "it isn't in the rings")
            found[device["host"]] = ObjectHost(
                known.held + device["holds"], known.weight + device["weight"], told if isinstance(told, str) else ""
            )
    return found
