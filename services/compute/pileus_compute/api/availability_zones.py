"""Availability zones."""

from typing import Any

from sqlalchemy import select

from pileus_compute.core import hosts, workers
from pileus_compute.core.workers import WorkerService
from pileus_compute.db.models import Host
from pileus_kit.web import Resource, tools

resource = Resource("availability_zones", __name__, url_prefix="/v2.1/os-availability-zone")


def _zones(detailed: bool) -> dict[str, Any]:
    config = tools().config
    with tools().sessions.read() as session:
        member_of = hosts.aggregates_by_host(session)
        found: dict[str, list[Host]] = {}
        for host in session.scalars(select(Host).order_by(Host.name)):
            found.setdefault(hosts.zone_of(member_of.get(host.name, []), config.default_zone), []).append(host)
        internal = _internal(workers.list_services(session, config.host_silence)) if detailed else []
    return {
        "availabilityZoneInfo": internal
        + [
            {
                "zoneName": zone,
                "zoneState": {"available": any(not h.disabled for h in members)},
                "hosts": {
                    h.name: {
                        "nova-compute": {
                            "available": hosts.is_up(h, config.host_silence),
                            "active": not h.disabled,
                            "updated_at": h.seen_at.strftime("%Y-%m-%dT%H:%M:%S.%f"),
                        }
                    }
                    for h in members
                }
                if detailed
                else None,
            }
            for zone, members in sorted(found.items())
        ]
    }


def _internal(roles: list[WorkerService]) -> list[dict[str, Any]]:
    """The zone of what runs no servers, which no server can ask for."""
    known: dict[str, dict[str, Any]] = {}
    for role in roles:
        known.setdefault(role.host, {})[role.binary] = {
            "available": role.up,
            "active": True,
            "updated_at": role.seen_at.strftime("%Y-%m-%dT%H:%M:%S.%f"),
        }
    return [{"zoneName": workers.ZONE, "zoneState": {"available": True}, "hosts": known}] if known else []


@resource.endpoint("GET", "", policy="os_compute_api:os-availability-zone:list")
def index() -> Any:
    return _zones(detailed=False)


@resource.endpoint("GET", "/detail", policy="os_compute_api:os-availability-zone:detail")
def detail() -> Any:
    return _zones(detailed=True)
