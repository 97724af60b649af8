"""What a server asks of a host, and a host that may do."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from pileus_compute.core.hosts import Claim, Ratios
from pileus_compute.db.models import Host

SOFT_POLICY_WEIGHT, AVOIDED_WEIGHT = 10, -1000


@dataclass(frozen=True)
class RequestSpec:
    """What a host must offer to a server, and what makes one host better than another."""

    claim: Claim
    ratios: Ratios
    silence_s: int
    default_zone: str
    zone: str | None = None
    host: str | None = None
    """The only host that will do."""
    excluded: frozenset[str] = frozenset()
    """Hosts on which the server has failed before, or that may still have something of it."""
    present: str | None = None
    """The host that the server is to leave."""
    avoided: frozenset[str] = frozenset()
    """Hosts that will do if there is no other."""
    same_as: frozenset[str] | None = None
    """Hosts of the servers that the hint same_host names; None: there is no such hint."""
    other_than: frozenset[str] = frozenset()
    """Hosts of the servers that the hint different_host names."""
    group_policy: str | None = None
    group_limit: int = 1
    """How many of the group's servers a host may have under the policy anti-affinity."""
    group_hosts: tuple[str, ...] = ()
    """The host of each other member of the group."""
    extra_specs: dict[str, str] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)
    """See core.image_properties."""

    def elsewhere(self, present: str, host: str | None = None) -> "RequestSpec":
        """Return this for a server that leaves its present host, for `host` if one is given. The host that was asked
        for when the server was created doesn't matter any more."""
        return replace(self, host=host, present=present)

    def forced(self) -> "RequestSpec":
        """Return what is left of this if an administrator insists on the host: that it is up and has room."""
        return replace(
            self,
            zone=None,
            same_as=None,
            other_than=frozenset(),
            group_policy=None,
            group_hosts=(),
            extra_specs={},
            properties={},
        )

    def aggregate_values(self) -> Iterator[tuple[str, str]]:
        """Yield the keys and values that the host's aggregates must have: `aggregate_instance_extra_specs:KEY`."""
        for key, value in self.extra_specs.items():
            scope, _, name = key.rpartition(":")
            if scope == "aggregate_instance_extra_specs":
                yield name, value


@dataclass(frozen=True)
class Candidate:
    """A host with its zone, and the metadata of its aggregates: the values that each key has."""

    host: Host
    zone: str
    aggregate_metadata: dict[str, set[str]]


def soft_counts(spec: RequestSpec) -> dict[str, int]:
    """Return for each host of the server's group how much better, or worse, its soft policy makes it."""
    sign = {"soft-affinity": 1, "soft-anti-affinity": -1}.get(spec.group_policy or "", 0)
    return {name: sign * spec.group_hosts.count(name) for name in spec.group_hosts} if sign else {}
