"""`/os-hosts`, until microversion 2.42. `os-hypervisors` and `os-services` took its place."""

from flask import request

from pileus_compute.api.schemas.types import obj
from pileus_compute.api.tools import tools
from pileus_compute.core import availability_zones, hosts
from pileus_compute.core.hosts import Claim
from pileus_kit.errors import Unimplemented
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource

resource = Resource("hosts", __name__, url_prefix="/v2.1/os-hosts")
RULE = "os_compute_api:os-hosts:"
LAST = (2, 42)

WORD = {"type": "string", "enum": ["enable", "disable", "Enable", "Disable", "ENABLE", "DISABLE"]}
UPDATE = {(2, 1): obj({"status": WORD, "maintenance_mode": WORD}) | {"minProperties": 1}}


class PowerNotManaged(Unimplemented):
    text = "Hosts are switched on and off by their operators; use os-services to keep servers away from one."


@resource.endpoint("GET", "", policy=RULE + "list", until=LAST)
def index() -> Answer:
    wanted = request.args.get("zone")
    with tools().sessions.read() as session:
        zones = availability_zones.zones_by_host(session, tools().config.default_zone)
    return {
        "hosts": [
            {"host_name": name, "service": "compute", "zone": zone}
            for name, zone in sorted(zones.items())
            if not wanted or zone == wanted
        ]
    }


@resource.endpoint("GET", "/<name>", policy=RULE + "show", until=LAST)
def show(name: str) -> Answer:
    with tools().sessions.read() as session:
        host = hosts.find(session, name)
        by_project = hosts.usage_by_project(session, name)
    maximum = Claim(
        sum(used.vcpus for used in by_project.values()),
        sum(used.memory_mib for used in by_project.values()),
        sum(used.disk_gib for used in by_project.values()),
    )
    rows = {
        "(total)": Claim(host.vcpus, host.memory_mib, host.disk_gib),
        "(used_now)": Claim(host.vcpus_used, host.memory_mib_used, host.disk_gib_used),
        "(used_max)": maximum,
    } | by_project
    return {"host": [_row(name, project, amount) for project, amount in rows.items()]}


def _row(host: str, project: str, amount: Claim) -> JsonObject:
    return {
        "resource": {
            "host": host,
            "project": project,
            "cpu": amount.vcpus,
            "memory_mb": amount.memory_mib,
            "disk_gb": amount.disk_gib,
        }
    }


def _refuse(name: str) -> Answer:
    with tools().sessions.read() as session:
        hosts.find(session, name)
    raise PowerNotManaged()


@resource.endpoint("PUT", "/<name>", policy=RULE + "update", body=UPDATE, until=LAST)
def update(name: str, body: JsonObject) -> Answer:
    return _refuse(name)


@resource.endpoint("GET", "/<name>/startup", policy=RULE + "start", until=LAST)
def startup(name: str) -> Answer:
    return _refuse(name)


@resource.endpoint("GET", "/<name>/shutdown", policy=RULE + "shutdown", until=LAST)
def shutdown(name: str) -> Answer:
    return _refuse(name)


@resource.endpoint("GET", "/<name>/reboot", policy=RULE + "reboot", until=LAST)
def reboot(name: str) -> Answer:
    return _refuse(name)
