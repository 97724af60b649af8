"""Availability zones, which anybody with a token may list."""

from pileus_kit.json_types import Answer
from pileus_volume.api.project_paths import Resource
from pileus_volume.api.tools import tools
from pileus_volume.core import hosts

resource = Resource("zones", __name__, url_prefix="/v3/os-availability-zone")


@resource.endpoint("GET", "", policy="volume_extension:availability_zone_list")
def index() -> Answer:
    with tools().sessions.read() as session:
        zones = hosts.list_zones(session) or {hosts.DEFAULT_ZONE: True}
    return {
        "availabilityZoneInfo": [
            {"zoneName": zone, "zoneState": {"available": takes_volumes}}
            for zone, takes_volumes in sorted(zones.items())
        ]
    }
