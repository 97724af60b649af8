"""Which addresses a port gets: from what it asked for, or by the network's own rules."""

from collections.abc import Sequence

from sqlalchemy.orm import Session

from pileus_network.core import addresses, ranges
from pileus_network.core.addresses import Allocator
from pileus_network.db.models import FixedIp, Network, Port, Subnet
from pileus_network.errors import (
    InvalidInput,
    InvalidIpForNetwork,
    InvalidIpForSubnet,
    IpAddressGenerationFailure,
    IpAddressInUse,
)

MOST = 5
"""Addresses that a port may be given on request; OpenStack's default."""
Wishes = Sequence[dict[str, str]]


class Addresser:
    """Gives addresses to the ports of one network within one transaction. The network's subnets are loaded."""

    def __init__(self, session: Session, network: Network) -> None:
        self.network, self._allocator = network, Allocator(session)
        self._by_id = {subnet.id: subnet for subnet in network.subnets}

    def assign(self, port: Port, wishes: Wishes | None) -> None:
        """`wishes` None: one address of each family. Automatic ones always come along. What the port keeps is left
        alone.
        """
        if wishes is None:
            chosen = self._automatic(port)
        else:
            self._check_number(port, wishes)
            chosen = self._asked(port, wishes)
            chosen += [pair for pair in self._implied(port) if pair[0] not in {subnet_id for subnet_id, _ in chosen}]
        kept = {(ip.subnet_id, ip.address): ip for ip in port.fixed_ips}
        port.fixed_ips[:] = [kept.get(pair) or FixedIp(subnet_id=pair[0], address=pair[1]) for pair in chosen]
        for position, ip in enumerate(port.fixed_ips):
            ip.position = position

    def assign_ipv4(self, port: Port) -> None:
        """One IPv4 address, out of the first subnet that has one."""
        chosen = self._first_free([s for s in self.network.subnets if s.ip_version == 4])
        port.fixed_ips[:] = [FixedIp(subnet_id=subnet_id, address=address) for subnet_id, address in chosen]

    def _check_number(self, port: Port, wishes: Wishes) -> None:
        if len(wishes) > MOST and not port.device_owner.startswith("network:"):
            raise InvalidInput(error_message="Exceeded maximum amount of fixed ips per port.")

    # -- by the network's rules ------------------------------------------------------------------------------------

    def _automatic(self, port: Port) -> list[tuple[str, str]]:
        subnets = self._open_to(port)
        chosen = self._first_free([s for s in subnets if s.ip_version == 4])
        chosen += self._first_free([s for s in subnets if s.ip_version == 6 and not addresses.automatic(s)])
        chosen += self._implied(port)
        if self.network.subnets and not chosen:
            raise IpAddressGenerationFailure(net_id=self.network.id)
        return chosen

    def _open_to(self, port: Port) -> list[Subnet]:
        return [s for s in self.network.subnets if not s.service_types or port.device_owner in s.service_types]

    def _implied(self, port: Port) -> list[tuple[str, str]]:
        """The addresses that a host gives itself, whatever it asked for: it hears the advertisements all the same."""
        if port.device_owner.startswith(("network:router_", "network:floatingip")):
            return []
        own = [s for s in self._open_to(port) if addresses.automatic(s)]
        return [(s.id, addresses.own_address(s, port.mac_address)) for s in own]

    def _first_free(self, subnets: list[Subnet]) -> list[tuple[str, str]]:
        """One address out of the first subnet that has one; an error if all are full."""
        for subnet in subnets:
            address = self._allocator.take(subnet)
            if address is not None:
                return [(subnet.id, address)]
        if subnets:
            raise IpAddressGenerationFailure(net_id=self.network.id)
        return []

    # -- as asked --------------------------------------------------------------------------------------------------

    def _asked(self, port: Port, wishes: Wishes) -> list[tuple[str, str]]:
        """Every address that was named first, so that none of them is given out as a free one meanwhile."""
        kept = {(ip.subnet_id, ip.address) for ip in port.fixed_ips}
        named: dict[int, tuple[str, str]] = {}
        for number, wish in enumerate(wishes):
            if wish.get("ip_address"):
                pair = self._named(port, wish)
                if pair in named.values():
                    raise InvalidInput(error_message=f"Duplicate IP address '{pair[1]}' in fixed_ips")
                if pair not in kept and not self._allocator.claim(self._by_id[pair[0]], pair[1]):
                    raise IpAddressInUse(net_id=self.network.id, ip_address=pair[1])
                named[number] = pair
        return [named[number] if number in named else self._any(port, wish) for number, wish in enumerate(wishes)]

    def _named(self, port: Port, wish: dict[str, str]) -> tuple[str, str]:
        address = ranges.address(wish["ip_address"])
        subnet = self._subnet(wish["subnet_id"]) if wish.get("subnet_id") else self._containing(address)
        router = port.device_owner.startswith("network:router_")
        if not ranges.usable(ranges.prefix(subnet.cidr), address) and not (
            router and address in ranges.prefix(subnet.cidr)
        ):
            raise InvalidIpForSubnet(ip_address=str(address))
        if (
            addresses.automatic(subnet)
            and not router
            and str(address) != addresses.own_address(subnet, port.mac_address)
        ):
            raise InvalidInput(
                error_message=f"IPv6 address {address} can not be directly assigned to a port on subnet {subnet.id} "
                "since the subnet is configured for automatic addresses"
            )
        return subnet.id, str(address)

    def _any(self, port: Port, wish: dict[str, str]) -> tuple[str, str]:
        subnet = self._subnet(wish["subnet_id"])
        if addresses.automatic(subnet) and not port.device_owner.startswith("network:router_"):
            return subnet.id, addresses.own_address(subnet, port.mac_address)
        address = self._allocator.take(subnet)
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

    def _containing(self, address: ranges.Address) -> Subnet:
        for subnet in self.network.subnets:
            if subnet.ip_version == address.version and address in ranges.prefix(subnet.cidr):
                return subnet
        raise InvalidIpForNetwork(ip_address=str(address))
