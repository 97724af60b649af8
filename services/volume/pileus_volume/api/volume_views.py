"""Views of a volume, for lists, `show`, `create` and `update`."""

from flask import g, request

from pileus_kit.json_types import JsonObject
from pileus_kit.web import allowed, caller, version
from pileus_volume.api.listing import stamp
from pileus_volume.api.project_paths import base_url
from pileus_volume.db.models import Attachment, Volume

HOST_RULE = "volume_extension:volume_host_attribute"
MIGRATION_RULE = "volume_extension:volume_mig_status_attribute"


def links(volume: Volume) -> list[dict[str, str]]:
    """Links to the volume."""
    return [
        {"rel": "self", "href": f"{base_url()}/volumes/{volume.id}"},
        {"rel": "bookmark", "href": f"{request.url_root}{caller().project_id}/volumes/{volume.id}"},
    ]


def summary(volume: Volume) -> JsonObject:
    """The volume as the short list shows it."""
    return {"id": volume.id, "name": volume.name, "links": links(volume)}


def detail(volume: Volume) -> JsonObject:
    """All of the volume, with its owner, its image metadata and, for administrators, its storage host."""
    view = changed(volume) | {"os-vol-tenant-attr:tenant_id": volume.project_id}
    if volume.image_meta:
        view["volume_image_metadata"] = {k: str(v) for k, v in volume.image_meta.items()}
    return view | _for_administrators(volume)


def changed(volume: Volume) -> JsonObject:
    """The volume as `create` and `update` show it. Only views and schemas know microversions."""
    asked = version()
    view: JsonObject = {
        "id": volume.id,
        "status": volume.status,
        "size": volume.size,
        "availability_zone": volume.availability_zone,
        "created_at": stamp(volume.created_at),
        "updated_at": stamp(volume.updated_at),
        "name": volume.name,
        "description": volume.description,
        "volume_type": volume.type.name,
        "snapshot_id": volume.snapshot_id,
        "source_volid": volume.source_volid,
        "metadata": _metadata(volume),
        "links": links(volume),
        "user_id": volume.user_id,
        "bootable": str(volume.bootable).lower(),
        "encrypted": False,
        "replication_status": None,
        "consistencygroup_id": None,
        "multiattach": volume.multiattach,
        "attachments": [_attachment(found) for found in volume.attachments if found.attach_status == "attached"],
        "migration_status": volume.migration_status,
    }
    if asked >= (3, 13):
        view["group_id"] = volume.group_id
    if asked >= (3, 48):
        view["shared_targets"] = None if asked >= (3, 69) else False
        view["service_uuid"] = None
    if asked >= (3, 63):
        view["volume_type_id"] = volume.type_id
    if asked >= (3, 65):
        view["consumes_quota"] = True
    if caller().is_admin and asked >= (3, 21):
        view["provider_id"] = None
    if caller().is_admin and asked >= (3, 61):
        view["cluster_name"] = None
    return view


def _allowed(rule: str) -> bool:
    """Whether the caller may, checked once a request and not once a volume."""
    known: dict[str, bool] = g.setdefault("allowed", {})
    if rule not in known:
        known[rule] = allowed(rule)
    return known[rule]


def _for_administrators(volume: Volume) -> JsonObject:
    view: JsonObject = {}
    if _allowed(HOST_RULE):
        view["os-vol-host-attr:host"] = volume.host
    if _allowed(MIGRATION_RULE):
        view |= {"os-vol-mig-status-attr:migstat": volume.migration_status, "os-vol-mig-status-attr:name_id": None}
    return view


def _metadata(volume: Volume) -> dict[str, str]:
    return volume.meta if volume.readonly is None else volume.meta | {"readonly": str(volume.readonly)}


def _attachment(attachment: Attachment) -> JsonObject:
    return {
        "id": attachment.volume_id,
        "attachment_id": attachment.id,
        "volume_id": attachment.volume_id,
        "server_id": attachment.instance_id,
        "device": attachment.mountpoint,
        "host_name": attachment.attached_host if caller().is_admin else None,
        "attached_at": stamp(attachment.attached_at),
    }
