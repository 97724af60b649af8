"""Chooses the segment of a new network: a VXLAN, a VLAN of a physical network, or a flat physical network."""

import secrets
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from pileus_network.config import Config
from pileus_network.db.models import Host, Network
from pileus_network.errors import InvalidInput
from pileus_network.errors.networks import (
    FlatNetworkInUse,
    NoNetworkAvailable,
    TunnelIdInUse,
    VlanIdInUse,
    VlanRangesUsedUp,
)

CANDIDATES = 32
"""Random VNIs that one statement checks."""
FIRST_VLAN, LAST_VLAN = 1, 4094


@dataclass(frozen=True)
class Segment:
    """`physical_network` is "" and `segmentation_id` 0 where the network type has none."""

    network_type: str
    physical_network: str
    segmentation_id: int


def choose(
    session: Session, config: Config, network_type: str | None, physical: str | None, segmentation_id: int | None
) -> Segment:
    """Return the segment that is asked for, or a free one; without a type, a VXLAN segment."""
    if network_type in (None, "vxlan"):
        if network_type is None and (physical or segmentation_id is not None):
            raise InvalidInput(error_message="network_type required")
        if physical:
            raise InvalidInput(error_message="provider:physical_network specified for vxlan network")
        return Segment("vxlan", "", _choose_vni(session, config, segmentation_id))
    if network_type == "vlan" and segmentation_id is None:
        return Segment("vlan", *_find_free_vlan(session, config, physical))
    if not physical:
        raise InvalidInput(error_message=f"physical_network required for {network_type} provider network")
    if network_type == "flat":
        return _check_flat(session, physical, segmentation_id)
    if network_type == "vlan" and segmentation_id is not None:
        return _check_vlan(session, physical, segmentation_id)
    raise InvalidInput(error_message=f"Network type {network_type} is not supported; there are vxlan, flat and vlan")


def _check_flat(session: Session, physical: str, segmentation_id: int | None) -> Segment:
    if segmentation_id is not None:
        raise InvalidInput(error_message="segmentation_id specified for flat provider network")
    if _used_segments(session, "flat", physical, [0]):
        raise FlatNetworkInUse(physical_network=physical)
    return Segment("flat", physical, 0)


def _check_vlan(session: Session, physical: str, vlan: int) -> Segment:
    if not FIRST_VLAN <= vlan <= LAST_VLAN:
        raise InvalidInput(error_message="segmentation_id out of range (1 through 4094)")
    if _used_segments(session, "vlan", physical, [vlan]):
        raise VlanIdInUse(vlan_id=vlan, physical_network=physical)
    return Segment("vlan", physical, vlan)


def _choose_vni(session: Session, config: Config, requested: int | None) -> int:
    """Return the requested VNI, or a free one of the configured range.

    The constraint `one_network_a_segment` decides between two transactions that pick the same one.
    """
    if requested is not None:
        if not 1 <= requested < 1 << 24:
            raise InvalidInput(error_message="segmentation_id out of range (1 through 16777215)")
        if _used_segments(session, "vxlan", "", [requested]):
            raise TunnelIdInUse(tunnel_id=requested)
        return requested
    size = config.vni_last - config.vni_first + 1
    candidates = (
        {config.vni_first + secrets.randbelow(size) for _ in range(CANDIDATES)}
        if size > CANDIDATES
        else set(range(config.vni_first, config.vni_last + 1))
    )
    free = candidates - _used_segments(session, "vxlan", "", sorted(candidates))
    if not free:
        raise NoNetworkAvailable()
    return free.pop()


def _used_segments(session: Session, kind: str, physical: str, segments: Sequence[int]) -> set[int]:
    return set(
        session.scalars(
            select(Network.segmentation_id).where(
                Network.network_type == kind,
                Network.physical_network == physical,
                Network.segmentation_id.in_(segments),
            )
        )
    )


# -- VLANs -------------------------------------------------------------------------------------------------------------


def _find_free_vlan(session: Session, config: Config, physical: str | None) -> tuple[str, int]:
    """Return a physical network (the requested one, if any) and the lowest VLAN that no network has on it."""
    ranges = list(_vlan_ranges(session, config))
    if physical and physical not in {name for name, _, _ in ranges}:
        raise InvalidInput(error_message=f"Unknown physical_network {physical} for vlan provider network")
    for name, first, last in ranges:
        if physical in (None, "", name):
            taken = set(session.scalars(_used_vlans(name)))
            found = next((vlan for vlan in range(first, last + 1) if vlan not in taken), None)
            if found is not None:
                return name, found
    raise VlanRangesUsedUp(physical_network=physical or "of any name")


def _used_vlans(name: str) -> Select[int]:
    return select(Network.segmentation_id).where(Network.network_type == "vlan", Network.physical_network == name)


def _vlan_ranges(session: Session, config: Config) -> Iterator[tuple[str, int, int]]:
    """The configured ranges, or all VLANs of all physical networks that a host is connected to."""
    for text in config.vlan_ranges:
        name, first, last = text.rsplit(":", 2)
        yield name, int(first), int(last)
    if not config.vlan_ranges:
        for name in sorted({name for names in session.scalars(select(Host.physical_networks)) for name in names}):
            yield name, FIRST_VLAN, LAST_VLAN
