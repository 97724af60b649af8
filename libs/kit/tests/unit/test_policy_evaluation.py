"""Our evaluation of check trees against oslo.policy's."""

import itertools

import pytest

from pileus_kit.auth import Caller
from pileus_kit.policy import Enforcer, Rule

RULES = [
    Rule("named", "role:b"),
    Rule("all", "@"),
    Rule("none", "!"),
    Rule("nested", "not rule:named and (role:a or rule:all)"),
    Rule("missing", "rule:nothing"),
    Rule("own", "role:a and project_id:%(project_id)s"),
    Rule("literal", "None:%(domain_id)s or 'x':%(name)s"),
    Rule("system", "role:a and system_scope:all"),
    Rule("either", "(role:a and role:b) or (not role:a and not role:b) or rule:own"),
]
CALLERS = [
    Caller(project_id=project, roles=frozenset(roles), system=system)
    for project, roles, system in itertools.product((None, "p"), ((), ("a",), ("a", "b"), ("b",)), (True, False))
]
TARGETS = [None, {}, {"project_id": "p"}, {"project_id": "q", "name": "x"}, {"domain_id": None, "project_id": None}]


@pytest.mark.parametrize("rule", [rule.name for rule in RULES])
def test_it_decides_as_oslo_policy_does(rule: str) -> None:
    enforcer = Enforcer(RULES)
    for caller, target in itertools.product(CALLERS, TARGETS):
        theirs = enforcer._enforcer.enforce(
            rule, dict(target) if target is not None else caller.scope, dict(caller.credentials)
        )
        assert enforcer.allows(rule, caller, target) == bool(theirs), (rule, caller, target)


SCOPES = [(), ("project",), ("domain",), ("system",), ("system", "domain"), ("system", "project")]


@pytest.mark.parametrize("scopes", SCOPES)
def test_a_token_of_another_scope_is_refused_whatever_its_roles(scopes: tuple[str, ...]) -> None:
    enforcer = Enforcer([Rule("scoped", "role:admin", scopes=scopes)])
    admins = {
        "project": Caller(project_id="p", roles=frozenset({"admin"})),
        "domain": Caller(domain_id="d", roles=frozenset({"admin"})),
        "system": Caller(system=True, roles=frozenset({"admin"})),
    }
    for scope, admin in admins.items():
        assert enforcer.allows("scoped", admin) == (not scopes or scope in scopes), scope
