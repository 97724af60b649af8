"""Capabilities of a storage host, for administrators."""

from pileus_kit.json_types import Answer
from pileus_volume.api.project_paths import Resource
from pileus_volume.api.tools import tools
from pileus_volume.core import capabilities, hosts

resource = Resource("capabilities", __name__, url_prefix="/v3/capabilities")


@resource.endpoint("GET", "/<name>", policy="volume_extension:capabilities")
def show(name: str) -> Answer:
    with tools().sessions.read() as session:
        host = hosts.find(session, name)
    return {
        "namespace": f"OS::Storage::Capabilities::{host.pool}",
        "vendor_name": capabilities.VENDOR,
        "volume_backend_name": host.backend_name,
        "pool_name": host.backend_name,
        "driver_version": "1.0",
        "storage_protocol": "file",
        "display_name": f"Capabilities of {host.driver}",
        "description": None,
        "visibility": None,
        "replication_targets": [],
        "properties": {
            "thin_provisioning": {
                "title": "Thin Provisioning",
                "description": "Sets thin provisioning.",
                "type": "boolean",
                "default": True,
            }
        },
    }
