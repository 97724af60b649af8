"""Actions on volumes: extend, upload to an image, revert, reimage, retype, flags, and what administrators force."""

from collections.abc import Mapping

from pileus_kit.errors import Forbidden
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import allowed, caller, enforce, version
from pileus_volume.api import actions as action_tables
from pileus_volume.api.actions import BODY, NO_ARGUMENTS
from pileus_volume.api.listing import stamp
from pileus_volume.api.project_paths import Resource
from pileus_volume.api.schemas import BOOLEAN, NAME, SIZE, UUID, only
from pileus_volume.api.tools import notify_workers, tools
from pileus_volume.clients.image import NewImage, create_image, get_image
from pileus_volume.core import managed_volumes, retypes, snapshots, types, volume_actions, volumes
from pileus_volume.core.filters import parse_boolean
from pileus_volume.core.states import STATUSES
from pileus_volume.db.models import Volume

resource = Resource("volume_actions", __name__, url_prefix="/v3/volumes")
actions = action_tables.new_table()

ADMIN_ACTIONS = "volume_extension:volume_admin_actions"
VOLUME_ACTIONS = "volume_extension:volume_actions"
RESET = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": False,
    "properties": {
        "status": {"type": ["string", "null"], "enum": [*STATUSES, None]},
        "attach_status": {"type": ["string", "null"], "enum": ["detached", "attached", "attaching", None]},
        "migration_status": {
            "type": ["string", "null"],
            "enum": ["migrating", "error", "success", "completing", "none", "starting", None],
        },
    },
}
RETYPE = only(
    ("new_type",),
    new_type=NAME,
    migration_policy={"type": ["string", "null"], "enum": ["never", "on-demand", None]},
)
UPLOAD = only(
    ("image_name",),
    image_name=NAME,
    force=BOOLEAN,
    disk_format={"type": "string", "enum": ["raw", "vmdk", "vdi", "qcow2", "vhd", "vhdx", "ploop"]},
    container_format={"type": "string", "minLength": 1, "maxLength": 255},
    visibility={"type": "string", "enum": ["community", "public", "private", "shared"]},
    protected=BOOLEAN,
)
NOT_UPLOADED = frozenset(
    {"image_id", "image_name", "checksum", "size", "disk_format", "container_format", "min_disk", "min_ram"}
)
"""Image metadata of a volume that an image made from it doesn't get."""


@resource.endpoint("POST", "/<volume_id>/action", policy="volume:get", body=BODY, actions=actions)
def act(volume_id: str, body: JsonObject) -> Answer:
    return action_tables.run(actions, volume_id, body)


@actions.action("os-extend", policy="volume:extend", schema=only(("new_size",), new_size=SIZE))
def extend(volume_id: str, asked: JsonObject) -> Answer:
    attached = version() >= (3, 42) and allowed("volume:extend_attached_volume")
    with tools().sessions.begin() as session:
        volume = volumes.find(session, volume_id, caller())
        job = volume_actions.extend(session, caller(), volume, int(asked["new_size"]), attached)
    notify_workers(job)
    return "", 202


@actions.action("os-reset_status", policy=f"{ADMIN_ACTIONS}:reset_status", schema=RESET)
def reset_status(volume_id: str, asked: JsonObject) -> Answer:
    with tools().sessions.begin() as session:
        volume = volumes.find(session, volume_id, caller())
        status, attach_status = asked.get("status"), asked.get("attach_status")
        volumes.reset_status(session, volume, status, attach_status, asked.get("migration_status"))
    return "", 202


@actions.action("os-unmanage", policy="volume_extension:volume_unmanage", schema=NO_ARGUMENTS)
def unmanage(volume_id: str, _: object) -> Answer:
    with tools().sessions.begin() as session:
        managed_volumes.unmanage(session, volumes.find(session, volume_id, caller()))
    return "", 202


@actions.action("os-force_delete", policy=f"{ADMIN_ACTIONS}:force_delete", schema=NO_ARGUMENTS)
def force_delete(volume_id: str, _: object) -> Answer:
    with tools().sessions.begin() as session:
        job = volumes.delete(session, caller(), volumes.find(session, volume_id, caller()), force=True)
    notify_workers(job)
    return "", 202


@actions.action("os-set_bootable", policy="volume:update", schema=only(("bootable",), bootable=BOOLEAN))
def set_bootable(volume_id: str, asked: JsonObject) -> Answer:
    return _update(volume_id, {"bootable": parse_boolean(asked["bootable"], "bootable")}, 200)


@actions.action(
    "os-update_readonly_flag", policy="volume:update_readonly_flag", schema=only(("readonly",), readonly=BOOLEAN)
)
def update_readonly_flag(volume_id: str, asked: JsonObject) -> Answer:
    return _update(volume_id, {"readonly": parse_boolean(asked["readonly"], "readonly")}, 202)


def _update(volume_id: str, values: Mapping[str, object], status: int) -> Answer:
    with tools().sessions.begin() as session:
        volumes.update(volumes.find(session, volume_id, caller()), values)
    return "", status


@actions.action("os-retype", policy="volume:retype", schema=RETYPE)
def retype(volume_id: str, asked: JsonObject) -> Answer:
    with tools().sessions.begin() as session:
        volume = volumes.find(session, volume_id, caller())
        kind = types.choose(session, caller(), asked["new_type"])
        may_move = asked.get("migration_policy") == "on-demand"
        job = retypes.retype(session, caller(), volume, kind, may_move=may_move)
    notify_workers(job)
    return "", 202


@actions.action(
    "revert", policy="volume:revert_to_snapshot", schema=only(("snapshot_id",), snapshot_id=UUID), since=(3, 40)
)
def revert(volume_id: str, asked: JsonObject) -> Answer:
    with tools().sessions.begin() as session:
        snapshot = snapshots.find(session, asked["snapshot_id"], caller())
        job = volume_actions.revert(session, caller(), volumes.find(session, volume_id, caller()), snapshot)
    notify_workers(job)
    return "", 202


@actions.action(
    "os-reimage",
    policy="volume:reimage",
    schema=only(("image_id",), image_id=UUID, reimage_reserved=BOOLEAN),
    since=(3, 68),
)
def reimage(volume_id: str, asked: JsonObject) -> Answer:
    reserved = parse_boolean(asked.get("reimage_reserved", False), "reimage_reserved")
    if reserved:
        enforce("volume:reimage_reserved")
    image = get_image(tools().peers, asked["image_id"], caller())
    with tools().sessions.begin() as session:
        volume = volumes.find(session, volume_id, caller())
        job = volume_actions.reimage(session, caller(), volume, image, reserved)
    notify_workers(job)
    return "", 202


@actions.action("os-volume_upload_image", policy=f"{VOLUME_ACTIONS}:upload_image", schema=UPLOAD)
def upload_image(volume_id: str, asked: JsonObject) -> Answer:
    """The image is created at once, with the caller's token; a job sends the content."""
    force = parse_boolean(asked.get("force", False), "force")
    visibility = asked.get("visibility", "private")
    if visibility == "public" and not allowed(f"{VOLUME_ACTIONS}:upload_public"):
        raise Forbidden(rule=f"{VOLUME_ACTIONS}:upload_public")
    with tools().sessions.read() as session:
        volume = volumes.find(session, volume_id, caller())
        volume_actions.check_uploadable(volume, force)
    image = create_image(tools().peers, caller(), _image_properties(volume, asked, visibility))
    with tools().sessions.begin() as session:
        volume = volumes.find(session, volume_id, caller())
        job = volume_actions.upload(
            session, caller(), volume, image_id=image.id, disk_format=image.disk_format, force=force
        )
        view = _upload_view(volume, image, visibility)
    notify_workers(job)
    return {"os-volume_upload_image": view}, 202


def _image_properties(volume: Volume, asked: JsonObject, visibility: str) -> JsonObject:
    metadata = volume.image_meta or {}
    kept = {name: str(value) for name, value in metadata.items() if name not in NOT_UPLOADED}
    return kept | {
        "name": asked["image_name"],
        "disk_format": asked.get("disk_format", "raw"),
        "container_format": asked.get("container_format", "bare"),
        "visibility": visibility,
        "protected": parse_boolean(asked.get("protected", False), "protected"),
        "min_disk": volume.size,
        "min_ram": int(str(metadata.get("min_ram", 0))),
    }


def _upload_view(volume: Volume, image: NewImage, visibility: str) -> JsonObject:
    view: JsonObject = {
        "id": volume.id,
        "updated_at": stamp(volume.updated_at),
        "status": "uploading",
        "display_description": volume.description,
        "size": volume.size,
        "image_id": image.id,
        "container_format": image.container_format,
        "disk_format": image.disk_format,
        "image_name": image.name,
        "volume_type": {"id": volume.type.id, "name": volume.type.name},
    }
    if version() >= (3, 1):
        view |= {"visibility": visibility, "protected": image.protected}
    return view
