"""The states of a server: how events change its status, which actions a status allows, and what users are shown.

`status` in the database is one of STABLE. OpenStack's vm_state follows from it; its task_state and the transitional
statuses (REBOOT, RESIZE …) follow from the flow and step of the live job.
"""

from sqlalchemy import case, update
from sqlalchemy.orm import Session

from pileus_compute.db.models import DeletedServer, Server
from pileus_compute.errors import BadState

VM_STATES = {
    "BUILD": "building",
    "ACTIVE": "active",
    "SHUTOFF": "stopped",
    "PAUSED": "paused",
    "SUSPENDED": "suspended",
    "RESCUE": "rescued",
    "VERIFY_RESIZE": "resized",
    "ERROR": "error",
    "SHELVED": "shelved",
    "SHELVED_OFFLOADED": "shelved_offloaded",
}
STABLE = tuple(VM_STATES)
GONE = "deleted"  # vm_state of a server that was deleted
NOSTATE, RUNNING, PAUSED, SHUTDOWN, CRASHED, SUSPENDED = 0, 1, 3, 4, 6, 7
POWER_STATES = {"running": RUNNING, "paused": PAUSED, "stopped": SHUTDOWN, "crashed": CRASHED, "suspended": SUSPENDED}


def _all_to(after: str) -> dict[str, str]:
    return dict.fromkeys(STABLE, after)


MOVES: dict[str, dict[str, str]] = {  # event: {from: to}
    "booted": {
        "BUILD": "ACTIVE",
        "ACTIVE": "ACTIVE",
        "SHUTOFF": "ACTIVE",
        "ERROR": "ACTIVE",
        "PAUSED": "ACTIVE",
        "SUSPENDED": "ACTIVE",
        "RESCUE": "ACTIVE",
    },
    "stopped": {"ACTIVE": "SHUTOFF", "SHUTOFF": "SHUTOFF", "ERROR": "SHUTOFF", "RESCUE": "SHUTOFF"},
    "paused": {"ACTIVE": "PAUSED", "RESCUE": "PAUSED", "PAUSED": "PAUSED"},
    "unpaused": {"PAUSED": "ACTIVE", "ACTIVE": "ACTIVE"},
    "suspended": {"ACTIVE": "SUSPENDED", "RESCUE": "SUSPENDED", "SUSPENDED": "SUSPENDED"},
    "resumed": {"SUSPENDED": "ACTIVE", "ACTIVE": "ACTIVE"},
    "rebuilt": dict.fromkeys(("ACTIVE", "SHUTOFF", "ERROR", "PAUSED", "SUSPENDED", "RESCUE"), "ACTIVE"),
    "evacuated": dict.fromkeys(("ACTIVE", "SHUTOFF", "ERROR"), "ACTIVE"),
    "rescued": dict.fromkeys(("ACTIVE", "SHUTOFF", "ERROR", "RESCUE"), "RESCUE"),
    "unrescued": {"RESCUE": "ACTIVE", "ACTIVE": "ACTIVE"},
    "resized": {"ACTIVE": "VERIFY_RESIZE", "SHUTOFF": "VERIFY_RESIZE"},
    "confirmed": {"VERIFY_RESIZE": "ACTIVE"},
    "confirmed off": {"VERIFY_RESIZE": "SHUTOFF"},
    "reverted": {"VERIFY_RESIZE": "ACTIVE"},
    "reverted off": {"VERIFY_RESIZE": "SHUTOFF"},
    "shelved": dict.fromkeys(("ACTIVE", "SHUTOFF", "PAUSED", "SUSPENDED"), "SHELVED"),
    "offloaded": dict.fromkeys(("SHELVED", "ACTIVE", "SHUTOFF", "PAUSED", "SUSPENDED"), "SHELVED_OFFLOADED"),
    "unshelved": {"SHELVED": "ACTIVE", "SHELVED_OFFLOADED": "ACTIVE"},
    "failed": _all_to("ERROR"),
    "reset active": _all_to("ACTIVE"),
    "reset error": _all_to("ERROR"),
}

ALLOWED: dict[str, tuple[str, ...]] = {  # action: statuses in which a user may ask for it
    "start": ("SHUTOFF",),
    "stop": ("ACTIVE", "ERROR", "RESCUE"),
    "reboot": ("ACTIVE",),
    "reboot hard": ("ACTIVE", "SHUTOFF", "PAUSED", "SUSPENDED", "ERROR"),
    "pause": ("ACTIVE", "RESCUE"),
    "unpause": ("PAUSED",),
    "suspend": ("ACTIVE", "RESCUE"),
    "resume": ("SUSPENDED",),
    "rebuild": ("ACTIVE", "SHUTOFF", "ERROR"),
    "rescue": ("ACTIVE", "SHUTOFF", "ERROR"),
    "unrescue": ("RESCUE",),
    "resize": ("ACTIVE", "SHUTOFF"),
    "migrate": ("ACTIVE", "SHUTOFF"),
    "evacuate": ("ACTIVE", "SHUTOFF", "ERROR"),
    "confirmResize": ("VERIFY_RESIZE",),
    "revertResize": ("VERIFY_RESIZE",),
    "createImage": ("ACTIVE", "SHUTOFF", "PAUSED", "SUSPENDED"),
    "createBackup": ("ACTIVE", "SHUTOFF", "PAUSED", "SUSPENDED"),
    "shelve": ("ACTIVE", "SHUTOFF", "PAUSED", "SUSPENDED"),
    "shelveOffload": ("SHELVED",),
    "unshelve": ("SHELVED", "SHELVED_OFFLOADED"),
    "changePassword": ("ACTIVE",),
    "attach_volume": ("ACTIVE", "SHUTOFF", "PAUSED", "SUSPENDED", "VERIFY_RESIZE", "SHELVED", "SHELVED_OFFLOADED"),
    "detach_volume": ("ACTIVE", "SHUTOFF", "PAUSED", "SUSPENDED", "VERIFY_RESIZE", "SHELVED", "SHELVED_OFFLOADED"),
    "attach_interface": ("ACTIVE", "SHUTOFF", "PAUSED"),
    "detach_interface": ("ACTIVE", "SHUTOFF", "PAUSED"),
    "get_console_output": ("ACTIVE", "SHUTOFF", "PAUSED", "SUSPENDED", "RESCUE", "ERROR", "VERIFY_RESIZE"),
    "trigger_crash_dump": ("ACTIVE", "PAUSED", "RESCUE"),
    "update_metadata": ("ACTIVE", "SHUTOFF", "PAUSED", "SUSPENDED"),
}

NOT_STARTED = "not started"  # in place of a step, for a job that no worker has begun

TASK_STATES: dict[str, dict[str, str | None]] = {  # flow: {step: task_state}; "" stands for every other step
    "server.create": {
        "": "spawning",
        NOT_STARTED: "scheduling",
        "select_host": "scheduling",
        "create_ports": "networking",
        "record_ports": "networking",
    },
    "server.create_with_volumes": {
        "": "block_device_mapping",
        NOT_STARTED: "scheduling",
        "select_host": "scheduling",
        "create_ports": "networking",
        "record_ports": "networking",
        "prepare": "spawning",
        "boot": "spawning",
        "complete_attachments": "spawning",
        "activate": "spawning",
    },
    "server.start": {"": "powering-on"},
    "server.stop": {"": "powering-off"},
    "server.reboot": {"": "rebooting"},
    "server.reboot_hard": {"": "rebooting_hard"},
    "server.pause": {"": "pausing"},
    "server.unpause": {"": "unpausing"},
    "server.suspend": {"": "suspending"},
    "server.resume": {"": "resuming"},
    "server.rebuild": {"": "rebuilding", "boot": "rebuild_spawning"},
    "server.rebuild_volume": {
        "": "rebuild_block_device_mapping",
        NOT_STARTED: "rebuilding",
        "power_off": "rebuilding",
        "keep_disks": "rebuilding",
        "change_server": "rebuilding",
        "prepare": "rebuild_spawning",
        "boot": "rebuild_spawning",
        "complete_attachment": "rebuild_spawning",
        "power_off_again": "rebuild_spawning",
        "finish": "rebuild_spawning",
    },
    "server.rescue": {"": "rescuing"},
    "server.unrescue": {"": "unrescuing"},
    "server.resize": {"": "resize_prep", "boot": "resize_finish"},
    "server.migrate": {
        "": "resize_finish",
        NOT_STARTED: "resize_prep",
        "check_source": "resize_prep",
        "select_host": "resize_prep",
        "power_off": "resize_migrating",
        "upload_disks": "resize_migrating",
        "change_host": "resize_migrated",
        "connect": "resize_migrated",
        "record_connections": "resize_migrated",
    },
    "server.evacuate": {"": "rebuilding", "boot": "rebuild_spawning"},
    "server.return": {"": "resize_reverting"},
    "server.confirm_resize": {"": None},
    "server.revert_resize": {"": "resize_reverting"},
    "server.revert_migrate": {"": "resize_reverting"},
    "server.snapshot": {"": "image_uploading", NOT_STARTED: "image_snapshot"},
    "server.snapshot_volumes": {"": "image_snapshot", "activate_image": "image_uploading"},
    "server.backup": {"": "image_backup"},
    "server.shelve": {"": "shelving", "upload": "shelving_image_uploading"},
    "server.offload": {"": "shelving_offloading"},
    "server.unshelve": {"": "spawning", NOT_STARTED: "unshelving", "select_host": "unshelving"},
    "server.change_password": {"": "updating_password"},
}

TRANSITIONAL: dict[str, str] = {  # flow: what the status shows while it runs
    "server.reboot": "REBOOT",
    "server.reboot_hard": "HARD_REBOOT",
    "server.rebuild": "REBUILD",
    "server.rebuild_volume": "REBUILD",
    "server.resize": "RESIZE",
    "server.revert_resize": "REVERT_RESIZE",
    "server.migrate": "RESIZE",
    "server.revert_migrate": "REVERT_RESIZE",
    "server.evacuate": "REBUILD",
    "server.change_password": "PASSWORD",
}


def task_state(server: Server | DeletedServer, flow: str | None, step: str | None) -> str | None:
    """Return OpenStack's task_state of a server whose live job, if it has one, is at `step` of `flow`."""
    if server.deleting:
        return "deleting"
    steps = TASK_STATES.get(flow or "")
    return steps.get(step or NOT_STARTED, steps[""]) if steps else None


def shown_status(server: Server | DeletedServer, flow: str | None) -> str:
    """Return the status that users see, while a job of `flow` runs or none does."""
    if server.status == "ERROR" and TRANSITIONAL.get(flow or "") != "REBUILD":
        return "ERROR"
    return TRANSITIONAL.get(flow or "", server.status)


def move(session: Session, server_id: str, event: str, **values: object) -> None:
    """Apply an event in one compare-and-set, and set the columns in `values`.

    Raises BadState, and changes nothing, if the server's status has no such event.
    """
    moves = MOVES[event]
    after = case(moves, value=Server.status)
    hit = session.execute(
        update(Server)
        .where(Server.id == server_id, Server.status.in_(moves))
        .values(status=after, **values)
        .execution_options(synchronize_session=False)
    )
    if not hit.rowcount:  # type: ignore[attr-defined]
        server = session.get(Server, server_id)
        raise BadState(
            server=server_id, event=event, attribute="vm_state", value=VM_STATES[server.status] if server else "deleted"
        )


def require(server: Server, action: str, busy: str | None) -> None:
    """Raise BadState, in OpenStack's words, unless the server's status allows the action and no job is live.

    `busy` is the task_state of the live job. A second word of the action, as in "reboot hard", isn't shown.
    """
    name = action.partition(" ")[0]
    if server.deleting or busy:
        task = "deleting" if server.deleting else busy
        raise BadState(event=name, server=server.id, attribute="task_state", value=task)
    if server.status not in ALLOWED[action]:
        raise BadState(event=name, server=server.id, attribute="vm_state", value=VM_STATES[server.status])
