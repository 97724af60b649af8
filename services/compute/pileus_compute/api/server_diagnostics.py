"""`/servers/ID/diagnostics`: counters of a running guest, asked of its host."""

from pileus_compute.api.requests.server_access import find_server, server_target
from pileus_compute.api.tools import tools
from pileus_compute.core import server_jobs
from pileus_compute.rpc import Diagnostics
from pileus_kit.errors import Conflict
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.rpc import Refused
from pileus_kit.web import Resource, version

resource = Resource("server_diagnostics", __name__, url_prefix="/v2.1/servers/<server_id>/diagnostics")
RULE = "os_compute_api:os-server-diagnostics"


def diagnostics_view(seen: Diagnostics) -> JsonObject:
    cpus = list(enumerate(seen.cpu_time_ns))
    if version() < (2, 48):
        return {f"cpu{i}_time": ns for i, ns in cpus} | {"memory": seen.memory_mib * 1024}
    return {
        "state": seen.power.value,
        "driver": seen.driver,
        "hypervisor": seen.hypervisor,
        "hypervisor_os": "linux",
        "uptime": seen.uptime_s,
        "config_drive": seen.config_drive,
        "num_cpus": len(cpus),
        "num_nics": len(seen.nics),
        "num_disks": len(seen.disks),
        "cpu_details": [{"id": i, "time": ns, "utilisation": None} for i, ns in cpus],
        "memory_details": {"maximum": seen.memory_mib, "used": seen.memory_used_mib},
        "disk_details": list(seen.disks),
        "nic_details": list(seen.nics),
    }


@resource.endpoint("GET", "", policy=RULE, target=server_target)
def show(server_id: str) -> Answer:
    with tools().sessions.read() as session:
        server = find_server(session, server_id)
        busy = server_jobs.current_task_state(session, server)
    if busy or server.status not in ("ACTIVE", "PAUSED", "RESCUE") or server.host is None:
        raise Conflict(why=f"Instance {server_id} is not running.")
    try:
        return diagnostics_view(tools().agent(server.host).diagnostics(server_id))
    except Refused as err:
        raise Conflict(why=str(err)) from None
