"""Images of servers: the data of a local root disk, or snapshots of the volumes if the server boots from one."""

from pileus_compute.api.requests.server_access import target_of
from pileus_compute.api.schemas.types import METADATA, NAME, TRUE, body, number, obj
from pileus_compute.api.server_actions import AfterCommit, accepted, action
from pileus_compute.api.tools import tools
from pileus_compute.clients import image as image_client
from pileus_compute.clients import volume as volume_client
from pileus_compute.core import quotas, server_jobs, server_volumes, states
from pileus_compute.core.job_data import SnapshotDisk, SnapshotServerData, SnapshotVolumesData, as_json
from pileus_compute.db.models import Job, Server
from pileus_compute.errors import QuotaExceeded
from pileus_kit.db import Session
from pileus_kit.errors import BadRequest
from pileus_kit.json_types import JsonObject
from pileus_kit.numbers import parse_whole_number
from pileus_kit.peers import PeerRefused
from pileus_kit.web import caller, enforce, version

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
RULE = "os_compute_api:servers:create_image"
Metadata = dict[str, str]


@action("createImage", policy=RULE, schemas=IMAGE)
def create_image(session: Session, server: Server, value: JsonObject) -> AfterCommit:
    metadata = _check(session, server, "createImage", value)
    if server.image_id is None:
        return _create_image_of_volumes(session, server, value["name"], metadata)
    image_id = new_image(server, value["name"], metadata)
    data = as_json(SnapshotServerData(image_id))
    job = server_jobs.start_job(session, server, "createImage", "server.snapshot", caller(), data)
    return _answer(image_id, job)


@action("createBackup", policy="os_compute_api:os-create-backup", schemas=BACKUP)
def create_backup(session: Session, server: Server, value: JsonObject) -> AfterCommit:
    """Make an image of a backup type; of each type only the newest `rotation` images stay."""
    metadata = _check(session, server, "createBackup", value)
    if server.image_id is None:
        raise BadRequest(why="It's not supported to backup volume backed instance.")
    backup_type = value["backup_type"]
    image_id = new_image(server, value["name"], metadata | {"backup_type": backup_type}, {"image_type": "backup"})
    data = as_json(SnapshotServerData(image_id, backup_type=backup_type, rotation=int(value["rotation"])))
    job = server_jobs.start_job(session, server, "createBackup", "server.backup", caller(), data)
    return _answer(image_id, job)


def _check(session: Session, server: Server, name: str, value: JsonObject) -> Metadata:
    """Return the image's metadata, if the image may be made now. Raises BadState or QuotaExceeded."""
    states.require(server, name, server_jobs.current_task_state(session, server))
    metadata: Metadata = value.get("metadata") or {}
    quotas.check_metadata(session, server.project_id, metadata)
    return metadata


def _answer(image_id: str, job: Job) -> AfterCommit:
    if version() >= (2, 45):
        return accepted(job, {"image_id": image_id})
    return accepted(job, "", {"Location": image_client.public_url(tools().peers, image_id)})


def new_image(server: Server, name: str, metadata: Metadata, special: JsonObject | None = None) -> str:
    """Make an image without data, with the user's own rights, and return its id. A flow uploads the data.

    `special` overrides everything else.
    """
    source = server.image
    properties = {k: str(v) for k, v in source.items() if k.startswith(("hw_", "os_"))}
    about = {
        "image_type": "snapshot",
        "instance_uuid": server.id,
        "base_image_ref": server.image_id or "",
        "user_id": caller().user_id,
        "owner_project_name": caller().project_name or "",
    }
    attributes = {
        "name": name,
        "disk_format": "qcow2",
        "container_format": "bare",
        "visibility": "private",
        "min_disk": server.flavor["disk_gib"],
        "min_ram": _number(source, "min_ram"),
    }
    view = properties | about | metadata | attributes | (special or {})
    try:
        return image_client.create_image(tools().peers, view, caller())
    except PeerRefused as err:
        if err.status in (400, 403, 413):
            raise BadRequest(why=str(err)) from None
        raise


def _number(facts: JsonObject, name: str) -> int:
    """Return a number of what a server remembers of its image: from a volume it may be any text."""
    return parse_whole_number(str(facts.get(name) or 0)) or 0


# -- of a server that boots from a volume --------------------------------------------------------------------------


def _create_image_of_volumes(session: Session, server: Server, name: str, metadata: Metadata) -> AfterCommit:
    enforce(RULE + ":allow_volume_backed", target_of(server))
    if server.status == "ACTIVE" and server.image.get("os_require_quiesce") in TRUE:
        raise BadRequest(
            why=f"Quiescing is not supported in instance {server.id}: the hosts of this cloud can't "
            "freeze a guest's file systems. Stop the server first."
        )
    disks = [
        SnapshotDisk(str(row.volume_id), row.device, row.boot_index, row.delete_on_termination)
        for row in server_volumes.list_volumes(session, server.id)
        if row.attachment_id
    ]
    _check_snapshot_quota(server, len(disks))
    root = next((disk.device_name for disk in disks if disk.boot_index == 0), None)
    special = {
        "disk_format": "raw",  # the image service checks the format, and no bytes at all are raw
        "min_disk": _number(server.image, "min_disk"),
        "root_device_name": server.root_device or root or "/dev/vda",
        "bdm_v2": "True",
        "block_device_mapping": "[]",
    }
    image_id = new_image(server, name, metadata, special)
    data = as_json(SnapshotVolumesData(image_id, name, server.project_id, tuple(disks)))
    job = server_jobs.start_job(session, server, "createImage", "server.snapshot_volumes", caller(), data)
    return _answer(image_id, job)


def _check_snapshot_quota(server: Server, count: int) -> None:
    """Raise QuotaExceeded now for what the volume service, which counts again, would refuse halfway."""
    own = caller() if caller().project_id == server.project_id else None
    limits = volume_client.snapshot_limits(tools().peers, server.project_id, own)
    if 0 <= limits.maximum < limits.used + count:
        name = "snapshots"
        raise QuotaExceeded(why=quotas.exceeded([name], {name: count}, {name: limits.used}, {name: limits.maximum}))
