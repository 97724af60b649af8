"""The policy's verdicts, remembered for a few seconds: asking the policy costs more than everything else a GET does."""

import threading
import time

from pileus_kit.auth import Caller
from pileus_kit.policy import Enforcer
from pileus_objectstore.core.names import Target

MAX_ENTRIES = 4096
REMEMBER_S = 5.0  # a changed policy file takes effect after this


class PolicyCache:
    """Asks the policy and remembers its verdict for a caller object, which stands for one token. Thread-safe."""

    def __init__(self, enforcer: Enforcer, account_prefix: str) -> None:
        self._enforcer = enforcer
        self._prefix = account_prefix
        self._known: dict[tuple[str, str, int], tuple[Caller, bool]] = {}
        self._lock = threading.Lock()
        self._forget_at = 0.0

    def allows(self, rule: str, caller: Caller | None, target: Target) -> bool:
        """Whether the policy alone, without any ACL, lets the caller act on an account or on something in it."""
        if caller is None:
            return False
        key = (rule, target.account, id(caller))
        known = self._known.get(key)
        if known and known[0] is caller and time.monotonic() < self._forget_at:
            return known[1]
        project = target.account.removeprefix(self._prefix) if target.account.startswith(self._prefix) else ""
        own = project if project and project == caller.project_id else "-"  # never equals the text of an absent scope
        verdict = self._enforcer.allows(rule, caller, {"project_id": own})
        with self._lock:
            now = time.monotonic()
            if len(self._known) >= MAX_ENTRIES or now > self._forget_at:
                self._known.clear()
                self._forget_at = now + REMEMBER_S
            self._known[key] = (caller, verdict)
        return verdict
