"""The scheduler: which host a server goes to, and if none, what each of them lacked."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_compute.config import Config
from pileus_compute.core import availability_zones, guests, hosts
from pileus_compute.core.hosts import Claim, Ratios
from pileus_compute.db.models import Host, Server, ServerGroup
from pileus_compute.errors import NoValidHost
from pileus_kit import hosts as host_rows


@dataclass(frozen=True)
class RequestSpec:
    """What a host must offer, and what makes one better than another."""

    claim: Claim
    ratios: Ratios
    silence_s: int
    default_zone: str
    zone: str | None = None
    host: str | None = None
    excluded: frozenset[str] = frozenset()
    avoided: frozenset[str] = frozenset()  # they may do if there is no other
    same_as: frozenset[str] | None = None  # hosts of the servers named by the hint
    other_than: frozenset[str] = frozenset()
    group_policy: str | None = None
    group_limit: int = 1
    group_hosts: tuple[str, ...] = ()  # host of each other member
    extra_specs: dict[str, str] = field(default_factory=dict)
    properties: dict[str, str] = field(default_factory=dict)  # core.hardware


@dataclass(frozen=True)
class Candidate:
    host: Host
    zone: str
    aggregate_metadata: dict[str, set[str]]  # metadata of its aggregates


Filter = Callable[[Candidate, RequestSpec], str | None]


def up(candidate: Candidate, spec: RequestSpec) -> str | None:
    if candidate.host.disabled:
        return f"is disabled ({candidate.host.disabled_reason or 'no reason given'})"
    return host_rows.reason_down(candidate.host, spec.silence_s)


def named(candidate: Candidate, spec: RequestSpec) -> str | None:
    if spec.host and candidate.host.name != spec.host:
        return f"is not the requested host {spec.host}"
    return "was tried before" if candidate.host.name in spec.excluded else None


def zone(candidate: Candidate, spec: RequestSpec) -> str | None:
    if spec.zone and candidate.zone != spec.zone:
        return f"is in zone {candidate.zone}, not {spec.zone}"
    return None


def vcpus(candidate: Candidate, spec: RequestSpec) -> str | None:
    host = candidate.host
    free = int(host.vcpus * spec.ratios.cpu) - host.vcpus_used
    if spec.claim.vcpus > host.vcpus:
        return f"has {host.vcpus} CPUs in all, {spec.claim.vcpus} wanted"
    return f"has {free} VCPUs free, {spec.claim.vcpus} wanted" if free < spec.claim.vcpus else None


def memory(candidate: Candidate, spec: RequestSpec) -> str | None:
    free = int(candidate.host.memory_mib * spec.ratios.memory) - candidate.host.memory_mib_used
    wanted = spec.claim.memory_mib
    return f"has {free} MiB of memory free, {wanted} wanted" if free < wanted else None


def disk(candidate: Candidate, spec: RequestSpec) -> str | None:
    free = max(int(candidate.host.disk_gib * spec.ratios.disk) - candidate.host.disk_gib_used, 0)
    wanted = spec.claim.disk_gib
    return f"has {free} GiB of disk free, {wanted} wanted" if free < wanted else None


def hints(candidate: Candidate, spec: RequestSpec) -> str | None:
    if spec.same_as is not None and candidate.host.name not in spec.same_as:
        return "has none of the servers named by same_host"
    return "has a server named by different_host" if candidate.host.name in spec.other_than else None


def group(candidate: Candidate, spec: RequestSpec) -> str | None:
    here = spec.group_hosts.count(candidate.host.name)
    if spec.group_policy == "anti-affinity" and here >= spec.group_limit:
        return f"has {here} of the group's servers already"
    if spec.group_policy == "affinity" and spec.group_hosts and not here:
        return "has none of the group's servers"
    return None


def aggregates(candidate: Candidate, spec: RequestSpec) -> str | None:
    """`aggregate_instance_extra_specs:key` of the flavor must be in the metadata of one of the host's aggregates."""
    for key, value in spec.extra_specs.items():
        scope, _, name = key.rpartition(":")
        if scope == "aggregate_instance_extra_specs" and value not in candidate.aggregate_metadata.get(name, ()):
            return f"is in no aggregate with {name}={value}"
    return None


def image(candidate: Candidate, spec: RequestSpec) -> str | None:
    """What image and flavor ask of a guest's hardware."""
    lacks = hosts.capabilities_of(candidate.host).missing(spec.properties)
    return f"does not give {', '.join(lacks[:5])}" if lacks else None


FILTERS: tuple[Filter, ...] = (up, named, zone, vcpus, memory, disk, hints, group, aggregates, image)


def weight(candidate: Candidate, spec: RequestSpec) -> float:
    """Higher is better: free memory and CPUs as shares of what there is, and the group's soft wishes before both."""
    host = candidate.host
    free = 1 - (host.memory_mib_used / max(host.memory_mib * spec.ratios.memory, 1))
    idle = 1 - (host.vcpus_used / max(host.vcpus * spec.ratios.cpu, 1))
    here = spec.group_hosts.count(host.name)
    soft = {"soft-affinity": here, "soft-anti-affinity": -here}.get(spec.group_policy or "", 0)
    return free + idle / 2 + 10 * soft - 1000 * (host.name in spec.avoided)


def rank(candidates: Sequence[Candidate], spec: RequestSpec) -> list[Candidate]:
    """Those that pass every filter, best first. Raises NoValidHost with what each host lacked."""
    passed = list(candidates)
    lacking: list[str] = []
    for check in FILTERS:
        reasons = {c.host.name: check(c, spec) for c in passed}
        refused = [f"{name} {why}" for name, why in reasons.items() if why]
        if refused:
            lacking.append(f"{check.__name__}: {', '.join(refused[:20])}")
        passed = [c for c in passed if not reasons[c.host.name]]
    if not passed:
        raise NoValidHost(why="; ".join(lacking) or "There are no hosts.")
    return sorted(passed, key=lambda c: weight(c, spec), reverse=True)


def select_host(session: Session, server_id: str, spec: RequestSpec, purpose: str = "run") -> Candidate:
    """Claim the best host for the server, or the next best if somebody else was faster. Raises NoValidHost."""
    for candidate in rank(candidates(session, spec), spec):
        if hosts.claim(session, candidate.host.name, server_id, spec.claim, spec.ratios, purpose):
            return candidate
    raise NoValidHost(why="Every host that had room was filled by others meanwhile.")


def candidates(session: Session, spec: RequestSpec) -> list[Candidate]:
    """Every host, with its zone and what its aggregates say."""
    member_of = hosts.aggregates_by_host(session)
    found = []
    for host in session.scalars(select(Host)):
        own = member_of.get(host.name, [])
        aggregate_metadata: dict[str, set[str]] = {}
        for aggregate in own:
            for key, value in aggregate.meta.items():
                aggregate_metadata.setdefault(key, set()).add(str(value))
        found.append(Candidate(host, availability_zones.zone_of(own, spec.default_zone), aggregate_metadata))
    return found


def load_request_spec(
    session: Session,
    server: Server,
    claim: Claim,
    config: Config,
    excluded: frozenset[str] = frozenset(),
    host: str | None = None,
    avoided: frozenset[str] = frozenset(),
) -> RequestSpec:
    """The spec of this server, with its hints and group looked up. A hint that names another project's server says no
    more than one that names none: else it would tell where that server runs."""
    group_row = session.get(ServerGroup, server.group_id) if server.group_id else None
    members: tuple[str, ...] = ()
    if group_row:
        members = tuple(
            session.scalars(
                select(Server.host).where(
                    Server.group_id == group_row.id, Server.id != server.id, Server.host.is_not(None)
                )
            )
        )
    same, other = (
        _listed(server.scheduler_hints.get("same_host")),
        _listed(server.scheduler_hints.get("different_host")),
    )
    where: dict[str, str] = {}
    if same or other:
        where = {
            row[0]: str(row[1])
            for row in session.execute(
                select(Server.id, Server.host).where(
                    Server.id.in_(same + other), Server.project_id == server.project_id, Server.host.is_not(None)
                )
            )
        }
    return RequestSpec(
        claim=claim,
        ratios=Ratios(config.cpu_overcommit, config.memory_overcommit, config.disk_overcommit),
        silence_s=config.host_silence,
        default_zone=config.default_zone,
        zone=server.requested_zone,
        host=host or server.requested_host,
        excluded=excluded,
        avoided=avoided,
        same_as=frozenset(where[s] for s in same if s in where) if same else None,
        other_than=frozenset(where[s] for s in other if s in where),
        group_policy=group_row.policy if group_row else None,
        group_limit=int((group_row.rules or {}).get("max_server_per_host", 1)) if group_row else 1,
        group_hosts=members,
        extra_specs=server.flavor.get("extra_specs", {}),
        properties=guests.properties_of(server),
    )


def _listed(hint: object) -> list[str]:
    if not hint:
        return []
    return [str(h) for h in hint] if isinstance(hint, list) else [str(hint)]
