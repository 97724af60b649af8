"""Where DHCP and routers live: on the living host that carries the fewest."""

from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from pileus_kit.vigils import silent
from pileus_network.db.models import Host, Port
from pileus_network.rpc import SERVICE_OWNERS

SILENCE = timedelta(seconds=75)
"""A host that hasn't said hello for so long counts as dead; OpenStack's `agent_down_time`."""


def alive(host: Host) -> bool:
    return not silent(host.seen_at, SILENCE)


def pick(session: Session, physical_networks: frozenset[str] = frozenset(), tunnels: bool = False) -> str:
    """The host for a network service, "" if none can take it.

    `physical_networks` must all be mapped there. `tunnels`: prefer hosts that reach the others by VXLAN.
    """
    load = (
        select(func.count())
        .where(Port.host == Host.name, Port.device_owner.in_(SERVICE_OWNERS))
        .correlate(Host)
        .scalar_subquery()
    )
    rows = session.execute(select(Host, load).where(Host.admin_state_up)).all()
    fit = [
        (tunnels and not host.tunnel_address, count, host.name)
        for host, count in rows
        if physical_networks <= set(host.physical_networks) and alive(host)
    ]
    return min(fit)[2] if fit else ""
