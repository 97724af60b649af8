"""Hosts as compute showed them till 2.42; `os-hypervisors` and `os-services` took their place."""

from typing import Any

from flask import request
from sqlalchemy import select

from pileus_compute.api.schemas import obj
from pileus_compute.core import hosts
from pileus_compute.db.models import Host, Server
from pileus_kit.errors import Unimplemented
from pileus_kit.web import Resource, tools

resource = Resource("hosts", __name__, url_prefix="/v2.1/os-hosts")
RULE = "os_compute_api:os-hosts:"
LAST = (2, 42)

STATUS = {"type": "string", "enum": ["enable", "disable", "Enable", "Disable", "ENABLE", "DISABLE"]}
MODE = {"type": "string", "enum": ["enable", "disable", "Enable", "Disable", "ENABLE", "DISABLE"]}
UPDATE = {(2, 1): obj({"status": STATUS, "maintenance_mode": MODE}) | {"minProperties": 1}}


class NotByUs(Unimplemented):
    text = "Hosts are switched on and off by their operators; use os-services to keep servers away from one."


@resource.endpoint("GET", "", policy=RULE + "list", until=LAST)
def index() -> Any:
    default, wanted = tools().config.default_zone, request.args.get("zone")
    with tools().sessions.read() as session:
        member_of = hosts.aggregates_by_host(session)
        rows = [
            (h.name, hosts.zone_of(member_of.get(h.name, []), default))
            for h in session.scalars(select(Host).order_by(Host.name))
        ]
    return {
        "hosts": [
            {"host_name": name, "service": "compute", "zone": zone}
            for name, zone in rows
            if not wanted or zone == wanted
        ]
    }


@resource.endpoint("GET", "/<name>", policy=RULE + "show", until=LAST)
def show(name: str) -> Any:
    with tools().sessions.read() as session:
        host = hosts.find(session, name)
        servers = session.execute(
            select(Server.project_id, Server.vcpus, Server.memory_mib, Server.flavor).where(Server.host == name)
        ).all()
    rows = [
        _row(name, "(total)", host.vcpus, host.memory_mib, host.disk_gib),
        _row(name, "(used_now)", host.vcpus_used, host.memory_mib_used, host.disk_gib_used),
    ]
    by_project: dict[str, tuple[int, int, int]] = {}
    for project, vcpus, memory, flavor in servers:
        cpu, ram, disk = by_project.get(project, (0, 0, 0))
        by_project[project] = (cpu + vcpus, ram + memory, disk + flavor["disk_gib"] + flavor["ephemeral_gib"])
    most = tuple(map(sum, zip(*by_project.values(), strict=True))) if by_project else (0, 0, 0)
    rows.append(_row(name, "(used_max)", *most))
    rows += [_row(name, project, *used) for project, used in by_project.items()]
    return {"host": rows}


def _row(host: str, project: str, cpu: int, memory_mib: int, disk_gib: int) -> dict[str, Any]:
    return {"resource": {"host": host, "project": project, "cpu": cpu, "memory_mb": memory_mib, "disk_gb": disk_gib}}


@resource.endpoint("PUT", "/<name>", policy=RULE + "update", body=UPDATE, until=LAST)
def update(name: str, body: dict[str, Any]) -> Any:
    with tools().sessions.read() as session:
        hosts.find(session, name)
    raise NotByUs()


def _power(word: str, rule: str) -> None:
    @resource.endpoint("GET", f"/<name>/{word}", policy=RULE + rule, until=LAST)
    def switch(name: str) -> Any:
        with tools().sessions.read() as session:
            hosts.find(session, name)
        raise NotByUs()


_power("startup", "start")
_power("shutdown", "shutdown")
_power("reboot", "reboot")
