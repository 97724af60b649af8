"""The scheduler: chooses the host of a server by filters and weights, and says what each unsuitable host lacks."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from sqlalchemy import select
from sqlalchemy.orm import Session

from pileus_compute.config import Config
from pileus_compute.core import guests, host_candidates, hosts, leftovers
from pileus_compute.core.hosts import Claim, Ratios
from pileus_compute.core.request_specs import (
    AVOIDED_WEIGHT,
    SOFT_POLICY_WEIGHT,
    Candidate,
    RequestSpec,
    soft_counts,
)
from pileus_compute.db.models import Server, ServerGroup
from pileus_compute.errors import NoValidHost
from pileus_kit import hosts as host_rows
from pileus_kit.json_types import JsonObject

Filter = Callable[[Candidate, RequestSpec], str | None]
"""Returns why the host is unsuitable, as the end of a sentence that begins with its name; None if it is suitable."""


def up(candidate: Candidate, spec: RequestSpec) -> str | None:
    """The host must be enabled, and its agent must report."""
    if candidate.host.disabled:
        return f"is disabled ({candidate.host.disabled_reason or 'no reason given'})"
    return host_rows.reason_down(candidate.host, spec.silence_s)


def named(candidate: Candidate, spec: RequestSpec) -> str | None:
    """The host must be the requested one, if one is, and must not have failed the server before."""
    if spec.host and candidate.host.name != spec.host:
        return f"is not the requested host {spec.host}"
    if candidate.host.name == spec.present:
        return "is the server's present host"
    return "was tried before" if candidate.host.name in spec.excluded else None


def zone(candidate: Candidate, spec: RequestSpec) -> str | None:
    """The host must be in the requested zone, if one is."""
    if spec.zone and candidate.zone != spec.zone:
        return f"is in zone {candidate.zone}, not {spec.zone}"
    return None


def vcpus(candidate: Candidate, spec: RequestSpec) -> str | None:
    """The host must offer enough CPUs, and have as many physical ones as the server has virtual ones."""
    host = candidate.host
    free = int(host.vcpus * spec.ratios.cpu) - host.vcpus_used
    if spec.claim.vcpus > host.vcpus:
        return f"has {host.vcpus} CPUs in all, {spec.claim.vcpus} wanted"
    return f"has {free} VCPUs free, {spec.claim.vcpus} wanted" if free < spec.claim.vcpus else None


def memory(candidate: Candidate, spec: RequestSpec) -> str | None:
    """The host must offer enough memory."""
    free = int(candidate.host.memory_mib * spec.ratios.memory) - candidate.host.memory_mib_used
    wanted = spec.claim.memory_mib
    return f"has {free} MiB of memory free, {wanted} wanted" if free < wanted else None


def disk(candidate: Candidate, spec: RequestSpec) -> str | None:
    """The host must offer enough disk."""
    free = max(int(candidate.host.disk_gib * spec.ratios.disk) - candidate.host.disk_gib_used, 0)
    wanted = spec.claim.disk_gib
    return f"has {free} GiB of disk free, {wanted} wanted" if free < wanted else None


def hints(candidate: Candidate, spec: RequestSpec) -> str | None:
    """The host must satisfy the hints same_host and different_host."""
    if spec.same_as is not None and candidate.host.name not in spec.same_as:
        return "has none of the servers named by same_host"
    return "has a server named by different_host" if candidate.host.name in spec.other_than else None


def group(candidate: Candidate, spec: RequestSpec) -> str | None:
    """The host must satisfy the policy of the server's group."""
    here = spec.group_hosts.count(candidate.host.name)
    if spec.group_policy == "anti-affinity" and here >= spec.group_limit:
        return f"has {here} of the group's servers already"
    if spec.group_policy == "affinity" and spec.group_hosts and not here:
        return "has none of the group's servers"
    return None


def aggregates(candidate: Candidate, spec: RequestSpec) -> str | None:
    """One of the host's aggregates must have what the flavor's `aggregate_instance_extra_specs:KEY` says."""
    for name, value in spec.aggregate_values():
        if value not in candidate.aggregate_metadata.get(name, ()):
            return f"is in no aggregate with {name}={value}"
    return None


def image(candidate: Candidate, spec: RequestSpec) -> str | None:
    """The host must provide the hardware that image and flavor ask for."""
    lacks = hosts.capabilities_of(candidate.host).missing(spec.properties)
    return f"does not give {', '.join(lacks[:5])}" if lacks else None


FILTERS: tuple[Filter, ...] = (up, named, zone, vcpus, memory, disk, hints, group, aggregates, image)
"""Their names are part of the fault that a server shows if no host is suitable."""
MAX_NAMED = 20  # hosts in the reason of one filter


def weight(candidate: Candidate, spec: RequestSpec) -> float:
    """Return how good the host is: higher is better. The group's soft policy counts before free memory and CPUs, which
    are taken as shares of what the host offers."""
    host = candidate.host
    free = 1 - (host.memory_mib_used / max(host.memory_mib * spec.ratios.memory, 1))
    idle = 1 - (host.vcpus_used / max(host.vcpus * spec.ratios.cpu, 1))
    soft = soft_counts(spec).get(host.name, 0)
    return free + idle / 2 + SOFT_POLICY_WEIGHT * soft + AVOIDED_WEIGHT * (host.name in spec.avoided)


def best_first(candidates: Sequence[Candidate], spec: RequestSpec) -> tuple[list[Candidate], list[str]]:
    """Return the hosts that pass every filter, best first, and for each filter what the refused hosts lack."""
    passed = list(candidates)
    lacking: list[str] = []
    for check in FILTERS:
        reasons = {c.host.name: check(c, spec) for c in passed}
        refused = [f"{name} {why}" for name, why in reasons.items() if why]
        if refused:
            lacking.append(f"{check.__name__}: {', '.join(refused[:MAX_NAMED])}")
        passed = [c for c in passed if not reasons[c.host.name]]
    return sorted(passed, key=lambda c: weight(c, spec), reverse=True), lacking


def rank(candidates: Sequence[Candidate], spec: RequestSpec, others: int = 0) -> list[Candidate]:
    """Return the hosts that pass every filter, best first. Raises NoValidHost with what each host lacks; `others` are
    unsuitable, too."""
    passed, lacking = best_first(candidates, spec)
    if not passed:
        more = [f"{others} other hosts don't do either"] if others else []
        raise NoValidHost(why="; ".join(lacking + more) or "There are no hosts.")
    return passed


def select_host(session: Session, server_id: str, spec: RequestSpec, purpose: str = "run") -> Candidate:
    """Claim the best host for the server, or the next best if another server was faster. Raises NoValidHost."""
    for page in host_candidates.pages(session, spec):
        for candidate in best_first(page, spec)[0]:
            if hosts.claim(session, candidate.host.name, server_id, spec.claim, spec.ratios, purpose):
                return candidate
    explained, others = host_candidates.to_explain(session, spec)
    rank(explained, spec, others)
    raise NoValidHost(why="Every host that had room was filled by others meanwhile.")


def has_host(session: Session, spec: RequestSpec) -> bool:
    """Whether there is a host for the server now; nothing is claimed."""
    return any(best_first(page, spec)[0] for page in host_candidates.pages(session, spec))


def load_request_spec(
    session: Session,
    server: Server,
    claim: Claim,
    config: Config,
    *,
    excluded: frozenset[str] = frozenset(),
    host: str | None = None,
    avoided: frozenset[str] = frozenset(),
) -> RequestSpec:
    """Return what the server asks of a host, with its hints and its group looked up. A host that may still have
    something of the server, from before it was moved away, is excluded."""
    group = session.get(ServerGroup, server.group_id) if server.group_id else None
    same = _listed(server.scheduler_hints.get("same_host"))
    different = _listed(server.scheduler_hints.get("different_host"))
    hosts_of = _find_hosts(session, server, same + different)
    return RequestSpec(
        claim=claim,
        ratios=Ratios(config.cpu_overcommit, config.memory_overcommit, config.disk_overcommit),
        silence_s=config.host_silence_s,
        default_zone=config.default_zone,
        zone=server.requested_zone,
        host=host or server.requested_host,
        excluded=excluded | (leftovers.hosts_of(session, server.id) if server.launched_at else set()),
        avoided=avoided,
        same_as=frozenset(hosts_of[s] for s in same if s in hosts_of) if same else None,
        other_than=frozenset(hosts_of[s] for s in different if s in hosts_of),
        group_policy=group.policy if group else None,
        group_limit=int((group.rules or {}).get("max_server_per_host", 1)) if group else 1,
        group_hosts=_hosts_of_group(session, group, server) if group else (),
        extra_specs=server.flavor.get("extra_specs", {}),
        properties=guests.properties_of(server),
    )


def for_flavor(spec: RequestSpec, server: Server, flavor: JsonObject) -> RequestSpec:
    """Return what the server asks of a host with another flavor."""
    properties = guests.properties_from(server.image, flavor)
    return replace(spec, extra_specs=flavor.get("extra_specs", {}), properties=properties)


def _hosts_of_group(session: Session, group: ServerGroup, server: Server) -> tuple[str, ...]:
    """Return the host of each other member of the server's group that is on one."""
    others = select(Server.host).where(Server.group_id == group.id, Server.id != server.id, Server.host.is_not(None))
    return tuple(str(host) for host in session.scalars(others))


def _find_hosts(session: Session, server: Server, named: list[str]) -> dict[str, str]:
    """Return the hosts of the servers that the hints name, by server id.

    Servers of other projects are left out, as if they didn't exist: a user must not find out where they run.
    """
    if not named:
        return {}
    rows = session.execute(
        select(Server.id, Server.host).where(
            Server.id.in_(named), Server.project_id == server.project_id, Server.host.is_not(None)
        )
    )
    return {server_id: str(host) for server_id, host in rows}


def _listed(hint: object) -> list[str]:
    if not hint:
        return []
    return [str(h) for h in hint] if isinstance(hint, list) else [str(hint)]
