"""Chooses the fixed IPs of ports: the requested ones, or one of each family."""

from collections.abc import Sequence
from typing import TypedDict

from sqlalchemy.orm import Session

from pileus_network.core import ip_ranges, ipam
from pileus_network.core.ipam import Allocator
from pileus_network.db.models import FixedIp, Network, Port, Subnet
from pileus_network.errors import InvalidInput
from pileus_network.errors.ports import (
    InvalidIpForNetwork,
    InvalidIpForSubnet,
    IpAddressGenerationFailure,
    IpAddressInUse,
)

MAX_FIXED_IPS = 5
"""Addresses that a request may ask for; OpenStack's default."""


class RequestedIp(TypedDict, total=False):
    """An address, any address of a subnet, or both."""

    subnet_id: str
    ip_address: str


RequestedIps = Sequence[RequestedIp]


class FixedIpAssigner:
    """Gives addresses to the ports of one network within one transaction. The network's subnets are loaded."""

    def __init__(self, session: Session, network: Network) -> None:
        self.network, self._allocator = network, Allocator(session)
        self._by_id = {subnet.id: subnet for subnet in network.subnets}

    def assign(self, port: Port, requests: RequestedIps | None) -> None:
        """Replace the port's fixed IPs by the requested ones; None means one address of each family.

        SLAAC addresses are always added. Rows of addresses that the port keeps are left alone.
        """
        if requests is None:
            chosen = self._automatic(port)
        else:
            self._check_number(port, requests)
            chosen = self._requested(port, requests)
            chosen += [
                pair for pair in self._slaac_addresses(port) if pair[0] not in {subnet_id for subnet_id, _ in chosen}
            ]
        kept = {(ip.subnet_id, ip.address): ip for ip in port.fixed_ips}
        port.fixed_ips[:] = [kept.get(pair) or FixedIp(subnet_id=pair[0], address=pair[1]) for pair in chosen]
        for position, ip in enumerate(port.fixed_ips):
            ip.position = position

    def assign_ipv4(self, port: Port) -> None:
        """Assign one IPv4 address, of the first subnet that has a free one."""
        chosen = self._first_free([s for s in self.network.subnets if s.ip_version == 4])
        port.fixed_ips[:] = [FixedIp(subnet_id=subnet_id, address=address) for subnet_id, address in chosen]

    def _check_number(self, port: Port, requests: RequestedIps) -> None:
        if len(requests) > MAX_FIXED_IPS and not port.device_owner.startswith("network:"):
            raise InvalidInput(error_message="Exceeded maximum amount of fixed ips per port.")

    # -- by the network's rules ------------------------------------------------------------------------------------

    def _automatic(self, port: Port) -> list[tuple[str, str]]:
        subnets = self._usable_subnets(port)
        chosen = self._first_free([s for s in subnets if s.ip_version == 4])
        chosen += self._first_free([s for s in subnets if s.ip_version == 6 and not ipam.is_auto_address_subnet(s)])
        chosen += self._slaac_addresses(port)
        if self.network.subnets and not chosen:
            raise IpAddressGenerationFailure(net_id=self.network.id)
        return chosen

    def _usable_subnets(self, port: Port) -> list[Subnet]:
        return [s for s in self.network.subnets if not s.service_types or port.device_owner in s.service_types]

    def _slaac_addresses(self, port: Port) -> list[tuple[str, str]]:
        """Return the addresses that a guest configures by itself: it receives the router advertisements in any case."""
        if port.device_owner.startswith(("network:router_", "network:floatingip")):
            return []
        own = [s for s in self._usable_subnets(port) if ipam.is_auto_address_subnet(s)]
        return [(s.id, ipam.slaac_address(s, port.mac_address)) for s in own]

    def _first_free(self, subnets: list[Subnet]) -> list[tuple[str, str]]:
        """Return an address of the first subnet that has a free one.

        Raises IpAddressGenerationFailure if all are full.
        """
        for subnet in subnets:
            address = self._allocator.allocate(subnet)
            if address is not None:
                return [(subnet.id, address)]
        if subnets:
            raise IpAddressGenerationFailure(net_id=self.network.id)
        return []

    # -- as asked --------------------------------------------------------------------------------------------------

    def _requested(self, port: Port, requests: RequestedIps) -> list[tuple[str, str]]:
        """Choose exact addresses first, so that none of them is allocated for a request for any address."""
        kept = {(ip.subnet_id, ip.address) for ip in port.fixed_ips}
        named: dict[int, tuple[str, str]] = {}
        for number, requested in enumerate(requests):
            if requested.get("ip_address"):
                pair = self._requested_address(port, requested)
                if pair in named.values():
                    raise InvalidInput(error_message=f"Duplicate IP address '{pair[1]}' in fixed_ips")
                if pair not in kept and not self._allocator.allocate_exactly(self._by_id[pair[0]], pair[1]):
                    raise IpAddressInUse(net_id=self.network.id, ip_address=pair[1])
                named[number] = pair
        return [
            named[number] if number in named else self._any_address(port, requested)
            for number, requested in enumerate(requests)
        ]

    def _requested_address(self, port: Port, requested: RequestedIp) -> tuple[str, str]:
        address = ip_ranges.address(requested["ip_address"])
        subnet = (
            self._subnet(requested["subnet_id"]) if requested.get("subnet_id") else self._subnet_containing(address)
        )
        router = port.device_owner.startswith("network:router_")
        if not ip_ranges.is_usable(ip_ranges.prefix(subnet.cidr), address) and not (
            router and address in ip_ranges.prefix(subnet.cidr)
        ):
            raise InvalidIpForSubnet(ip_address=str(address))
        if (
            ipam.is_auto_address_subnet(subnet)
            and not router
            and str(address) != ipam.slaac_address(subnet, port.mac_address)
        ):
            raise InvalidInput(
                error_message=f"IPv6 address {address} can not be directly assigned to a port on subnet {subnet.id} "
                "since the subnet is configured for automatic addresses"
            )
        return subnet.id, str(address)

    def _any_address(self, port: Port, requested: RequestedIp) -> tuple[str, str]:
        subnet = self._subnet(requested["subnet_id"])
        if ipam.is_auto_address_subnet(subnet) and not port.device_owner.startswith("network:router_"):
            return subnet.id, ipam.slaac_address(subnet, port.mac_address)
        address = self._allocator.allocate(subnet)
        if address is None:
            raise IpAddressGenerationFailure(net_id=self.network.id)
        return subnet.id, address

    def _subnet(self, subnet_id: str) -> Subnet:
        if subnet_id not in self._by_id:
            raise InvalidInput(
                error_message=f"Failed to create port on network {self.network.id}, because fixed_ips included "
                f"invalid subnet {subnet_id}"
            )
        return self._by_id[subnet_id]

    def _subnet_containing(self, address: ip_ranges.Address) -> Subnet:
        for subnet in self.network.subnets:
            if subnet.ip_version == address.version and address in ip_ranges.prefix(subnet.cidr):
                return subnet
        raise InvalidIpForNetwork(ip_address=str(address))
