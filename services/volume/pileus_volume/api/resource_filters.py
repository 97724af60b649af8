"""Resource filters (3.33): by which parameters the lists of each noun may be filtered."""

from flask import request

from pileus_kit.json_types import Answer
from pileus_volume.api.project_paths import Resource

resource = Resource("resource_filters", __name__, url_prefix="/v3/resource_filters")

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


@resource.endpoint("GET", "", policy="volume:resource_filters", since=(3, 33))
def index() -> Answer:
    asked = request.args.get("resource")
    return {
        "resource_filters": [
            {"resource": noun, "filters": names} for noun, names in FILTERS.items() if asked in (None, noun)
        ]
    }
