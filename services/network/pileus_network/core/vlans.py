"""VLANs for networks that name none: free ones out of what the operator set aside for that."""

from collections.abc import Iterator

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_network.config import Config
from pileus_network.db.models import Host, Network
from pileus_network.errors import InvalidInput, VlanRangesUsedUp

FIRST, LAST = 1, 4094


def find_free(session: Session, config: Config, physical: str | None) -> tuple[str, int]:
    """A physical network (the one asked for, if any) and the lowest VLAN that no network has on it."""
    ranges = list(_ranges(session, config))
    if physical and physical not in {name for name, _, _ in ranges}:
        raise InvalidInput(error_message=f"Unknown physical_network {physical} for vlan provider network")
    for name, first, last in ranges:
        if physical in (None, "", name):
            taken = set(session.scalars(_used_vlans(name)))
            found = next((vlan for vlan in range(first, last + 1) if vlan not in taken), None)
            if found is not None:
                return name, found
    raise VlanRangesUsedUp(physical_network=physical or "of any name")


def _used_vlans(name: str):  # type: ignore[no-untyped-def]
    return select(Network.segmentation_id).where(Network.network_type == "vlan", Network.physical_network == name)


def _ranges(session: Session, config: Config) -> Iterator[tuple[str, int, int]]:
    """As configured, or all VLANs of all physical networks that some host is on."""
    for text in config.vlan_ranges:
        name, first, last = text.rsplit(":", 2)
        yield name, int(first), int(last)
    if not config.vlan_ranges:
        for name in sorted({name for names in session.scalars(select(Host.physical_networks)) for name in names}):
            yield name, FIRST, LAST
