"""What the project may have and has, as one answer."""

from typing import Any

from flask import request

from pileus_kit.web import caller, tools, version
from pileus_volume.api.project_paths import Resource
from pileus_volume.core import quotas

resource = Resource("limits", __name__, url_prefix="/v3/limits")


@resource.endpoint("GET", "", policy="limits_extension:used_limits")
def show() -> Any:
    project = str(caller().project_id)
    if caller().is_admin and version() >= (3, 39):
        project = request.args.get("project_id", project)
    with tools().sessions.read() as session:
        book = quotas.ledger(session, project)
    return {
        "limits": {
            "rate": [],
            "absolute": {
                "maxTotalVolumes": book.limit("volumes"),
                "maxTotalSnapshots": book.limit("snapshots"),
                "maxTotalVolumeGigabytes": book.limit("gigabytes"),
                "maxTotalBackups": book.limit("backups"),
                "maxTotalBackupGigabytes": book.limit("backup_gigabytes"),
                "totalVolumesUsed": book.used["volumes"],
                "totalSnapshotsUsed": book.used["snapshots"],
                "totalGigabytesUsed": book.used["gigabytes"],
                "totalBackupsUsed": book.used["backups"],
                "totalBackupGigabytesUsed": book.used["backup_gigabytes"],
            },
        }
    }
