"""The decision: policy for those who belong to the account, the container's ACL for everybody else."""

import threading
import time

from pileus_kit.access_rules import covered
from pileus_kit.auth import Caller
from pileus_kit.policy import Enforcer
from pileus_objectstore.core.acls import parse
from pileus_objectstore.core.names import Target
from pileus_objectstore.wire.contract import ListingInfo

REMEMBER = 4096
REMEMBER_S = 5.0  # a changed policy file is heard after this


class Rights:
    """Asks the policy, and remembers what it said about a caller object (which is a validated token, and
    short-lived)."""

    def __init__(self, enforcer: Enforcer, prefix: str) -> None:
        self._enforcer = enforcer
        self._prefix = prefix
        self._known: dict[tuple[str, str, int], tuple[Caller, bool]] = {}
        self._lock = threading.Lock()
        self._forget_at = 0.0

    def allows(self, rule: str, caller: Caller | None, target: Target) -> bool:
        """By policy alone."""
        if caller is None:
            return False
        key = (rule, target.account, id(caller))
        known = self._known.get(key)
        if known and known[0] is caller and time.monotonic() < self._forget_at:
            return known[1]
        project = target.account.removeprefix(self._prefix) if target.account.startswith(self._prefix) else ""
        own = project if project and project == caller.project_id else "-"  # never the text of a scope that has none
        verdict = self._enforcer.allows(rule, caller, {"project_id": own})
        with self._lock:
            now = time.monotonic()
            if len(self._known) >= REMEMBER or now > self._forget_at:
                self._known.clear()
                self._forget_at = now + REMEMBER_S
            self._known[key] = (caller, verdict)
        return verdict


def admitted(acl: str, kind: str, caller: Caller | None, referrer: str, info: ListingInfo, names: bool = False) -> bool:
    """Whether the container's ACL grants what the policy did not. `acl`: "read", "write" or "" (no ACL reaches it).

    `names`: the ACL may mean projects and users by name, too (the account is in the default domain).
    """
    if acl == "read":
        given = parse(info.value("X-Container-Read"))
        if given.admits_referrer(referrer) and (kind == "object" or given.listings):
            return True
        return caller is not None and given.admits(caller, names)
    if acl == "write" and caller is not None:
        return parse(info.value("X-Container-Write")).admits(caller, names)
    return False


def ruled(caller: Caller, method: str, path: str) -> bool:
    """Whether an application credential's access rules, if it has any, cover this call."""
    if caller.access_rules is None:
        return True
    return covered(caller.access_rules, "object-store", method, path)
