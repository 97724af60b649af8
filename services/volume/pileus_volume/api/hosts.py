"""Hosts (os-hosts): storage hosts and what each project has on them, for administrators."""

from pileus_kit.json_types import Answer, JsonObject
from pileus_volume.api.listing import stamp
from pileus_volume.api.project_paths import Resource
from pileus_volume.api.services import BINARY, full_name
from pileus_volume.api.tools import tools
from pileus_volume.core import hosts
from pileus_volume.core.hosts import Usage
from pileus_volume.db.models import StorageHost

resource = Resource("hosts", __name__, url_prefix="/v3/os-hosts")


def summary(host: StorageHost) -> JsonObject:
    """The host as the list shows it."""
    return {
        "host_name": full_name(host),
        "service": BINARY,
        "zone": host.availability_zone,
        "service-status": "available" if hosts.is_up(host) else "unavailable",
        "service-state": "disabled" if host.disabled else "enabled",
        "last-update": stamp(host.seen_at),
    }


def _usage(name: str, project: str, usage: Usage) -> JsonObject:
    resource_usage = {
        "host": name,
        "project": project,
        "volume_count": str(usage.volumes),
        "total_volume_gb": str(usage.volume_gib),
        "snapshot_count": str(usage.snapshots),
        "total_snapshot_gb": str(usage.snapshot_gib),
    }
    return {"resource": resource_usage}


@resource.endpoint("GET", "", policy="volume_extension:hosts")
def index() -> Answer:
    with tools().sessions.read() as session:
        return {"hosts": [summary(host) for host in hosts.list_hosts(session)]}


@resource.endpoint("GET", "/<name>", policy="volume_extension:hosts")
def show(name: str) -> Answer:
    with tools().sessions.read() as session:
        by_project = hosts.count_usage(session, hosts.find(session, name))
    total = hosts.total_usage(by_project.values())
    rows = [_usage(name, project, usage) for project, usage in by_project.items()]
    return {"host": [_usage(name, "(total)", total), *rows]}
