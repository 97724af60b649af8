"""The names of everything on a host, by which what is ours is told from what is not.

Interface names have at most 15 characters: `pl`, a letter, and the first 11 of a UUID. A server's tap is called `tap`
and those 11, which other services rely on; our prefix is in its alias instead.
"""

import re
from dataclasses import dataclass

SHORT = "[0-9a-f]{8}-[0-9a-f]{2}"
BRIDGE, TUNNEL, VLAN, OUTER, INNER, NEW = "b", "x", "v", "h", "n", "t"


@dataclass(frozen=True)
class Names:
    """Names with one prefix, which has one to three letters or digits."""

    prefix: str

    def __post_init__(self) -> None:
        if not re.fullmatch("[a-z][a-z0-9]{0,2}", self.prefix):
            raise ValueError(f"A prefix is one to three lower-case letters or digits, not {self.prefix!r}")

    def bridge(self, network_id: str) -> str:
        """Return the name of a network's bridge."""
        return self._name(BRIDGE, network_id)

    def tunnel(self, network_id: str) -> str:
        """Return the name of a network's VXLAN interface."""
        return self._name(TUNNEL, network_id)

    def vlan(self, network_id: str) -> str:
        """Return the name of a network's VLAN interface."""
        return self._name(VLAN, network_id)

    def outer(self, port_id: str) -> str:
        """Return the name of the end of a service port's veth pair that is in the network's bridge."""
        return self._name(OUTER, port_id)

    def inner(self, port_id: str) -> str:
        """Return the name of the end that is inside a namespace."""
        return self._name(INNER, port_id)

    def new_tap(self, port_id: str) -> str:
        """Return the name of a tap until it has its alias."""
        return self._name(NEW, port_id)

    def tap(self, port_id: str) -> str:
        """Return the name of a server's tap, which compute uses as well."""
        return "tap" + port_id[:11]

    def dhcp(self, network_id: str) -> str:
        """Return the name of a network's DHCP namespace."""
        return f"{self.prefix}-dhcp-{network_id}"

    def router(self, router_id: str) -> str:
        """Return the name of a router's namespace."""
        return f"{self.prefix}-router-{router_id}"

    @property
    def table(self) -> str:
        """The name of our nftables tables."""
        return f"pileus_{self.prefix}"

    def is_ours(self, interface: str, alias: str) -> bool:
        """Return whether an interface with this name and alias is ours."""
        letters = BRIDGE + TUNNEL + VLAN + OUTER + NEW
        return alias.startswith(f"{self.prefix}:") or bool(re.fullmatch(f"{self.prefix}[{letters}]{SHORT}", interface))

    def is_our_namespace(self, namespace: str) -> bool:
        """Return whether a namespace with this name is ours."""
        return namespace.startswith((f"{self.prefix}-dhcp-", f"{self.prefix}-router-"))

    def label(self, what: str, id: str, number: int) -> str:
        """Return an alias: the owner's prefix, what it is for, and a number that stays the same as long as the link
        exists.
        """
        return f"{self.prefix}:{what}:{id}:{number}"

    def number(self, alias: str) -> int:
        """Return the number in an alias of ours, 0 for any other text."""
        parts = alias.split(":")
        return int(parts[3]) if len(parts) == 4 and parts[0] == self.prefix and parts[3].isdecimal() else 0

    def _name(self, letter: str, id: str) -> str:
        return f"{self.prefix}{letter}{id[:11]}"
