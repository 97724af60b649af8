"""The policy's verdicts, remembered for a few seconds: asking the policy costs more than everything else a GET does."""

import threading
import time

from pileus_kit.auth import Caller
from pileus_kit.policy import Enforcer
from pileus_objectstore.config import Config
from pileus_objectstore.core.names import Target

MAX_ENTRIES = 4096
REMEMBER_S = 5.0  # a changed policy file takes effect after this


class PolicyCache:
    """Asks the policy and remembers its verdict for a caller object, which stands for one token. Thread-safe."""

    def __init__(self, enforcer: Enforcer, config: Config) -> None:
        self._enforcer = enforcer
        self._config = config
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
        project = self._config.project_of(target.account)
        is_own = project and project == caller.project_id and self.has_service(caller, target.account)
        own = project if is_own else "-"  # never equals the text of an absent scope
        verdict = self._enforcer.allows(rule, caller, {"project_id": own})
        with self._lock:
            now = time.monotonic()
            if len(self._known) >= MAX_ENTRIES or now > self._forget_at:
                self._known.clear()
                self._forget_at = now + REMEMBER_S
            self._known[key] = (caller, verdict)
        return verdict

    def has_service(self, caller: Caller, account: str) -> bool:
        """Whether a service acts with the caller, which the accounts of services ask for: its token came along."""
        prefix = self._config.service_prefix
        if not prefix or not account.startswith(prefix):
            return True
        return not caller.service_roles.isdisjoint(self._config.service_roles)
