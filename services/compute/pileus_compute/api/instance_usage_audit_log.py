"""`os-instance_usage_audit_log`: whether each host has told about the usage of its servers.

Ours is read from the database, so a host that is up has nothing outstanding.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import func, select

from pileus_compute.core import hosts
from pileus_compute.db.models import Host, Server
from pileus_kit.db import now
from pileus_kit.errors import BadRequest
from pileus_kit.web import Resource, tools

resource = Resource("instance_usage_audit_log", __name__, url_prefix="/v2.1/os-instance_usage_audit_log")
RULE = "os_compute_api:os-instance-usage-audit-log:"
STAMP = "%Y-%m-%d %H:%M:%S"


def _log(before: datetime) -> dict[str, Any]:
    """The audit period is the calendar month before `before`."""
    end = before.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    begin = (end - timedelta(days=1)).replace(day=1)
    silence = tools().config.host_silence
    with tools().sessions.read() as session:
        rows = list(session.scalars(select(Host).order_by(Host.name)))
        count = session.scalar(select(func.count()).select_from(Server)) or 0
    done = [h.name for h in rows if hosts.is_up(h, silence)]
    missing = [h.name for h in rows if h.name not in done]
    return {
        "period_beginning": begin.strftime(STAMP),
        "period_ending": end.strftime(STAMP),
        "num_hosts": len(rows),
        "num_hosts_done": len(done),
        "num_hosts_running": 0,
        "num_hosts_not_run": len(missing),
        "hosts_not_run": missing,
        "total_instances": count,
        "total_errors": 0,
        "log": {
            name: {"state": "DONE", "instances": 0, "errors": 0, "message": "Read from the database."} for name in done
        },
        "overall_status": "ALL hosts done. 0 errors." if not missing else f"{len(done)} of {len(rows)} hosts done.",
    }


@resource.endpoint("GET", "", policy=RULE + "list")
def index() -> Any:
    return {"instance_usage_audit_logs": _log(now())}


@resource.endpoint("GET", "/<before>", policy=RULE + "show")
def show(before: str) -> Any:
    for form in ("%Y-%m-%d %H:%M:%S.%f", "%Y-%m-%d %H:%M:%S"):
        try:
            return {"instance_usage_audit_log": _log(datetime.strptime(before, form).replace(tzinfo=UTC))}
        except ValueError:
            continue
    raise BadRequest(why=f"Invalid timestamp for date {before}")
