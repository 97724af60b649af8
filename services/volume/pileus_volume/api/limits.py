"""Limits: the project's quotas and their use, as one answer."""

from flask import request

from pileus_kit.json_types import Answer
from pileus_kit.web import caller, version
from pileus_volume.api.project_paths import Resource
from pileus_volume.api.tools import tools
from pileus_volume.core import quotas

resource = Resource("limits", __name__, url_prefix="/v3/limits")


@resource.endpoint("GET", "", policy="limits_extension:used_limits")
def show() -> Answer:
    project = str(caller().project_id)
    if caller().is_admin and version() >= (3, 39):
        project = request.args.get("project_id", project)
    with tools().sessions.read() as session:
        usage = quotas.get_usage(session, project)
    return {
        "limits": {
            "rate": [],
            "absolute": {
                "maxTotalVolumes": usage.limit("volumes"),
                "maxTotalSnapshots": usage.limit("snapshots"),
                "maxTotalVolumeGigabytes": usage.limit("gigabytes"),
                "maxTotalBackups": usage.limit("backups"),
                "maxTotalBackupGigabytes": usage.limit("backup_gigabytes"),
                "totalVolumesUsed": usage.used["volumes"],
                "totalSnapshotsUsed": usage.used["snapshots"],
                "totalGigabytesUsed": usage.used["gigabytes"],
                "totalBackupsUsed": usage.used["backups"],
                "totalBackupGigabytesUsed": usage.used["backup_gigabytes"],
            },
        }
    }
