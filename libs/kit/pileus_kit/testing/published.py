"""Policy rules compared with those that OpenStack publishes: their names, their scopes, and the callers that they
allow.

A file of published rules (tests/compatibility/policies) has a line for each: name, scope types and default check,
separated by tabs, with references to other rules written out. Checks are compared by what they decide, not as text:
both are asked about every persona and every target that their placeholders can tell apart.

A file of deviations says where and why a service differs, a line each: `KIND NAME: reason`. NAME may be a pattern.

    missing     OpenStack has the rule, the service has not
    extra       the service has the rule, OpenStack has not
    scopes      the rule takes other kinds of token
    decision    the rule allows other callers
"""

import itertools
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from pileus_kit.auth import Caller
from pileus_kit.policy import Enforcer, Rule
from pileus_kit.testing.callers import IMPLIED

PLACEHOLDER = re.compile(r"%\(([^)]+)\)s")
FIELDS = {  # Neutron's checks of fields, as checks of what a target says
    r"field:networks:router:external=True": "True:%(network:external)s",
    r"field:subnets:router:external=True": "True:%(network:external)s",
    r"field:networks:shared=True": "True:%(network:shared)s",
    r"field:\w+:shared=True": "True:%(shared)s",
    r"field:port:device_owner=~\^(\w+):": r"'\1':%(device_owner)s",
    r"field:rbac_policy:target_(project|tenant)=\*": "'*':%(rbac:target)s",
    r"field:security_group_rules:belongs_to_default_sg=True": "True:%(in_default_group)s",
}


@dataclass(frozen=True)
class Published:
    """A rule as OpenStack publishes it."""

    name: str
    scopes: tuple[str, ...]
    check: str


def read(file: Path) -> dict[str, Published]:
    """Return the published rules of a service by name."""
    found = {}
    for line in file.read_text().splitlines():
        name, scopes, check = line.split("\t")
        found[name] = Published(name, () if scopes == "-" else tuple(scopes.split(",")), _without_fields(check))
    return found


def assert_rules_are_published(
    rules: Iterable[Rule], published: Path, deviations: Path, synonyms: Mapping[str, str] | None = None
) -> None:
    """Fail with every difference that `deviations` doesn't explain, and with every explanation that isn't needed.

    `synonyms` maps a placeholder of ours to the published one with the same meaning.
    """
    found = set(_differences({rule.name: rule for rule in rules}, read(published), synonyms or {}))
    excused = [_excuse(line) for line in deviations.read_text().splitlines() if line and not line.startswith("#")]
    unused = [excuse for excuse in excused if not any(_covers(excuse, one) for one in found)]
    unexplained = sorted(one for one in found if not any(_covers(excuse, one) for excuse in excused))
    assert not unexplained, f"not explained in {deviations.name}:\n" + "\n".join(" ".join(one) for one in unexplained)
    assert not unused, f"explained in {deviations.name}, but it is no longer so:\n" + "\n".join(map(" ".join, unused))


def _excuse(line: str) -> tuple[str, str]:
    match = re.fullmatch(r"(missing|extra|scopes|decision) (\S+): \S.*", line)
    assert match, f"a deviation reads `KIND NAME: reason`: {line}"
    return match[1], match[2]


def _covers(excuse: tuple[str, str], difference: tuple[str, str, str]) -> bool:
    return excuse[0] == difference[0] and fnmatchcase(difference[1], excuse[1])


def _differences(
    ours: Mapping[str, Rule], theirs: Mapping[str, Published], synonyms: Mapping[str, str]
) -> Iterator[tuple[str, str, str]]:
    """Yield each difference as (kind, rule, what differs)."""
    for name in theirs.keys() - ours.keys():
        yield "missing", name, theirs[name].check
    for name in ours.keys() - theirs.keys():
        yield "extra", name, ours[name].check
    mine, published = Enforcer(_unscoped(ours.values())), Enforcer([Rule(p.name, p.check) for p in theirs.values()])
    references = {rule.name: rule.check for rule in ours.values()}
    for name in ours.keys() & theirs.keys():
        if set(ours[name].scopes) != set(theirs[name].scopes):
            yield "scopes", name, f"{sorted(ours[name].scopes)}, published {sorted(theirs[name].scopes)}"
        held = _expanded(ours[name].check, references)
        wrong = _first_difference(name, mine, published, _placeholders(held, theirs[name].check), synonyms)
        if wrong:
            yield "decision", name, wrong


def _unscoped(rules: Iterable[Rule]) -> list[Rule]:
    return [Rule(rule.name, rule.check) for rule in rules]


def _expanded(check: str, references: Mapping[str, str]) -> str:
    """Return the check with those that it refers to written out, to find their placeholders."""
    return re.sub(r"rule:([^\s()]+)", lambda m: _expanded(references.get(m[1], "!"), references), check)


def _placeholders(*checks: str) -> list[str]:
    return sorted({name for check in checks for name in PLACEHOLDER.findall(check)})


def _first_difference(
    name: str, ours: Enforcer, theirs: Enforcer, placeholders: list[str], synonyms: Mapping[str, str]
) -> str | None:
    for target in _targets(placeholders, synonyms):
        for persona in PERSONAS:
            mine, published = ours.allows(name, persona, target), theirs.allows(name, persona, target)
            if mine != published:
                return (
                    f"{'allows' if mine else 'refuses'} {persona.user_name} at "
                    f"{ {key: target[key] for key in placeholders} }"
                )
    return None


def _targets(placeholders: list[str], synonyms: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    """Yield every combination of values of the placeholders; those with the same meaning have the same value."""
    meanings = sorted({synonyms.get(name, name) for name in placeholders})
    for values in itertools.product(*(_values(name) for name in meanings)):
        by_meaning = dict(zip(meanings, values, strict=True))
        yield {name: by_meaning[synonyms.get(name, name)] for name in placeholders}


def _values(placeholder: str) -> tuple[Any, ...]:
    """Return the values of a placeholder that checks can tell apart."""
    last = re.split(r"[:.]", placeholder)[-1]
    if placeholder == "visibility":
        return "public", "community", "shared", "private"
    if placeholder == "device_owner":
        return "network", "compute", "baremetal", "manila", "other"
    if placeholder == "target.role.name":
        return "admin", "manager", "member", "reader", "other"
    if placeholder == "rbac:target":
        return "*", "p2"
    if placeholder in ("shared", "network:shared", "network:external", "in_default_group"):
        return True, False
    if "domain" in last or placeholder.endswith("domain.id"):
        return "d1", "d2", None
    if "user" in placeholder:
        return "u1", "u2"
    return "p1", "p2"  # projects, owners and members


def _without_fields(check: str) -> str:
    for pattern, instead in FIELDS.items():
        check = re.sub(pattern, instead, check)
    return check


def _personas() -> list[Caller]:
    scopes: dict[str, dict[str, Any]] = {
        "unscoped": {},
        "project": {"project_id": "p1", "project_domain_id": "d1"},
        "domain": {"domain_id": "d1"},
        "system": {"system": True},
    }
    roles: dict[str, set[str]] = {"nobody": set(), **IMPLIED}
    return [
        Caller(user_id="u1", user_domain_id="d1", user_name=f"{role} of {scope}", roles=frozenset(held), **where)
        for scope, where in scopes.items()
        for role, held in roles.items()
        if scope != "unscoped" or not held
    ]


PERSONAS = _personas()
