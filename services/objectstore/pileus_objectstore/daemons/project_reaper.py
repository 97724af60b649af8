"""Deletes the accounts of projects that were deleted in identity, if the option `reap_deleted_projects` says so.

An account is deleted as by an operator: clients don't find it any more, and the reaper removes what is in it after
`delay_reaping_s`; until then an operator can take the deletion back. How far identity's list was read is kept in the
store, so that no deletion is missed, however long the store was away.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass
from time import time

from pileus_kit.errors import NotFound
from pileus_objectstore.clients.deleted_projects import DeletedProjects
from pileus_objectstore.core import account_deletions
from pileus_objectstore.core.bucket_index import ACCOUNT, BucketIndex
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.daemons.context import DaemonContext

log = logging.getLogger(__name__)
INDEX = BucketIndex("deleted-projects")  # has one entry, of no account, that says how far the list was read
REACHED = Target("identity", "serial")
SERIAL = "X-Object-Sysmeta-Serial"
SETTLE_S = 60.0  # until then tokens of the project may still count in a proxy, and create its account


@dataclass
class ProjectReaper:
    """Deletes accounts of deleted projects; `run` makes one pass. One host of the cluster does it."""

    context: DaemonContext
    tools: Tools
    ask: DeletedProjects | None
    now: Callable[[], float] = time

    def run(self) -> str:
        """Make one pass; what was done, '' for nothing."""
        if self.ask is None or not self._is_mine():
            return ""
        reached, count = self._reached(), 0
        while (page := self.ask(reached)) and not self.context.stopping():
            for project in page:
                if project.deleted_at > self.now() - SETTLE_S:
                    return _told(count)
                count += self._delete(project.id)
            reached = page[-1].serial
            INDEX.write(self.tools, REACHED, {SERIAL: str(reached)})
        return _told(count)

    def _delete(self, project: str) -> int:
        """Delete the accounts of a project; how many it had."""
        count = 0
        for prefix in self.tools.config.prefixes:
            try:
                account_deletions.delete(self.tools, Target(f"{prefix}{project}"))
            except NotFound:  # it has none, or it was deleted before
                continue
            log.info("the account %s%s is deleted, as its project was", prefix, project)
            count += 1
        return count

    def _reached(self) -> int:
        meta = INDEX.find(self.tools, REACHED)
        return int(meta.headers.get(SERIAL, 0)) if meta is not None else 0

    def _is_mine(self) -> bool:
        """Whether this host has the first replica of the entry's account, among the hosts that are not down."""
        down = self.tools.cluster.down()
        hosts = [host for host, own, _ in self.tools.cluster.rings.placement(ACCOUNT).hosts if own]
        up = [host for host in hosts if host not in down]
        return self.context.address == (up or hosts)[0]


def _told(count: int) -> str:
    return f"{count} accounts of deleted projects deleted" if count else ""
