from typing import Any

import pytest

from pileus_compute.core.hosts import Claim, Ratios
from pileus_compute.core.request_specs import Candidate, RequestSpec
from pileus_compute.core.scheduler import rank
from pileus_compute.db.models import Host
from pileus_compute.errors import NoValidHost
from pileus_kit.db import now


def candidate(name: str, zone: str = "nova", **facts: Any) -> Candidate:
    known = {
        "vcpus": 4,
        "memory_mib": 4096,
        "disk_gib": 100,
        "vcpus_used": 0,
        "memory_mib_used": 0,
        "disk_gib_used": 0,
        "disabled": False,
        "forced_down": False,
        "seen_at": now(),
    } | facts
    return Candidate(Host(name=name, **known), zone, {})


def spec(**wish: Any) -> RequestSpec:
    known: dict[str, Any] = {
        "claim": Claim(1, 512, 10),
        "ratios": Ratios(2.0, 1.0, 1.0),
        "silence_s": 60,
        "default_zone": "nova",
    }
    return RequestSpec(**known | wish)


def names(candidates: list[Candidate], wish: RequestSpec) -> list[str]:
    return [c.host.name for c in rank(candidates, wish)]


def test_the_emptiest_host_comes_first() -> None:
    assert names([candidate("full", memory_mib_used=3000), candidate("idle")], spec()) == ["idle", "full"]


def test_cpus_are_overcommitted_but_one_guest_gets_no_more_than_there_are() -> None:
    assert names([candidate("a", vcpus_used=7)], spec()) == ["a"]
    with pytest.raises(NoValidHost, match="vcpus: a has 0 VCPUs free, 1 wanted"):
        rank([candidate("a", vcpus_used=8)], spec())
    with pytest.raises(NoValidHost, match="a has 4 CPUs in all, 5 wanted"):
        rank([candidate("a")], spec(claim=Claim(5, 512, 1)))


def test_a_refusal_says_what_each_host_lacked() -> None:
    with pytest.raises(NoValidHost) as refusal:
        rank(
            [
                candidate("a", disabled=True, disabled_reason="repair"),
                candidate("b", zone="z2"),
                candidate("c", memory_mib_used=4000),
                candidate("d", disk_gib_used=95),
            ],
            spec(zone="nova"),
        )
    text = str(refusal.value)
    assert text.startswith("No valid host was found. ")
    for part in (
        "up: a is disabled (repair)",
        "zone: b is in zone z2, not nova",
        "memory: c has 96 MiB of memory free",
        "disk: d has 5 GiB of disk free, 10 wanted",
    ):
        assert part in text


def test_no_hosts_at_all() -> None:
    with pytest.raises(NoValidHost, match="There are no hosts"):
        rank([], spec())


@pytest.mark.parametrize(
    ("policy", "hosts", "expected"),
    [
        ("anti-affinity", ("a",), ["b"]),
        ("affinity", ("a",), ["a"]),
        ("affinity", (), ["a", "b"]),
        ("soft-anti-affinity", ("a",), ["b", "a"]),
        ("soft-affinity", ("b",), ["b", "a"]),
    ],
)
def test_groups(policy: str, hosts: tuple[str, ...], expected: list[str]) -> None:
    found = names([candidate("a"), candidate("b")], spec(group_policy=policy, group_hosts=hosts))
    assert found == expected if len(expected) == 1 or policy.startswith("soft") else sorted(found) == expected


def test_hints() -> None:
    both = [candidate("a"), candidate("b")]
    assert names(both, spec(same_as=frozenset({"b"}))) == ["b"]
    assert names(both, spec(other_than=frozenset({"b"}))) == ["a"]
    assert names(both, spec(host="a")) == ["a"] and names(both, spec(excluded=frozenset({"a"}))) == ["b"]


def test_flavors_choose_aggregates() -> None:
    fast = Candidate(candidate("fast").host, "nova", {"disk": {"ssd"}})
    specs = {"aggregate_instance_extra_specs:disk": "ssd", "hw:cpu_policy": "shared"}
    assert names([candidate("slow"), fast], spec(extra_specs=specs)) == ["fast"]


def test_a_disk_that_shrank_below_what_is_used_has_nothing_free() -> None:
    with pytest.raises(NoValidHost, match="has 0 GiB of disk free, 10 wanted"):
        rank([candidate("h1", disk_gib=0, disk_gib_used=5)], spec())
