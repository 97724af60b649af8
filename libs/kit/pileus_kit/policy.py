"""Policies: oslo.policy with OpenStack's own rule names. What no rule names is denied.

A target always comes from the database or is the caller's own scope, never from a request's body.
"""

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from oslo_config import cfg
from oslo_policy import policy
from oslo_policy._checks import GenericCheck

from pileus_kit import literals
from pileus_kit.auth import Caller

ADMIN = "role:admin"
SERVICE = "role:service"
MANAGER = "role:manager"
MEMBER = "role:member"
READER = "role:reader"
ANYONE = "@"
"""Any valid token."""
NOBODY = "!"
PROJECT_READER = "role:reader and project_id:%(project_id)s"
PROJECT_MEMBER = "role:member and project_id:%(project_id)s"
PROJECT_MANAGER = "role:manager and project_id:%(project_id)s"
PROJECT_READER_OR_ADMIN = f"({PROJECT_READER}) or {ADMIN}"
PROJECT_MEMBER_OR_ADMIN = f"({PROJECT_MEMBER}) or {ADMIN}"
PROJECT_MANAGER_OR_ADMIN = f"({PROJECT_MANAGER}) or {ADMIN}"
ADMIN_OR_SERVICE = f"{ADMIN} or {SERVICE}"
PROJECT_MEMBER_OR_ADMIN_OR_SERVICE = f"{PROJECT_MEMBER_OR_ADMIN} or {SERVICE}"
PROJECT_READER_OR_ADMIN_OR_SERVICE = f"{PROJECT_READER_OR_ADMIN} or {SERVICE}"


@dataclass(frozen=True)
class Rule:
    """A rule and its default check, which an operator's `policy.yaml` in the state directory may replace.

    `scopes` are the kinds of token that the rule takes ("system", "domain", "project"), as OpenStack publishes them; a
    token of another kind is refused whatever its roles. Empty means any kind. Operators can't change them.
    """

    name: str
    check: str
    description: str = ""
    scopes: tuple[str, ...] = ()


class Enforcer:
    """Decides by a set of rules."""

    def __init__(self, rules: Iterable[Rule], overrides: Path | None = None) -> None:
        """`overrides` is a policy.yaml that replaces checks of rules; it is read again when it changes."""
        rules = list(rules)
        conf = cfg.ConfigOpts()
        conf([], project="pileus", default_config_files=[], default_config_dirs=[])
        self._file = file = str(overrides) if overrides and overrides.exists() else None
        self._enforcer = policy.Enforcer(conf, policy_file=file, use_conf=file is not None, fallback_to_json_file=False)
        self._enforcer.suppress_default_change_warnings = True
        self._enforcer.suppress_deprecation_warnings = True
        defaults = [_default(rule) for rule in rules]
        if file is None:  # oslo.policy loads defaults only together with a file
            self._enforcer.set_rules({default.name: default.check for default in defaults}, use_conf=False)
        else:
            self._enforcer.register_defaults(defaults)
        self.names = frozenset(r.name for r in rules)
        self._scopes = {r.name: frozenset(r.scopes) for r in rules if r.scopes}

    def allows(self, rule: str, caller: Caller, target: Mapping[str, Any] | None = None) -> bool:
        """Whether the rule lets the caller act on the target, which defaults to the caller's own scope."""
        if rule not in self.names:
            return False
        if caller.scope_type not in self._scopes.get(rule, (caller.scope_type,)):
            return False
        if self._file:
            self._enforcer.load_rules()  # if it has changed
        return _is_true(
            self._enforcer.rules[rule],
            dict(target) if target is not None else caller.scope,
            caller.credentials,
            self._enforcer,
        )


@functools.cache
def _default(rule: Rule) -> policy.RuleDefault:
    """The rule as oslo.policy knows it, with its check parsed once."""
    return policy.RuleDefault(rule.name, rule.check, rule.description)


def _is_true(check: Any, target: Mapping[str, Any], facts: Mapping[str, Any], enforcer: policy.Enforcer) -> bool:
    """Evaluate a check as oslo.policy does, which takes 25 µs for each check to look up its signature again."""
    if isinstance(check, policy.AndCheck):
        return all(_is_true(part, target, facts, enforcer) for part in check.rules)
    if isinstance(check, policy.OrCheck):
        return any(_is_true(part, target, facts, enforcer) for part in check.rules)
    if isinstance(check, policy.NotCheck):
        return not _is_true(check.rule, target, facts, enforcer)
    if isinstance(check, policy.RuleCheck):
        named = enforcer.rules.get(check.match)
        return named is not None and _is_true(named, target, facts, enforcer)
    if isinstance(check, GenericCheck):
        return _equals(check, target, facts)
    return bool(check(target, facts, enforcer))


def _equals(check: GenericCheck, target: Mapping[str, Any], facts: Mapping[str, Any]) -> bool:
    """Whether a fact about the caller, or a literal, equals what the target says."""
    try:
        wanted = check.match % target
    except KeyError:  # the target doesn't say
        return False
    literal = _literal(check.kind)
    return wanted == literal if literal is not None else check._find_in_dict(dict(facts), check.kind.split("."), wanted)


@functools.cache
def _literal(kind: str) -> str | None:
    """Return the left side of a check as text if it is a literal; oslo.policy parses it again for each check."""
    try:
        return str(literals.evaluate(kind))
    except ValueError:
        return None
