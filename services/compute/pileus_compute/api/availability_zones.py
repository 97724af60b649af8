"""`/os-availability-zone`: the zones that servers can ask for, and in detail the hosts in them."""

from pileus_compute.api.tools import tools
from pileus_compute.api.views.links import iso_micros
from pileus_compute.core import availability_zones, workers
from pileus_compute.core.workers import WorkerService
from pileus_compute.db.models import Host
from pileus_kit import hosts as host_rows
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource

resource = Resource("availability_zones", __name__, url_prefix="/v2.1/os-availability-zone")
RULE = "os_compute_api:os-availability-zone:"


def zone_view(zone: str, members: list[Host], hosts: JsonObject | None) -> JsonObject:
    return {"zoneName": zone, "zoneState": {"available": any(not h.disabled for h in members)}, "hosts": hosts}


def _hosts_view(members: list[Host]) -> JsonObject:
    silence_s = tools().config.host_silence_s
    return {
        host.name: {
            "nova-compute": {
                "available": host_rows.is_up(host, silence_s),
                "active": not host.disabled,
                "updated_at": iso_micros(host.seen_at),
            }
        }
        for host in members
    }


def _internal_zone(services: list[WorkerService]) -> list[JsonObject]:
    """Return the zone of the processes that run no servers; no server can ask for it."""
    hosts: dict[str, JsonObject] = {}
    for service in services:
        hosts.setdefault(service.host, {})[service.binary] = {
            "available": service.up,
            "active": True,
            "updated_at": iso_micros(service.seen_at),
        }
    return [{"zoneName": workers.ZONE, "zoneState": {"available": True}, "hosts": hosts}] if hosts else []


@resource.endpoint("GET", "", policy=RULE + "list")
def index() -> Answer:
    with tools().sessions.read() as session:
        found = availability_zones.hosts_by_zone(session, tools().config.default_zone)
    return {"availabilityZoneInfo": [zone_view(zone, members, None) for zone, members in found.items()]}


@resource.endpoint("GET", "/detail", policy=RULE + "detail")
def detail() -> Answer:
    config = tools().config
    with tools().sessions.read() as session:
        found = availability_zones.hosts_by_zone(session, config.default_zone)
        internal = _internal_zone(workers.list_services(session, config.host_silence_s))
    views = [zone_view(zone, members, _hosts_view(members)) for zone, members in found.items()]
    return {"availabilityZoneInfo": internal + views}
