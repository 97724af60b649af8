"""Placing a server costs the same with few hosts and with many, and finds the one host that will do among them."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from pileus_compute.core import host_candidates, scheduler
from pileus_compute.core.host_candidates import MAX_EXPLAINED, PAGE
from pileus_compute.core.hosts import Claim, Ratios
from pileus_compute.core.request_specs import RequestSpec
from pileus_compute.db.models import Aggregate, AggregateHost, Host
from pileus_compute.errors import NoValidHost
from pileus_compute.testing import ComputeFixture
from pileus_kit.db import count_statements, now

FEW, MANY = 10, 200
IMAGE_ID = "11111111-1111-4111-8111-111111111111"


def add_hosts(compute: ComputeFixture, first: int, last: int, **facts: object) -> None:
    """Add hosts that reported just now; their agents are all the fixture's one."""
    size = {"vcpus": 8, "memory_mib": 8192, "disk_gib": 100, "hypervisor": "fake"}
    with compute.sessions.begin() as session:
        for number in range(first, last):
            name = f"many{number:04}"
            session.add(Host(name=name, number=1000 + number, inventory={}, **size | facts))
            compute.tools._agents[name] = compute.tools._agents["host1"]


@contextmanager
def rows_read(kind: type) -> Iterator[list[object]]:
    """Collect the rows of a table that become objects."""
    found: list[object] = []

    def note(target: object, *_: object) -> None:
        found.append(target)

    event.listen(kind, "load", note)
    try:
        yield found
    finally:
        event.remove(kind, "load", note)


def cost(compute: ComputeFixture) -> tuple[int, int]:
    """Return the statements and the rows of hosts that a server costs, from the request until it is ACTIVE."""
    with count_statements(compute.sessions) as statements, rows_read(Host) as rows:
        server = compute.server(imageRef=IMAGE_ID)
    assert server["status"] == "ACTIVE", server
    return len(statements), len(rows)


def test_placing_a_server_costs_no_more_with_many_hosts(compute: ComputeFixture) -> None:
    add_hosts(compute, 1, FEW)
    cost(compute)
    statements, _ = cost(compute)
    add_hosts(compute, FEW, MANY)
    more_statements, rows = cost(compute)
    assert more_statements == statements
    assert rows <= PAGE + 10, "a page of candidates, and what the flow reads of the chosen one"


def test_the_emptiest_of_many_hosts_takes_the_server(compute: ComputeFixture) -> None:
    add_hosts(compute, 1, MANY, memory_mib_used=4096)
    add_hosts(compute, MANY, MANY + 1)
    with compute.sessions.begin() as session:
        session.get_one(Host, "host1").memory_mib_used = 4096
    assert host_of(compute, compute.server(imageRef=IMAGE_ID)["id"]) == f"many{MANY:04}"


def host_of(compute: ComputeFixture, server_id: str) -> str:
    return str(compute.show(server_id, as_=compute.book.admin)["OS-EXT-SRV-ATTR:host"])


def spec(**wish: Any) -> RequestSpec:
    known = {"claim": Claim(1, 64, 1), "ratios": Ratios(1.0, 1.0, 1.0), "silence_s": 60, "default_zone": "nova"}
    return RequestSpec(**(known | wish))


def test_what_only_python_can_judge_is_found_beyond_the_first_page(compute: ComputeFixture) -> None:
    add_hosts(compute, 1, 2 * PAGE)
    add_hosts(compute, MANY, MANY + 1, memory_mib_used=4096, hypervisor="odd")
    with compute.sessions.read() as session:
        assert scheduler.has_host(session, spec(properties={"img_hv_type": "odd"}))
        assert not scheduler.has_host(session, spec(properties={"img_hv_type": "none"}))


def test_a_refusal_explains_a_bounded_number_of_hosts_and_counts_the_others(compute: ComputeFixture) -> None:
    add_hosts(compute, 1, MAX_EXPLAINED + 51, disabled=True)
    with compute.sessions.begin() as session, rows_read(Host) as rows, pytest.raises(NoValidHost) as refusal:
        scheduler.select_host(session, "s", spec(host="many0007"))
    assert "up: many0007 is disabled" in str(refusal.value) and "250 other hosts don't do either" in str(refusal.value)
    with compute.sessions.begin() as session, rows_read(Host) as rows, pytest.raises(NoValidHost) as refusal:
        scheduler.select_host(session, "s", spec(zone="moon"))
    assert "zone: host1 is in zone nova, not moon" in str(refusal.value) and len(rows) <= MAX_EXPLAINED


def test_the_database_leaves_out_no_host_that_the_filters_would_take(compute: ComputeFixture) -> None:
    """Random hosts and wishes: both ways to choose agree, in the hosts and in the order of their weights."""
    dice = random.Random(12)
    zones = {1: {"availability_zone": "z1"}, 2: {"availability_zone": "z2", "disk": "ssd"}, 3: {"disk": "ssd"}}
    with compute.sessions.begin() as session:
        session.add_all(Aggregate(id=number, name=f"a{number}", meta=meta) for number, meta in zones.items())
        for number in range(40):
            row = Host(name=f"h{number:02}", number=100 + number, inventory={}, hypervisor="fake")
            row.vcpus, row.memory_mib, row.disk_gib = dice.choice((0, 8, 8)), 4096, 100
            row.vcpus_used, row.memory_mib_used = dice.randrange(9), dice.randrange(4097)
            row.disabled, row.forced_down = dice.random() < 0.1, dice.random() < 0.1
            row.seen_at = now() - timedelta(seconds=dice.choice((0, 0, 0, 600)))
            session.add(row)
            for aggregate in {dice.choice((0, 1, 2)), dice.choice((0, 3))} - {0}:
                session.add(AggregateHost(aggregate_id=aggregate, host=row.name))
    names = [f"h{number:02}" for number in range(40)]
    with compute.sessions.read() as session:
        everything, _ = host_candidates.to_explain(session, spec())
        taken = 0
        for _ in range(60):
            wish = random_wish(dice, names)
            filtered = scheduler.best_first(everything, wish)[0]
            (page,) = list(host_candidates.pages(session, wish)) or [[]]
            assert {one.host.name for one in page} == {one.host.name for one in filtered}, wish
            weights = [round(scheduler.weight(one, wish), 6) for one in page]
            assert weights == sorted(weights, reverse=True), wish
            taken += len(page)
    assert taken > 60, "the wishes are not all too much"


def random_wish(dice: random.Random, names: list[str]) -> RequestSpec:
    wish: dict[str, Any] = {"claim": Claim(dice.choice((1, 4)), dice.choice((64, 1024)), 1)}
    wish["ratios"] = Ratios(dice.choice((1.0, 2.0)), dice.choice((1.0, 1.5)), 1.0)
    some = frozenset(dice.sample(names, 20))
    choices: dict[str, Any] = {
        "zone": dice.choice(("nova", "z1", "z2", "moon")),
        "host": dice.choice(names),
        "excluded": some,
        "avoided": some,
        "same_as": some,
        "other_than": some,
        "extra_specs": {"aggregate_instance_extra_specs:disk": dice.choice(("ssd", "tape")), "other": "1"},
    }
    for name in dice.sample(sorted(choices), 1):
        wish[name] = choices[name]
    policies = (None, "affinity", "anti-affinity", "soft-affinity", "soft-anti-affinity")
    members = tuple(dice.choices(names[:10], k=6))
    return spec(group_policy=dice.choice(policies), group_hosts=members, group_limit=dice.choice((1, 2)), **wish)
