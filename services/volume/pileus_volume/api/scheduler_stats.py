"""Scheduler statistics: pools and their capacity, for administrators."""

from flask import request

from pileus_kit.json_types import Answer, JsonObject
from pileus_volume.api.listing import flag, stamp
from pileus_volume.api.project_paths import Resource
from pileus_volume.api.tools import tools
from pileus_volume.core import hosts
from pileus_volume.core.capabilities import capabilities_of
from pileus_volume.core.pools import Pool, list_pools

resource = Resource("pools", __name__, url_prefix="/v3/scheduler-stats")


def _capabilities(pool: Pool) -> JsonObject:
    host = pool.host
    return capabilities_of(host) | {
        "allocated_capacity_gb": pool.claimed_gib,
        "provisioned_capacity_gb": pool.claimed_gib,
        "reserved_percentage": 0,
        "max_over_subscription_ratio": str(host.overcommit),
        "backend_state": "up" if hosts.is_up(host) else "down",
        "timestamp": stamp(host.seen_at),
    }


@resource.endpoint("GET", "/get_pools", policy="scheduler_extension:scheduler_stats:get_pools")
def index() -> Answer:
    detail = flag("detail")
    with tools().sessions.read() as session:
        pools = list_pools(session)
    return {
        "pools": [
            {"name": pool.host.pool, **({"capabilities": _capabilities(pool)} if detail else {})}
            for pool in pools
            if request.args.get("name") in (None, pool.host.pool)
        ]
    }
