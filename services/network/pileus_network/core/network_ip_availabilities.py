"""Counts the IP addresses of networks: all of them, and the used ones."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pileus_network.core import ip_ranges, networks
from pileus_network.core.visibility import ELEVATED
from pileus_network.db.models import FixedIp, Network, Subnet

MAX_NETWORKS = 5000
FILTERS = {
    "network_id": Network.id,
    "network_name": Network.name,
    "project_id": Network.project_id,
    "tenant_id": Network.project_id,
}


@dataclass(frozen=True)
class SubnetIps:
    """How many addresses a subnet's pools have, and how many addresses of the subnet are used."""

    subnet: Subnet
    total: int
    used: int


@dataclass(frozen=True)
class NetworkIps:
    """A network with the addresses of its subnets."""

    network: Network
    subnets: Sequence[SubnetIps]


def list_all(
    session: Session, filters: Mapping[str, Sequence[str]], ip_versions: Sequence[int | None] | None
) -> list[NetworkIps]:
    """Return the networks that match. `ip_versions`: those with a subnet of one of these; None is no condition."""
    query = select(Network).options(*networks.LOADED).order_by(Network.id).limit(MAX_NETWORKS)
    for name, values in filters.items():
        query = query.where(FILTERS[name].in_(values))
    if ip_versions is not None:
        query = query.where(Network.id.in_(select(Subnet.network_id).where(Subnet.ip_version.in_(ip_versions))))
    return _count(session, list(session.scalars(query)))


def find(session: Session, network_id: str) -> NetworkIps:
    """Return the addresses of one network. Raises NetworkNotFound."""
    return _count(session, [networks.find(session, network_id, ELEVATED)])[0]


def _count(session: Session, rows: Sequence[Network]) -> list[NetworkIps]:
    ids = [subnet.id for row in rows for subnet in row.subnets]
    counted = session.execute(
        select(FixedIp.subnet_id, func.count()).where(FixedIp.subnet_id.in_(ids)).group_by(FixedIp.subnet_id)
    )
    used = Counter({row.subnet_id: row[1] for row in counted})
    return [
        NetworkIps(row, [SubnetIps(subnet, _total(subnet), used[subnet.id]) for subnet in row.subnets]) for row in rows
    ]


def _total(subnet: Subnet) -> int:
    return sum(last - first + 1 for first, last in ip_ranges.to_integers(subnet.allocation_pools))
