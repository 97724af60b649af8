"""Storage hosts as administrators see them: services, pools, hosts, capabilities; and availability zones for all."""

from typing import Any

from flask import request
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from pileus_kit.web import tools, version
from pileus_volume.api import listings
from pileus_volume.api.project_paths import Resource
from pileus_volume.api.schemas import NAME
from pileus_volume.core import capabilities as abilities
from pileus_volume.core import hosts
from pileus_volume.core.hosts import Pool
from pileus_volume.db.models import Snapshot, StorageHost, Volume
from pileus_volume.errors import HostNotFound, Invalid, ServiceNotFound

services = Resource("services", __name__, url_prefix="/v3/os-services")
pools = Resource("pools", __name__, url_prefix="/v3/scheduler-stats")
storage_hosts = Resource("hosts", __name__, url_prefix="/v3/os-hosts")
capabilities = Resource("capabilities", __name__, url_prefix="/v3/capabilities")
zones = Resource("zones", __name__, url_prefix="/v3/os-availability-zone")

BINARY = "cinder-volume"  # what OpenStack's clients ask for
SERVICE: dict[str, Any] = {
    "host": NAME,
    "binary": {"type": "string", "maxLength": 255},
    "service": {"type": "string", "maxLength": 255},
}


def _body(**more: Any) -> dict[tuple[int, int], dict[str, Any]]:
    return {
        (3, 0): {
            "type": "object",
            "properties": SERVICE | more,
            "required": ["host", *more],
            "additionalProperties": False,
        }
    }


def _all(session: Session) -> list[StorageHost]:
    return list(session.scalars(select(StorageHost).order_by(StorageHost.name).limit(10_000)))


def _full(host: StorageHost) -> str:
    return host.pool.partition("#")[0]


@services.endpoint("GET", "", policy="volume_extension:services:index")
def index() -> Any:
    wanted, binary = request.args.get("host"), request.args.get("binary", request.args.get("service", BINARY))
    if binary != BINARY:
        return {"services": []}
    with tools().sessions.read() as session:
        return {"services": [_service(host) for host in _all(session) if wanted in (None, host.name, _full(host))]}


def _service(host: StorageHost) -> dict[str, Any]:
    state = "up" if hosts.alive(host) else "down"
    view: dict[str, Any] = {
        "binary": BINARY,
        "host": _full(host),
        "zone": host.availability_zone,
        "state": state,
        "status": "disabled" if host.disabled else "enabled",
        "updated_at": listings.stamp(host.seen_at),
        "disabled_reason": host.disabled_reason,
        "frozen": host.frozen,
        "replication_status": "disabled",
        "active_backend_id": None,
    }
    if version() >= (3, 7):
        view["cluster"] = None
    if version() >= (3, 49):
        view["backend_state"] = state
    return view


def _change(body: dict[str, Any], **values: Any) -> dict[str, Any]:
    if body.get("binary", BINARY) not in (BINARY, ""):
        raise ServiceNotFound(binary=body["binary"], host=body["host"])
    name = hosts.name_of(body["host"])
    with tools().sessions.begin() as session:
        hit = session.execute(update(StorageHost).where(StorageHost.name == name).values(**values))
        if not hit.rowcount:
            raise ServiceNotFound(binary=BINARY, host=body["host"])
    return {"host": body["host"], "service": BINARY, "binary": BINARY}


@services.endpoint("PUT", "/enable", policy="volume_extension:services:update", body=_body())
def enable(body: dict[str, Any]) -> Any:
    return _change(body, disabled=False, disabled_reason=None) | {"disabled": False, "status": "enabled"}


@services.endpoint("PUT", "/disable", policy="volume_extension:services:update", body=_body())
def disable(body: dict[str, Any]) -> Any:
    return _change(body, disabled=True) | {"disabled": True, "status": "disabled"}


@services.endpoint(
    "PUT", "/disable-log-reason", policy="volume_extension:services:update", body=_body(disabled_reason=NAME)
)
def disable_because(body: dict[str, Any]) -> Any:
    reason = body["disabled_reason"]
    return _change(body, disabled=True, disabled_reason=reason) | {
        "disabled": True,
        "status": "disabled",
        "disabled_reason": reason,
    }


@services.endpoint("PUT", "/freeze", policy="volume:freeze_host", body=_body())
def freeze(body: dict[str, Any]) -> Any:
    return _frozen(body, True)


@services.endpoint("PUT", "/thaw", policy="volume:thaw_host", body=_body())
def thaw(body: dict[str, Any]) -> Any:
    return _frozen(body, False)


def _frozen(body: dict[str, Any], frozen: bool) -> Any:
    try:
        _change(body, frozen=frozen)
    except ServiceNotFound as err:  # Cinder answers 400 here, 404 elsewhere
        raise Invalid(why=str(err)) from None
    return "", 202


@pools.endpoint("GET", "/get_pools", policy="scheduler_extension:scheduler_stats:get_pools")
def get_pools() -> Any:
    detail = listings.flag("detail")
    with tools().sessions.read() as session:
        found = hosts.pools(session)
    return {
        "pools": [
            {"name": pool.host.pool, **({"capabilities": _pool(pool)} if detail else {})}
            for pool in found
            if request.args.get("name") in (None, pool.host.pool)
        ]
    }


def _pool(pool: Pool) -> dict[str, Any]:
    host = pool.host
    return abilities.of(host) | {
        "allocated_capacity_gb": pool.promised_gib,
        "provisioned_capacity_gb": pool.promised_gib,
        "reserved_percentage": 0,
        "max_over_subscription_ratio": str(host.overcommit),
        "backend_state": "up" if hosts.alive(host) else "down",
        "timestamp": listings.stamp(host.seen_at),
    }


@storage_hosts.endpoint("GET", "", policy="volume_extension:hosts")
def host_index() -> Any:
    with tools().sessions.read() as session:
        return {
            "hosts": [
                {
                    "host_name": _full(host),
                    "service": BINARY,
                    "zone": host.availability_zone,
                    "service-status": "available" if hosts.alive(host) else "unavailable",
                    "service-state": "disabled" if host.disabled else "enabled",
                    "last-update": listings.stamp(host.seen_at),
                }
                for host in _all(session)
            ]
        }


@storage_hosts.endpoint("GET", "/<name>", policy="volume_extension:hosts")
def host_show(name: str) -> Any:
    with tools().sessions.read() as session:
        host = session.get(StorageHost, hosts.name_of(name))
        if host is None:
            raise HostNotFound(host=name)
        volumes = {
            p: (n, s)
            for p, n, s in session.execute(
                select(Volume.project_id, func.count(), func.sum(Volume.size))
                .where(Volume.host == host.pool)
                .group_by(Volume.project_id)
                .limit(10_000)
            )
        }
        snapshots = {
            p: (n, s)
            for p, n, s in session.execute(
                select(Snapshot.project_id, func.count(), func.sum(Snapshot.volume_size))
                .join(Volume, Volume.id == Snapshot.volume_id)
                .where(Volume.host == host.pool)
                .group_by(Snapshot.project_id)
                .limit(10_000)
            )
        }
    rows = [
        _resource(name, project, volumes.get(project, (0, 0)), snapshots.get(project, (0, 0)))
        for project in sorted(volumes.keys() | snapshots.keys())
    ]
    total = _resource(
        name,
        "(total)",
        tuple(map(sum, zip(*volumes.values(), strict=True))) or (0, 0),
        tuple(map(sum, zip(*snapshots.values(), strict=True))) or (0, 0),
    )
    return {"host": [{"resource": row} for row in (total, *rows)]}


def _resource(host: str, project: str, volumes: tuple[int, ...], snapshots: tuple[int, ...]) -> dict[str, Any]:
    return {
        "host": host,
        "project": project,
        "volume_count": str(volumes[0]),
        "total_volume_gb": str(volumes[1]),
        "snapshot_count": str(snapshots[0]),
        "total_snapshot_gb": str(snapshots[1]),
    }


@capabilities.endpoint("GET", "/<name>", policy="volume_extension:capabilities")
def show_capabilities(name: str) -> Any:
    with tools().sessions.read() as session:
        host = session.get(StorageHost, hosts.name_of(name))
    if host is None:
        raise HostNotFound(host=name)
    return {
        "namespace": f"OS::Storage::Capabilities::{host.pool}",
        "vendor_name": abilities.VENDOR,
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


@zones.endpoint("GET", "", policy="volume_extension:availability_zone_list")
def zone_index() -> Any:
    with tools().sessions.read() as session:
        known = hosts.zones(session) or {"nova": True}
    return {
        "availabilityZoneInfo": [
            {"zoneName": zone, "zoneState": {"available": takes}} for zone, takes in sorted(known.items())
        ]
    }
