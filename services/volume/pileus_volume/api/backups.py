"""Backups: create, list, show, change, restore, delete; records of them, to take to another cloud."""

from contextlib import suppress
from typing import Any

from flask import request
from sqlalchemy import Select, select

from pileus_kit.errors import PeerDown
from pileus_kit.web import allowed, caller, tools, version
from pileus_volume.api import backup_containers, listings
from pileus_volume.api.actions import BODY, Actions
from pileus_volume.api.project_paths import Resource, base_url
from pileus_volume.api.schemas import BOOLEAN, METADATA, METADATA_OR_NULL, TEXT, UUID, UUID_OR_NULL, wrapped
from pileus_volume.core import backup_records, backups, hosts, volumes
from pileus_volume.core.backups import Wish
from pileus_volume.db.models import Backup
from pileus_volume.errors import Invalid

resource = Resource("backups", __name__, url_prefix="/v3/backups")
actions = Actions()

LONGEST_RECORD = 1 << 20

PROPERTIES: dict[str, Any] = {
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
        {"backup_service": TEXT, "backup_url": {"type": "string", "minLength": 1, "maxLength": LONGEST_RECORD}},
        required=("backup_service", "backup_url"),
    )
}
STATUSES = ("available", "error")
RESET = {
    "type": "object",
    "properties": {"status": {"type": "string", "enum": list(STATUSES)}},
    "required": ["status"],
    "additionalProperties": False,
}
SORTABLE: dict[str, listings.Column] = {
    "id": Backup.id,
    "status": Backup.status,
    "name": Backup.name,
    "created_at": Backup.created_at,
    "updated_at": Backup.updated_at,
    "volume_id": Backup.volume_id,
    "size": Backup.size,
    "project_id": Backup.project_id,
    "data_timestamp": Backup.data_timestamp,
}
PLAIN: dict[str, listings.Column] = {
    "id": Backup.id,
    "status": Backup.status,
    "name": Backup.name,
    "volume_id": Backup.volume_id,
    "snapshot_id": Backup.snapshot_id,
}
PAGING = {"limit", "marker", "offset", "sort", "sort_key", "sort_dir", "all_tenants", "with_count"}
LISTING = listings.Listing("backups", SORTABLE, Backup.id, backups.find)


def summary(backup: Backup) -> dict[str, Any]:
    return {
        "id": backup.id,
        "name": backup.name,
        "links": [
            {"rel": "self", "href": f"{base_url()}/backups/{backup.id}"},
            {"rel": "bookmark", "href": f"{request.host_url}{caller().project_id}/backups/{backup.id}"},
        ],
    }


def detail(backup: Backup) -> dict[str, Any]:
    view = summary(backup) | {
        "status": backup.status,
        "size": backup.size,
        "object_count": backup.object_count,
        "availability_zone": backup.availability_zone,
        "container": backup.container,
        "created_at": listings.stamp(backup.created_at),
        "updated_at": listings.stamp(backup.updated_at),
        "data_timestamp": listings.stamp(backup.data_timestamp),
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
def create(body: dict[str, Any]) -> Any:
    asked = body["backup"]
    wish = Wish(
        name=_text(asked, "name"),
        description=_text(asked, "description"),
        container=asked.get("container") or None,
        snapshot_id=asked.get("snapshot_id"),
        zone=asked.get("availability_zone") or None,
        incremental=listings.truth(asked.get("incremental", False), "incremental"),
        force=listings.truth(asked.get("force", False), "force"),
        metadata=asked.get("metadata") or {},
    )
    with tools().sessions.read() as session:
        container = backups.container_for(session, caller(), volumes.find(session, asked["volume_id"], caller()), wish)
    backup_containers.open_up(container)  # a cloud without an object store says so at once
    with tools().sessions.begin() as session:
        if wish.zone and wish.zone not in hosts.zones(session):
            raise Invalid(why=f"There is no availability zone {wish.zone[:80]}.")
        volume = volumes.find(session, asked["volume_id"], caller())
        backup, job = backups.create(session, caller(), volume, wish)
        view = {"backup": summary(backup)}
    tools().ring(job.id)
    return view, 202


def _text(asked: dict[str, Any], name: str) -> str | None:
    value = asked.get(name)
    return value.strip() if value else value


@resource.endpoint("GET", "", policy="backup:get_all")
def index() -> Any:
    return LISTING.answer(_filtered(select(Backup)), summary)


@resource.endpoint("GET", "/detail", policy="backup:get_all")
def index_detail() -> Any:
    return LISTING.answer(_filtered(select(Backup)), detail, "/detail")


def _filtered(stmt: Select[Any]) -> Select[Any]:
    admin = caller().is_admin
    if not (admin and listings.flag("all_tenants")):
        stmt = stmt.where(Backup.project_id == caller().project_id)
    unknown = []
    for key, value in request.args.items():
        if key in PLAIN:
            stmt = stmt.where(PLAIN[key] == value)
        elif key == "name~" and version() >= (3, 34):
            stmt = stmt.where(Backup.name.contains(value[:255], autoescape=True))
        elif key in ("project_id", "tenant_id") and admin:
            stmt = stmt.where(Backup.project_id == value)
        elif key not in PAGING:
            unknown.append(key[:40])
    if unknown and not admin and version() >= (3, 31):
        raise Invalid(why=f"Invalid filters {','.join(unknown)} are found in query options.")
    return stmt


@resource.endpoint("GET", "/<backup_id>", policy="backup:get")
def show(backup_id: str) -> Any:
    with tools().sessions.read() as session:
        return {"backup": detail(backups.find(session, backup_id, caller()))}


@resource.endpoint("PUT", "/<backup_id>", policy="backup:update", body=UPDATE, since=(3, 9))
def update(backup_id: str, body: dict[str, Any]) -> Any:
    asked = body["backup"]
    values = {name: _text(asked, name) for name in ("name", "description") if name in asked}
    if "metadata" in asked:
        values["meta"] = asked["metadata"]
    with tools().sessions.begin() as session:
        return {"backup": summary(backups.change(backups.find(session, backup_id, caller()), values))}


@resource.endpoint("POST", "/<backup_id>/restore", policy="backup:restore", body=RESTORE)
def restore(backup_id: str, body: dict[str, Any]) -> Any:
    asked = body["restore"] or {}
    _open_again(backup_id)
    with tools().sessions.begin() as session:
        backup = backups.find(session, backup_id, caller())
        volume = volumes.find(session, asked["volume_id"], caller()) if asked.get("volume_id") else None
        volume, job = backups.restore(session, caller(), backup, volume, _text(asked, "name"))
        view = {"restore": {"backup_id": backup.id, "volume_id": volume.id, "volume_name": volume.name}}
    tools().ring(job.id)
    return view, 202


@resource.endpoint("DELETE", "/<backup_id>", policy="backup:delete")
def delete(backup_id: str) -> Any:
    return _removed(backup_id, force=False)


def _open_again(backup_id: str) -> bool:
    """Whether the container is open to us now: its owner may have closed it since, and an administrator of another
    project can't open it."""
    with tools().sessions.read() as session:
        backup = backups.find(session, backup_id, caller())
        account, container = backup.where["account"], backup.container
    if account == caller().project_id and container:
        with suppress(Invalid, PeerDown):  # then the job says what it lacks
            backup_containers.open_up(container)
            return True
    return False


def _removed(backup_id: str, force: bool) -> Any:
    opened = _open_again(backup_id)
    with tools().sessions.begin() as session:
        job = backups.remove(session, caller(), backups.find(session, backup_id, caller()), force, opened)
    tools().ring(job.id)
    return "", 202


@resource.endpoint("GET", "/<backup_id>/export_record", policy="backup:export-import")
def export(backup_id: str) -> Any:
    with tools().sessions.read() as session:
        return {"backup-record": backup_records.written(backups.find(session, backup_id, caller()))}


@resource.endpoint("POST", "/import_record", policy="backup:backup-import", body=IMPORT)
def import_record(body: dict[str, Any]) -> Any:
    asked = body["backup-record"]
    record = backup_records.read(str(asked["backup_service"]), asked["backup_url"])
    if record.account == caller().project_id:
        backup_containers.open_up(record.container)
    with tools().sessions.begin() as session:
        backup, job = backup_records.take_in(session, caller(), record)
        view = {"backup": summary(backup)}
    tools().ring(job.id)
    return view, 201


@resource.endpoint("POST", "/<backup_id>/action", policy="backup:get", body=BODY)
def act(backup_id: str, body: dict[str, Any]) -> Any:
    return actions.run(backup_id, body)


@actions.action("os-reset_status", "volume_extension:backup_admin_actions:reset_status", RESET)
def reset(backup_id: str, asked: dict[str, Any]) -> Any:
    with tools().sessions.begin() as session:
        backups.change(backups.find(session, backup_id, caller()), {"status": asked["status"]})
    return "", 202


@actions.action("os-force_delete", "volume_extension:backup_admin_actions:force_delete")
def force_delete(backup_id: str, _: Any) -> Any:
    return _removed(backup_id, force=True)
