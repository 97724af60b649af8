"""What can be done to a volume beside changing it."""

from collections.abc import Mapping
from typing import Any

from pileus_kit.errors import Forbidden
from pileus_kit.peers import PeerRefused
from pileus_kit.web import allowed, caller, enforce, tools, version
from pileus_volume.api import listings
from pileus_volume.api.actions import BODY, Actions
from pileus_volume.api.image_facts import image_facts
from pileus_volume.api.project_paths import Resource
from pileus_volume.api.schemas import BOOLEAN, NAME, SIZE, UUID
from pileus_volume.core import snapshots, types, volumes
from pileus_volume.core.states import ANY
from pileus_volume.errors import InvalidImage, NotOffered

resource = Resource("volume_actions", __name__, url_prefix="/v3/volumes")
actions = Actions()
action = actions.action

EXTEND = {"type": "object", "properties": {"new_size": SIZE}, "required": ["new_size"], "additionalProperties": False}
RESET = {
    "type": "object",
    "minProperties": 1,
    "additionalProperties": False,
    "properties": {
        "status": {"type": ["string", "null"], "enum": [*ANY, None]},
        "attach_status": {"type": ["string", "null"], "enum": ["detached", "attached", "attaching", None]},
        "migration_status": {
            "type": ["string", "null"],
            "enum": ["migrating", "error", "success", "completing", "none", "starting", None],
        },
    },
}
BOOTABLE = {
    "type": "object",
    "properties": {"bootable": BOOLEAN},
    "required": ["bootable"],
    "additionalProperties": False,
}
READONLY = {
    "type": "object",
    "properties": {"readonly": BOOLEAN},
    "required": ["readonly"],
    "additionalProperties": False,
}
RETYPE = {
    "type": "object",
    "required": ["new_type"],
    "additionalProperties": False,
    "properties": {
        "new_type": NAME,
        "migration_policy": {"type": ["string", "null"], "enum": ["never", "on-demand", None]},
    },
}
REVERT = {
    "type": "object",
    "properties": {"snapshot_id": UUID},
    "required": ["snapshot_id"],
    "additionalProperties": False,
}
REIMAGE = {
    "type": "object",
    "properties": {"image_id": UUID, "reimage_reserved": BOOLEAN},
    "required": ["image_id"],
    "additionalProperties": False,
}
UPLOAD = {
    "type": "object",
    "required": ["image_name"],
    "additionalProperties": False,
    "properties": {
        "image_name": NAME,
        "force": BOOLEAN,
        "disk_format": {"type": "string", "enum": ["raw", "vmdk", "vdi", "qcow2", "vhd", "vhdx", "ploop"]},
        "container_format": {"type": "string", "minLength": 1, "maxLength": 255},
        "visibility": {"type": "string", "enum": ["community", "public", "private", "shared"]},
        "protected": BOOLEAN,
    },
}


@resource.endpoint("POST", "/<volume_id>/action", policy="volume:get", body=BODY)
def act(volume_id: str, body: dict[str, Any]) -> Any:
    return actions.run(volume_id, body)


@action("os-extend", "volume:extend", EXTEND)
def extend(volume_id: str, asked: dict[str, Any]) -> Any:
    attached = version() >= (3, 42) and allowed("volume:extend_attached_volume")
    with tools().sessions.begin() as session:
        job = volumes.extend(
            session, caller(), volumes.find(session, volume_id, caller()), int(asked["new_size"]), attached
        )
    tools().ring(job.id)
    return "", 202


@action("os-reset_status", "volume_extension:volume_admin_actions:reset_status", RESET)
def reset(volume_id: str, asked: dict[str, Any]) -> Any:
    with tools().sessions.begin() as session:
        volume = volumes.find(session, volume_id, caller())
        volumes.reset(session, volume, asked.get("status"), asked.get("attach_status"))
    return "", 202


@action("os-unmanage", "volume_extension:volume_unmanage")
def unmanage(volume_id: str, _: Any) -> Any:
    with tools().sessions.read() as session:
        volumes.find(session, volume_id, caller())
    raise NotOffered(what="Leaving a volume to its storage")


@action("os-force_delete", "volume_extension:volume_admin_actions:force_delete")
def force_delete(volume_id: str, _: Any) -> Any:
    with tools().sessions.begin() as session:
        job = volumes.remove(session, caller(), volumes.find(session, volume_id, caller()), force=True)
    if job:
        tools().ring(job.id)
    return "", 202


@action("os-set_bootable", "volume:update", BOOTABLE)
def set_bootable(volume_id: str, asked: dict[str, Any]) -> Any:
    return _change(volume_id, {"bootable": listings.truth(asked["bootable"], "bootable")}, 200)


@action("os-update_readonly_flag", "volume:update_readonly_flag", READONLY)
def set_readonly(volume_id: str, asked: dict[str, Any]) -> Any:
    return _change(volume_id, {"readonly": listings.truth(asked["readonly"], "readonly")}, 202)


def _change(volume_id: str, values: Mapping[str, Any], status: int) -> Any:
    with tools().sessions.begin() as session:
        volumes.change(volumes.find(session, volume_id, caller()), values)
    return "", status


@action("os-retype", "volume:retype", RETYPE)
def retype(volume_id: str, asked: dict[str, Any]) -> Any:
    with tools().sessions.begin() as session:
        volume = volumes.find(session, volume_id, caller())
        volumes.retype(session, volume, types.choose(session, caller(), asked["new_type"]))
    return "", 202


@action("revert", "volume:revert_to_snapshot", REVERT, since=(3, 40))
def revert(volume_id: str, asked: dict[str, Any]) -> Any:
    with tools().sessions.begin() as session:
        snapshot = snapshots.find(session, asked["snapshot_id"], caller())
        job = volumes.revert(session, caller(), volumes.find(session, volume_id, caller()), snapshot)
    tools().ring(job.id)
    return "", 202


@action("os-reimage", "volume:reimage", REIMAGE, since=(3, 68))
def reimage(volume_id: str, asked: dict[str, Any]) -> Any:
    reserved = listings.truth(asked.get("reimage_reserved", False), "reimage_reserved")
    if reserved:
        enforce("volume:reimage_reserved")
    image = image_facts(asked["image_id"])
    with tools().sessions.begin() as session:
        job = volumes.reimage(session, caller(), volumes.find(session, volume_id, caller()), image, reserved)
    tools().ring(job.id)
    return "", 202


@action("os-volume_upload_image", "volume_extension:volume_actions:upload_image", UPLOAD)
def upload(volume_id: str, asked: dict[str, Any]) -> Any:
    """The image is made at once, as the caller; its content follows."""
    force = listings.truth(asked.get("force", False), "force")
    visibility = asked.get("visibility", "private")
    if visibility == "public" and not allowed("volume_extension:volume_actions:upload_public"):
        raise Forbidden(rule="volume_extension:volume_actions:upload_public")
    with tools().sessions.read() as session:
        volume = volumes.find(session, volume_id, caller())
        volumes.uploadable(volume, force)
    image = _make_image(volume, asked, visibility)
    with tools().sessions.begin() as session:
        volume = volumes.find(session, volume_id, caller())
        job = volumes.upload(session, caller(), volume, {"id": image["id"], "disk_format": image["disk_format"]}, force)
        view = {
            "id": volume.id,
            "updated_at": listings.stamp(volume.updated_at),
            "status": "uploading",
            "display_description": volume.description,
            "size": volume.size,
            "image_id": image["id"],
            "container_format": image["container_format"],
            "disk_format": image["disk_format"],
            "image_name": image["name"],
            "volume_type": {"id": volume.type.id, "name": volume.type.name},
        }
        if version() >= (3, 1):
            view |= {"visibility": visibility, "protected": image.get("protected", False)}
    tools().ring(job.id)
    return {"os-volume_upload_image": view}, 202


def _make_image(volume: Any, asked: dict[str, Any], visibility: str) -> dict[str, Any]:
    known = {
        k: str(v)
        for k, v in (volume.image_meta or {}).items()
        if k
        not in ("image_id", "image_name", "checksum", "size", "disk_format", "container_format", "min_disk", "min_ram")
    }
    wish = known | {
        "name": asked["image_name"],
        "disk_format": asked.get("disk_format", "raw"),
        "container_format": asked.get("container_format", "bare"),
        "visibility": visibility,
        "protected": listings.truth(asked.get("protected", False), "protected"),
        "min_disk": volume.size,
        "min_ram": int((volume.image_meta or {}).get("min_ram", 0)),
    }
    try:
        image: dict[str, Any] = tools().peers.call("image", "POST", "/v2/images", caller=caller(), json=wish)
    except PeerRefused as err:
        raise InvalidImage(image=asked["image_name"], why=str(err)) from err
    return image
