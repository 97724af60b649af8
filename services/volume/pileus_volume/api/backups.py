"""Backups: create, list, show, update, restore, delete; records of them for another cloud."""

from contextlib import suppress

from flask import request

from pileus_kit.errors import PeerDown
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import allowed, caller, version
from pileus_volume.api import actions as action_tables
from pileus_volume.api.actions import BODY, NO_ARGUMENTS
from pileus_volume.api.listing import Listing, stamp
from pileus_volume.api.project_paths import Resource, base_url
from pileus_volume.api.schemas import (
    BOOLEAN,
    METADATA,
    METADATA_OR_NULL,
    TEXT,
    UUID,
    UUID_OR_NULL,
    reset_status_to,
    stripped,
    wrapped,
)
from pileus_volume.api.tools import notify_workers, tools
from pileus_volume.clients.objectstore import open_container
from pileus_volume.core import backup_records, backups, volumes
from pileus_volume.core.backup_addresses import address_of
from pileus_volume.core.backups import BackupRequest
from pileus_volume.core.filters import parse_boolean
from pileus_volume.core.lists import BACKUPS
from pileus_volume.db.models import Backup
from pileus_volume.errors import Invalid

resource = Resource("backups", __name__, url_prefix="/v3/backups")
actions = action_tables.new_table()

MAX_RECORD_CHARACTERS = 1 << 20
PROPERTIES: JsonObject = {
    "volume_id": UUID,
    "container": TEXT,
    "name": TEXT,
    "description": TEXT,
    "incremental": BOOLEAN,
    "force": BOOLEAN,
    "snapshot_id": UUID_OR_NULL,
}
CREATE = {
    (3, 0): wrapped("backup", PROPERTIES, required=("volume_id",)),
    (3, 43): wrapped("backup", PROPERTIES | {"metadata": METADATA_OR_NULL}, required=("volume_id",)),
    (3, 51): wrapped(
        "backup", PROPERTIES | {"metadata": METADATA_OR_NULL, "availability_zone": TEXT}, required=("volume_id",)
    ),
}
UPDATE = {
    (3, 9): wrapped("backup", {"name": TEXT, "description": TEXT}, minProperties=1),
    (3, 43): wrapped("backup", {"name": TEXT, "description": TEXT, "metadata": METADATA}, minProperties=1),
}
RESTORE = {
    (3, 0): {
        "type": "object",
        "required": ["restore"],
        "additionalProperties": False,
        "properties": {
            "restore": {
                "type": ["object", "null"],
                "additionalProperties": False,
                "properties": {"name": TEXT, "volume_id": UUID_OR_NULL},
            }
        },
    }
}
IMPORT = {
    (3, 0): wrapped(
        "backup-record",
        {
            "backup_service": TEXT,
            "backup_url": {"type": "string", "minLength": 1, "maxLength": MAX_RECORD_CHARACTERS},
        },
        required=("backup_service", "backup_url"),
    )
}
RESET = reset_status_to("available", "error")
LISTING = Listing(BACKUPS, "backups", counted=True)


def summary(backup: Backup) -> JsonObject:
    """The backup as the short list and `create` show it."""
    return {
        "id": backup.id,
        "name": backup.name,
        "links": [
            {"rel": "self", "href": f"{base_url()}/backups/{backup.id}"},
            {"rel": "bookmark", "href": f"{request.url_root}{caller().project_id}/backups/{backup.id}"},
        ],
    }


def detail(backup: Backup) -> JsonObject:
    """All of the backup."""
    view = summary(backup) | {
        "status": backup.status,
        "size": backup.size,
        "object_count": backup.object_count,
        "availability_zone": backup.availability_zone,
        "container": backup.container,
        "created_at": stamp(backup.created_at),
        "updated_at": stamp(backup.updated_at),
        "data_timestamp": stamp(backup.data_timestamp),
        "description": backup.description,
        "fail_reason": backup.fail_reason,
        "volume_id": backup.volume_id,
        "snapshot_id": backup.snapshot_id,
        "is_incremental": backup.parent_id is not None,
        "has_dependent_backups": backup.has_increments,
    }
    if version() >= (3, 18) and allowed("backup:backup_project_attribute"):
        view["os-backup-project-attr:project_id"] = backup.project_id
    if version() >= (3, 43):
        view["metadata"] = backup.meta
    if version() >= (3, 56):
        view["user_id"] = backup.user_id
    if version() >= (3, 64):
        view["encryption_key_id"] = None
    return view


@resource.endpoint("POST", "", policy="backup:create", body=CREATE)
def create(body: JsonObject) -> Answer:
    asked = body["backup"]
    backup_request = BackupRequest(
        name=stripped(asked, "name"),
        description=stripped(asked, "description"),
        container=asked.get("container") or None,
        snapshot_id=asked.get("snapshot_id"),
        availability_zone=asked.get("availability_zone") or None,
        incremental=parse_boolean(asked.get("incremental", False), "incremental"),
        force=parse_boolean(asked.get("force", False), "force"),
        metadata=asked.get("metadata") or {},
    )
    with tools().sessions.read() as session:
        volume = volumes.find(session, asked["volume_id"], caller())
        container = backups.container_for(session, caller(), volume, backup_request)
    open_container(tools().peers, tools().config, caller(), container)  # fails at once without an object store
    with tools().sessions.begin() as session:
        volume = volumes.find(session, asked["volume_id"], caller())
        backup, job = backups.create(session, caller(), volume, backup_request)
        view = {"backup": summary(backup)}
    notify_workers(job)
    return view, 202


@resource.endpoint("GET", "", policy="backup:get_all")
def index() -> Answer:
    return LISTING.answer(summary)


@resource.endpoint("GET", "/detail", policy="backup:get_all")
def index_detail() -> Answer:
    return LISTING.answer(detail, below="/detail")


@resource.endpoint("GET", "/<backup_id>", policy="backup:get")
def show(backup_id: str) -> Answer:
    with tools().sessions.read() as session:
        return {"backup": detail(backups.find(session, backup_id, caller()))}


@resource.endpoint("PUT", "/<backup_id>", policy="backup:update", body=UPDATE, since=(3, 9))
def update(backup_id: str, body: JsonObject) -> Answer:
    asked = body["backup"]
    values: dict[str, object] = {name: stripped(asked, name) for name in ("name", "description") if name in asked}
    if "metadata" in asked:
        values["meta"] = asked["metadata"]
    with tools().sessions.begin() as session:
        return {"backup": summary(backups.update(backups.find(session, backup_id, caller()), values))}


@resource.endpoint("POST", "/<backup_id>/restore", policy="backup:restore", body=RESTORE)
def restore(backup_id: str, body: JsonObject) -> Answer:
    asked = body["restore"] or {}
    _try_open_container(backup_id)
    with tools().sessions.begin() as session:
        backup = backups.find(session, backup_id, caller())
        volume = volumes.find(session, asked["volume_id"], caller()) if asked.get("volume_id") else None
        volume, job = backups.restore(session, caller(), backup, volume, stripped(asked, "name"))
        view = {"restore": {"backup_id": backup.id, "volume_id": volume.id, "volume_name": volume.name}}
    notify_workers(job)
    return view, 202


@resource.endpoint("DELETE", "/<backup_id>", policy="backup:delete")
def delete(backup_id: str) -> Answer:
    return _delete(backup_id, force=False)


def _try_open_container(backup_id: str) -> bool:
    """Open the backup's container to this service again, as its owner may have closed it since. Whether that succeeded.

    An administrator of another project can't open it. Failures are left to the job, which says what it lacks.
    """
    with tools().sessions.read() as session:
        address = address_of(backups.find(session, backup_id, caller()))
    if address.account == caller().project_id and address.container:
        with suppress(Invalid, PeerDown):
            open_container(tools().peers, tools().config, caller(), address.container)
            return True
    return False


def _delete(backup_id: str, force: bool) -> Answer:
    opened = _try_open_container(backup_id)
    with tools().sessions.begin() as session:
        backup = backups.find(session, backup_id, caller())
        job = backups.delete(session, caller(), backup, force=force, opened=opened)
    notify_workers(job)
    return "", 202


@resource.endpoint("GET", "/<backup_id>/export_record", policy="backup:export-import")
def export_record(backup_id: str) -> Answer:
    with tools().sessions.read() as session:
        return {"backup-record": backup_records.export_record(backups.find(session, backup_id, caller()))}


@resource.endpoint("POST", "/import_record", policy="backup:backup-import", body=IMPORT)
def import_record(body: JsonObject) -> Answer:
    asked = body["backup-record"]
    record = backup_records.parse_record(str(asked["backup_service"]), asked["backup_url"])
    if record.account == caller().project_id:
        open_container(tools().peers, tools().config, caller(), record.container)
    with tools().sessions.begin() as session:
        backup, job = backup_records.import_record(session, caller(), record)
        view = {"backup": summary(backup)}
    notify_workers(job)
    return view, 201


@resource.endpoint("POST", "/<backup_id>/action", policy="backup:get", body=BODY, actions=actions)
def act(backup_id: str, body: JsonObject) -> Answer:
    return action_tables.run(actions, backup_id, body)


@actions.action("os-reset_status", policy="volume_extension:backup_admin_actions:reset_status", schema=RESET)
def reset_status(backup_id: str, asked: JsonObject) -> Answer:
    with tools().sessions.begin() as session:
        backups.update(backups.find(session, backup_id, caller()), {"status": asked["status"]})
    return "", 202


@actions.action("os-force_delete", policy="volume_extension:backup_admin_actions:force_delete", schema=NO_ARGUMENTS)
def force_delete(backup_id: str, _: object) -> Answer:
    return _delete(backup_id, force=True)
