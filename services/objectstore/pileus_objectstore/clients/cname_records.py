"""Questions to the domain name system: which name a host name's CNAME record has."""

from collections.abc import Sequence
from ipaddress import ip_address

from dns.exception import DNSException
from dns.rdatatype import CNAME
from dns.resolver import NXDOMAIN, NoAnswer, Resolver

NEGATIVE_S = 60


class CnameRecords:
    """Asks the system's name servers, or those that are given as ADDRESS or ADDRESS:PORT (IPv4). Thread-safe."""

    def __init__(self, nameservers: Sequence[str] = ()) -> None:
        """Raises ValueError for what is no name server's address."""
        self._resolver = Resolver(configure=not nameservers)
        ports = {}
        for server in nameservers:
            address, _, port = server.partition(":")
            ip_address(address)
            ports[address] = int(port or 53)
        if nameservers:
            self._resolver.nameservers = list(ports)
            self._resolver.nameserver_ports = ports

    def find(self, name: str, patience_s: float) -> tuple[str, int]:
        """(where the record leads, '' without one; for how many seconds this holds, 0 if there was no answer)."""
        try:
            found = self._resolver.resolve(name, CNAME, lifetime=patience_s, search=False)
        except (NXDOMAIN, NoAnswer):
            return "", NEGATIVE_S
        except DNSException:
            return "", 0
        if found.rrset is None:
            return "", NEGATIVE_S
        return found[0].target.to_text(omit_final_dot=True).lower(), found.rrset.ttl
