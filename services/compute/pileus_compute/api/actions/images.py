"""Images of servers: the content of a local root disk, or snapshots of the volumes if it boots from one."""

from typing import Any

from sqlalchemy.orm import Session

from pileus_compute.api.requests import target_of
from pileus_compute.api.schemas import METADATA, NAME, TRUE, body, number, obj
from pileus_compute.api.server_actions import accepted, action
from pileus_compute.clients import image, volume
from pileus_compute.core import guests, quotas, server_jobs, states
from pileus_compute.db.models import Job, Server, ServerVolume
from pileus_compute.errors import QuotaExceeded
from pileus_kit.errors import BadRequest
from pileus_kit.numbers import parse_whole_number
from pileus_kit.peers import PeerRefused
from pileus_kit.web import caller, enforce, tools, version

IMAGE = {(2, 1): body("createImage", obj({"name": NAME, "metadata": METADATA}, ("name",)))}
BACKUP = {
    (2, 1): body(
        "createBackup",
        obj(
            {
                "name": NAME,
                "backup_type": {"type": "string", "minLength": 1, "maxLength": 255},
                "rotation": number(),
                "metadata": METADATA,
            },
            ("name", "backup_type", "rotation"),
        ),
    )
}
OF_VOLUMES = "os_compute_api:servers:create_image:allow_volume_backed"


@action("createImage", policy="servers:create_image", schemas=IMAGE)
def create_image(session: Session, server: Server, value: Any) -> Any:
    metadata = _checked(session, server, "createImage", value)
    if server.image_id is None:
        return _of_volumes(session, server, value["name"], metadata)
    image_id = new_image(server, value["name"], metadata)
    return _answer(
        image_id,
        server_jobs.start_job(
            session, server, "createImage", "server.snapshot", caller(), {"image_id": image_id, "format": "qcow2"}
        ),
    )


@action("createBackup", policy="os-create-backup", schemas=BACKUP)
def create_backup(session: Session, server: Server, value: Any) -> Any:
    """An image of its kind; of each kind only the newest `rotation` stay."""
    metadata = _checked(session, server, "createBackup", value)
    if server.image_id is None:
        raise BadRequest(why="It's not supported to backup volume backed instance.")
    kind = {"backup_type": value["backup_type"]}
    image_id = new_image(server, value["name"], metadata | kind, {"image_type": "backup"})
    return _answer(
        image_id,
        server_jobs.start_job(
            session,
            server,
            "createBackup",
            "server.backup",
            caller(),
            {"image_id": image_id, "format": "qcow2", "rotation": int(value["rotation"])} | kind,
        ),
    )


def _checked(session: Session, server: Server, name: str, value: Any) -> dict[str, str]:
    states.require(server, name, server_jobs.current_task_state(session, server))
    metadata: dict[str, str] = value.get("metadata") or {}
    quotas.check_metadata(session, server.project_id, metadata)
    return metadata


def _answer(image_id: str, job: Job) -> Any:
    if version() >= (2, 45):
        return accepted(job, {"image_id": image_id})
    return accepted(job, "", {"Location": image.public_url(tools().peers, image_id)})


def new_image(server: Server, name: str, metadata: dict[str, str], special: dict[str, Any] | None = None) -> str:
    """An image without content, made with the user's own rights; the flow fills it. `special` wins over the rest."""
    source = server.image
    facts = {k: str(v) for k, v in source.items() if k.startswith(("hw_", "os_"))}
    wish = {
        "name": name,
        "disk_format": "qcow2",
        "container_format": "bare",
        "visibility": "private",
        "min_disk": server.flavor["disk_gib"],
        "min_ram": _number(source, "min_ram"),
    }
    about = {
        "image_type": "snapshot",
        "instance_uuid": server.id,
        "base_image_ref": server.image_id or "",
        "user_id": caller().user_id,
        "owner_project_name": caller().project_name or "",
    }
    try:
        view = facts | about | metadata | wish | (special or {})
        return image.create_image(tools().peers, view, caller())
    except PeerRefused as err:
        if err.status in (400, 403, 413):
            raise BadRequest(why=str(err)) from None
        raise


def _number(facts: dict[str, Any], name: str) -> int:
    """What a volume remembers of its image may be text."""
    return parse_whole_number(str(facts.get(name) or 0)) or 0


# -- of a server that boots from a volume --------------------------------------------------------------------------


def _of_volumes(session: Session, server: Server, name: str, metadata: dict[str, str]) -> Any:
    enforce(OF_VOLUMES, target_of(server))
    if server.status == "ACTIVE" and server.image.get("os_require_quiesce") in TRUE:
        raise BadRequest(
            why=f"Quiescing is not supported in instance {server.id}: the hosts of this cloud can't "
            "freeze a guest's file systems. Stop the server first."
        )
    disks = [_disk(row) for row in guests.load(session, server.id)[2] if row.attachment_id]
    _check_snapshots(server, len(disks))
    root = next((disk["device_name"] for disk in disks if disk["boot_index"] == 0), None)
    image_id = new_image(
        server,
        name,
        metadata,
        {
            "disk_format": "raw",  # what no bytes at all are: the image service looks
            "min_disk": _number(server.image, "min_disk"),
            "root_device_name": server.root_device or root or "/dev/vda",
            "bdm_v2": "True",
            "block_device_mapping": "[]",
        },
    )
    return _answer(
        image_id,
        server_jobs.start_job(
            session,
            server,
            "createImage",
            "server.snapshot_volumes",
            caller(),
            {"image_id": image_id, "image_name": name, "project_id": server.project_id, "disks": disks},
        ),
    )


def _disk(row: ServerVolume) -> dict[str, Any]:
    return {
        "volume_id": row.volume_id,
        "device_name": row.device,
        "boot_index": row.boot_index,
        "delete_on_termination": row.delete_on_termination,
    }


def _check_snapshots(server: Server, count: int) -> None:
    """Say at once what the volume service would refuse halfway. It counts again."""
    own = caller() if caller().project_id == server.project_id else None
    limits = volume.snapshot_limits(tools().peers, server.project_id, own)
    most, used = limits.maximum, limits.used
    if 0 <= most < used + count:
        raise QuotaExceeded(
            why=quotas.exceeded(["snapshots"], {"snapshots": count}, {"snapshots": used}, {"snapshots": most})
        )
