"""What this API has beside its core, for clients that ask; and by what lists may be filtered (3.33)."""

from typing import Any

from flask import request

from pileus_volume.api.project_paths import Resource

resource = Resource("extensions", __name__, url_prefix="/v3/extensions")
filters = Resource("resource_filters", __name__, url_prefix="/v3/resource_filters")

ALIASES = {
    "backups": "Backups",
    "os-admin-actions": "AdminActions",
    "os-availability-zone": "AvailabilityZones",
    "os-extended-snapshot-attributes": "ExtendedSnapshotAttributes",
    "os-hosts": "Hosts",
    "os-image-create": "CreateVolumeExtension",
    "qos-specs": "Qos_specs_manage",
    "os-quota-sets": "Quotas",
    "os-quota-class-sets": "QuotaClasses",
    "OS-SCH-HNT": "SchedulerHints",
    "scheduler-stats": "Scheduler_stats",
    "os-services": "Services",
    "os-snapshot-actions": "SnapshotActions",
    "os-types-extra-specs": "TypesExtraSpecs",
    "os-types-manage": "TypesManage",
    "os-used-limits": "UsedLimits",
    "os-volume-actions": "VolumeActions",
    "os-vol-host-attr": "VolumeHostAttribute",
    "os-vol-image-meta": "VolumeImageMetadata",
    "os-vol-mig-status-attr": "VolumeMigStatusAttribute",
    "os-vol-tenant-attr": "VolumeTenantAttribute",
    "os-volume-transfer": "VolumeTransfer",
    "os-volume-type-access": "VolumeTypeAccess",
    "capabilities": "Capabilities",
}
FILTERS = {
    "volume": [
        "name",
        "status",
        "metadata",
        "bootable",
        "migration_status",
        "availability_zone",
        "group_id",
        "size",
        "created_at",
        "updated_at",
        "consumes_quota",
        "volume_type",
        "multiattach",
    ],
    "snapshot": [
        "name",
        "status",
        "volume_id",
        "metadata",
        "availability_zone",
        "created_at",
        "updated_at",
        "consumes_quota",
    ],
    "backup": ["name", "status", "volume_id"],
    "group": ["name", "status", "group_type"],
    "group_snapshot": ["name", "status", "group_id"],
    "attachment": ["volume_id", "status", "instance_id", "attach_status"],
    "message": ["resource_uuid", "resource_type", "event_id", "request_id"],
    "volume_type": ["is_public", "name", "extra_specs"],
    "pool": ["name"],
}


def _view(alias: str, name: str) -> dict[str, Any]:
    return {
        "alias": alias,
        "name": name,
        "description": f"{name} support.",
        "links": [],
        "updated": "2026-11-22T00:00:00+00:00",
    }


@resource.endpoint("GET", "", policy="volume_extension:extensions")
def index() -> Any:
    return {"extensions": [_view(alias, name) for alias, name in ALIASES.items()]}


@filters.endpoint("GET", "", policy="volume:resource_filters", since=(3, 33))
def filter_index() -> Any:
    wanted = request.args.get("resource")
    return {
        "resource_filters": [
            {"resource": noun, "filters": names} for noun, names in FILTERS.items() if wanted in (None, noun)
        ]
    }
