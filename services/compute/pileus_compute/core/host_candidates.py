"""Reads the hosts that may suit a server, best first.

The database leaves out the hosts that can't suit and sorts the others, so that a request reads a page of them, however
many hosts there are. What only Python can judge (the hardware that an image asks for) may reject a whole page; then a
larger one follows. The scheduler's filters look at every candidate again: the conditions here only save rows.
"""

from collections.abc import Iterator, Sequence

from sqlalchemy import ColumnElement, Float, Select, and_, case, false, func, select, type_coerce
from sqlalchemy.orm import Session

from pileus_compute.core import availability_zones, hosts
from pileus_compute.core.request_specs import AVOIDED_WEIGHT, SOFT_POLICY_WEIGHT, Candidate, RequestSpec, soft_counts
from pileus_compute.db.models import Aggregate, AggregateHost, Host
from pileus_kit import hosts as host_rows

PAGE, GROWTH = 50, 4
MAX_EXPLAINED = 200
"""Hosts of which a refusal says what each lacks."""
Condition = ColumnElement[bool]


def pages(session: Session, spec: RequestSpec) -> Iterator[list[Candidate]]:
    """Yield the hosts that the database finds suitable, best first; each page has more than the one before."""
    aggregates = _aggregates(session)
    suitable = and_(*_located(spec, aggregates), *_usable(spec))
    query = select(Host).where(suitable).order_by(_weight(spec).desc(), Host.name)
    offset, size = 0, PAGE
    while page := _read(session, spec, query.offset(offset).limit(size), aggregates):
        yield page
        if len(page) < size:
            return
        offset, size = offset + size, size * GROWTH


def to_explain(session: Session, spec: RequestSpec) -> tuple[list[Candidate], int]:
    """Return hosts for a refusal that says what each lacks, and how many there are besides: all hosts, or of many those
    that are where the server should be."""
    aggregates, everywhere = _aggregates(session), select(Host).order_by(Host.name).limit(MAX_EXPLAINED)
    total = session.scalar(select(func.count()).select_from(Host)) or 0
    found: list[Candidate] = []
    if total > MAX_EXPLAINED:
        found = _read(session, spec, everywhere.where(*_located(spec, aggregates)), aggregates)
    found = found or _read(session, spec, everywhere, aggregates)
    return found, total - len(found)


def _aggregates(session: Session) -> dict[int, Aggregate]:
    return {aggregate.id: aggregate for aggregate in session.scalars(select(Aggregate))}


def _read(
    session: Session, spec: RequestSpec, query: Select[Host], aggregates: dict[int, Aggregate]
) -> list[Candidate]:
    """Return the query's hosts with their zones and the metadata of their aggregates: two statements."""
    found = session.scalars(query).all()
    member_of: dict[str, list[Aggregate]] = {}
    if aggregates and found:
        members = select(AggregateHost.host, AggregateHost.aggregate_id)
        for name, aggregate in session.execute(members.where(AggregateHost.host.in_([host.name for host in found]))):
            member_of.setdefault(name, []).append(aggregates[aggregate])
    return [_candidate(host, member_of.get(host.name, []), spec) for host in found]


def _candidate(host: Host, own: Sequence[Aggregate], spec: RequestSpec) -> Candidate:
    metadata: dict[str, set[str]] = {}
    for aggregate in own:
        for key, value in aggregate.meta.items():
            metadata.setdefault(key, set()).add(str(value))
    return Candidate(host, availability_zones.zone_of(own, spec.default_zone), metadata)


def _usable(spec: RequestSpec) -> Iterator[Condition]:
    """Yield what a host must be and have for this server to run on it."""
    yield Host.disabled.is_(False)
    yield host_rows.up_condition(Host, spec.silence_s)
    yield Host.vcpus >= spec.claim.vcpus
    yield from hosts.room(spec.claim, spec.ratios)


def _located(spec: RequestSpec, aggregates: dict[int, Aggregate]) -> Iterator[Condition]:
    """Yield which hosts are where the server should be."""
    if spec.host:
        yield Host.name == spec.host
    if unwanted := spec.excluded | spec.other_than | ({spec.present} if spec.present else set()):
        yield Host.name.not_in(unwanted)
    if spec.same_as is not None:
        yield Host.name.in_(spec.same_as)
    if spec.group_policy == "affinity" and spec.group_hosts:
        yield Host.name.in_(set(spec.group_hosts))
    if spec.group_policy == "anti-affinity":
        yield Host.name.not_in({h for h in spec.group_hosts if spec.group_hosts.count(h) >= spec.group_limit})
    if spec.zone:
        yield _in_zone(spec.zone, spec.default_zone, aggregates)
    for name, value in spec.aggregate_values():
        yield _in_any([a for a in aggregates.values() if name in a.meta and str(a.meta[name]) == value])


def _in_zone(zone: str, default_zone: str, aggregates: dict[int, Aggregate]) -> Condition:
    zones = {a.id: str(a.meta["availability_zone"]) for a in aggregates.values() if a.meta.get("availability_zone")}
    if zone != default_zone:
        return _in_any([aggregates[number] for number, name in zones.items() if name == zone])
    elsewhere = [aggregates[number] for number, name in zones.items() if name != zone]
    return ~_in_any(elsewhere) if elsewhere else Host.name.is_not(None)


def _in_any(aggregates: Sequence[Aggregate]) -> Condition:
    """Return the condition of the hosts that are in one of these aggregates."""
    if not aggregates:
        return false()
    members = select(AggregateHost.host).where(AggregateHost.aggregate_id.in_([one.id for one in aggregates]))
    return Host.name.in_(members)


def _weight(spec: RequestSpec) -> ColumnElement[float]:
    """Return `scheduler.weight` as the database computes it."""
    free = 1 - Host.memory_mib_used / func.nullif(Host.memory_mib * spec.ratios.memory, 0.0)
    idle = 1 - Host.vcpus_used / func.nullif(Host.vcpus * spec.ratios.cpu, 0.0)
    weight = func.coalesce(free, 1.0) + func.coalesce(idle, 1.0) / 2
    if counts := soft_counts(spec):
        weight += SOFT_POLICY_WEIGHT * case(counts, value=Host.name, else_=0)
    if spec.avoided:
        weight += case((Host.name.in_(spec.avoided), AVOIDED_WEIGHT), else_=0)
    return type_coerce(weight, Float)
