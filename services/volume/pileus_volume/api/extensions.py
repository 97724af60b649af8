"""Extensions: what this API has beside its core, for clients that ask."""

from pileus_kit.json_types import Answer, JsonObject
from pileus_volume.api.project_paths import Resource

resource = Resource("extensions", __name__, url_prefix="/v3/extensions")

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
    "os-volume-manage": "Volume_manage",
    "os-volume-unmanage": "Volume_unmanage",
    "os-snapshot-manage": "SnapshotManage",
    "os-snapshot-unmanage": "Snapshot_unmanage",
    "os-vol-host-attr": "VolumeHostAttribute",
    "os-vol-image-meta": "VolumeImageMetadata",
    "os-vol-mig-status-attr": "VolumeMigStatusAttribute",
    "os-vol-tenant-attr": "VolumeTenantAttribute",
    "os-volume-transfer": "VolumeTransfer",
    "os-volume-type-access": "VolumeTypeAccess",
    "capabilities": "Capabilities",
}


def _view(alias: str, name: str) -> JsonObject:
    return {
        "alias": alias,
        "name": name,
        "description": f"{name} support.",
        "links": [],
        "updated": "2026-11-22T00:00:00+00:00",
    }


@resource.endpoint("GET", "", policy="volume_extension:extensions")
def index() -> Answer:
    return {"extensions": [_view(alias, name) for alias, name in ALIASES.items()]}
