"""/v2.0/network-ip-availabilities: how many addresses each network has, and how many are used."""

from collections import Counter
from typing import Any

from flask import request
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pileus_kit.numbers import parse_whole_number
from pileus_kit.web import Resource
from pileus_network.api.transactions import read
from pileus_network.core import ip_ranges, networks
from pileus_network.core.visibility import ELEVATED
from pileus_network.db.models import FixedIp, Network, Subnet
from pileus_network.errors import HTTPBadRequest

resource = Resource("ip_availabilities", __name__, url_prefix="/v2.0/network-ip-availabilities")

COLUMNS = {
    "network_id": Network.id,
    "network_name": Network.name,
    "project_id": Network.project_id,
    "tenant_id": Network.project_id,
}
MAX_NETWORKS = 5000


def _views(session: Session, rows: list[Network]) -> list[dict[str, Any]]:
    ids = [subnet.id for row in rows for subnet in row.subnets]
    counted = session.execute(
        select(FixedIp.subnet_id, func.count()).where(FixedIp.subnet_id.in_(ids)).group_by(FixedIp.subnet_id)
    )
    used = Counter({row.subnet_id: row[1] for row in counted})
    return [_view(row, used) for row in rows]


def _view(row: Network, used: Counter[str]) -> dict[str, Any]:
    shown = [
        {
            "subnet_id": subnet.id,
            "subnet_name": subnet.name,
            "cidr": subnet.cidr,
            "ip_version": subnet.ip_version,
            "total_ips": _total(subnet),
            "used_ips": used[subnet.id],
        }
        for subnet in row.subnets
    ]
    return {
        "network_id": row.id,
        "network_name": row.name,
        "project_id": row.project_id,
        "tenant_id": row.project_id,
        "subnet_ip_availability": shown,
        "total_ips": sum(entry["total_ips"] for entry in shown),
        "used_ips": sum(entry["used_ips"] for entry in shown),
    }


def _total(subnet: Subnet) -> int:
    return sum(last - first + 1 for first, last in ip_ranges.to_integers(subnet.allocation_pools))


@resource.endpoint("GET", "", policy="get_network_ip_availability")
def index() -> dict[str, Any]:
    def work(session: Session) -> list[dict[str, Any]]:
        query = select(Network).options(*networks.LOADED).order_by(Network.id).limit(MAX_NETWORKS)
        for name in request.args:
            if name == "ip_version":
                query = query.where(
                    Network.id.in_(
                        select(Subnet.network_id).where(
                            Subnet.ip_version.in_([parse_whole_number(v) for v in request.args.getlist(name)])
                        )
                    )
                )
            elif name in COLUMNS:
                query = query.where(COLUMNS[name].in_(request.args.getlist(name)))
            elif name != "fields":
                raise HTTPBadRequest(why=f"['{name}'] is invalid attribute for filtering")
        return _views(session, list(session.scalars(query)))

    return {"network_ip_availabilities": read(work)}


@resource.endpoint("GET", "/<network_id>", policy="get_network_ip_availability")
def show(network_id: str) -> dict[str, Any]:
    return {
        "network_ip_availability": read(
            lambda session: _views(session, [networks.find(session, network_id, ELEVATED)])[0]
        )
    }
