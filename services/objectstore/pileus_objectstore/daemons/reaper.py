"""The account reaper: removes the containers and objects of accounts that an operator has deleted."""

import logging
from dataclasses import dataclass

from pileus_kit.errors import Unavailable
from pileus_objectstore.core import account_deletions
from pileus_objectstore.core.account_deletions import Remains
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.daemons.context import DaemonContext

log = logging.getLogger(__name__)
MAX_OBJECTS = 10_000  # in one pass


@dataclass
class Reaper:
    """Reaps the accounts for which this host is responsible; `run` makes one pass."""

    context: DaemonContext
    tools: Tools
    left: bool = False

    def run(self) -> str:
        """Make one pass; what was done, '' for nothing."""
        remains, gone = Remains(MAX_OBJECTS), 0
        self.left = False
        for entry in account_deletions.INDEX.entries(self.tools):
            if self.context.stopping() or remains.paused:
                break
            if not self._is_mine(entry.bucket):
                continue
            try:
                if account_deletions.is_due(self.tools, entry):
                    gone += account_deletions.reap(self.tools, entry, remains)
            except Unavailable as e:
                log.warning("account %s: %s", entry.bucket.account, e)
                remains.failed += 1
        self.left = bool(remains.failed or remains.paused)
        if not (gone or remains.deleted or remains.failed):
            return ""
        done = f"{remains.deleted} objects deleted, {gone} accounts gone"
        return f"{done}, {remains.locked} locked, {remains.failed} failed"

    def _is_mine(self, account: Target) -> bool:
        """Whether this host has the first replica of the account, among the hosts that are not down."""
        down = self.tools.cluster.down()
        hosts = [host for host, own, _ in self.tools.cluster.rings.placement(account.account).hosts if own]
        up = [host for host in hosts if host not in down]
        return self.context.address == (up or hosts)[0]
