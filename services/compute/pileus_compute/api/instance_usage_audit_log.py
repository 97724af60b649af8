"""`/os-instance_usage_audit_log`: whether each host has reported the usage of its servers.

Usage is read from the database here, so nothing is outstanding from a host that is up.
"""

from datetime import UTC, datetime, timedelta

from pileus_compute.api.tools import tools
from pileus_compute.core import hosts, usage
from pileus_kit import hosts as host_rows
from pileus_kit.db import now
from pileus_kit.errors import BadRequest
from pileus_kit.json_types import Answer, JsonObject
from pileus_kit.web import Resource

resource = Resource("instance_usage_audit_log", __name__, url_prefix="/v2.1/os-instance_usage_audit_log")
RULE = "os_compute_api:os-instance-usage-audit-log:"
STAMP = "%Y-%m-%d %H:%M:%S"


def _log(before: datetime) -> JsonObject:
    """Return the log of the audit period, which is the calendar month before `before`."""
    end = before.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    begin = (end - timedelta(days=1)).replace(day=1)
    silence_s = tools().config.host_silence_s
    with tools().sessions.read() as session:
        rows = hosts.list_hosts(session)
        servers = usage.count_servers(session)
    done = [h.name for h in rows if host_rows.is_up(h, silence_s)]
    missing = [h.name for h in rows if h.name not in done]
    return {
        "period_beginning": begin.strftime(STAMP),
        "period_ending": end.strftime(STAMP),
        "num_hosts": len(rows),
        "num_hosts_done": len(done),
        "num_hosts_running": 0,
        "num_hosts_not_run": len(missing),
        "hosts_not_run": missing,
        "total_instances": servers,
        "total_errors": 0,
        "log": {
            name: {"state": "DONE", "instances": 0, "errors": 0, "message": "Read from the database."} for name in done
        },
        "overall_status": "ALL hosts done. 0 errors." if not missing else f"{len(done)} of {len(rows)} hosts done.",
    }


@resource.endpoint("GET", "", policy=RULE + "list")
def index() -> Answer:
    return {"instance_usage_audit_logs": _log(now())}


@resource.endpoint("GET", "/<before>", policy=RULE + "show")
def show(before: str) -> Answer:
    for form in ("%Y-%m-%d %H:%M:%S.%f", STAMP):
        try:
            return {"instance_usage_audit_log": _log(datetime.strptime(before, form).replace(tzinfo=UTC))}
        except ValueError:
            continue
    raise BadRequest(why=f"Invalid timestamp for date {before}")
