"""The lifecycle daemon: carries out the lifecycle rules of buckets, and ends uploads that were abandoned.

A bucket is looked through once a day, soon after midnight when days end, and again when its rules change. One worker
does it: that of the first host that holds the bucket's container. If it doesn't come on, the next host's worker takes
over; two at once do no harm, because each deletion counts as made right after the version that it deletes.
"""

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from pileus_kit.errors import Unavailable
from pileus_objectstore.core import lifecycle_index
from pileus_objectstore.core.bucket_index import Entry
from pileus_objectstore.core.lifecycle import LIFECYCLE, LifecycleRules
from pileus_objectstore.core.lifecycle_index import Progress
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.core.upload_parts import uploads_container
from pileus_objectstore.daemons.context import DaemonContext
from pileus_objectstore.daemons.lifecycle_scans import SCANS, Scanned

log = logging.getLogger(__name__)
PAGES_PER_RUN = 100  # of one bucket, so that a large one doesn't keep the others waiting
FORGET_S = 3600.0  # an entry is made a moment before the rules are stored, so it stays for this long without any
TAKEOVER_S = 600.0  # a worker takes over a bucket if nothing was done there for this long


class _Rules(NamedTuple):
    """The rules of a bucket and when they were set; '' without rules."""

    rules: LifecycleRules | None
    set_at: str


@dataclass
class Lifecycle:
    """Ends objects, versions and uploads whose time has come; `run` makes one pass over all buckets that are due."""

    context: DaemonContext
    tools: Tools
    takeover_s: float = TAKEOVER_S
    now: Callable[[], float] = time.time

    def run(self) -> str:
        """Make one pass; what was done, '' for nothing."""
        count = 0
        for entry in lifecycle_index.INDEX.entries(self.tools):
            if self.context.stopping():
                break
            if lifecycle_index.done(entry) >= self._day_began() or not self._is_mine(entry):
                continue
            try:
                count += self._look_through(entry)
            except Unavailable as e:
                log.warning("lifecycle of %s: %s", entry.bucket, e)
        return f"{count} ended" if count else ""

    def _day_began(self) -> float:
        day_s = self.tools.config.lifecycle_day_s
        return self.now() // day_s * day_s

    def _is_mine(self, entry: Entry) -> bool:
        """Whether this host's worker is to look after the bucket now."""
        hosts = [host for host, own, _ in self.tools.cluster.rings.placement(*entry.bucket.names).hosts if own]
        position = hosts.index(self.context.address) if self.context.address in hosts else len(hosts)
        idle_s = self.now() - max(self._day_began(), float(entry.changed_at))
        return idle_s >= position * self.takeover_s

    def _look_through(self, entry: Entry) -> int:
        """Continue the pass over a bucket; how many objects, versions and uploads ended."""
        rules, count = self._rules(entry.bucket), 0
        if rules is None:
            if self.now() - float(entry.changed_at) > FORGET_S:
                lifecycle_index.INDEX.remove(self.tools, entry)
            return 0
        reached = lifecycle_index.progress(self.tools, entry.bucket)
        if not reached.began or reached.rules_at != rules.set_at:
            reached = Progress(self.now(), rules.set_at)
        for _ in range(PAGES_PER_RUN):
            scanned = self._scan(entry.bucket, rules.rules, reached)
            count += scanned.ended
            if scanned.marker:
                reached = Progress(reached.began, reached.rules_at, reached.scan, scanned.marker)
            else:
                reached = Progress(reached.began, reached.rules_at, reached.scan + 1)
            if reached.scan == len(SCANS):
                self._finish(entry, reached)
                return count
            lifecycle_index.save(self.tools, entry.bucket, reached)
            if self.context.stopping():
                return count
        return count

    def _scan(self, bucket: Target, rules: LifecycleRules | None, reached: Progress) -> Scanned:
        return SCANS[reached.scan](self.tools, bucket, rules.active if rules else [], reached.marker, self.now())

    def _finish(self, entry: Entry, reached: Progress) -> None:
        """The pass is over, unless the rules changed meanwhile: then the next one begins at once."""
        rules = self._rules(entry.bucket)
        if rules is not None and rules.set_at == reached.rules_at:
            lifecycle_index.finish(self.tools, entry.bucket, reached.began)

    def _rules(self, bucket: Target) -> _Rules | None:
        """The rules of a bucket; None if there is nothing to look after, because it is gone or has no rules."""
        info = self.tools.listing_cache.get(bucket, fresh=True)
        if info is None:
            return None
        rules = LIFECYCLE.of(info)
        if rules is None:
            has_uploads = self.tools.listing_cache.get(uploads_container(bucket), fresh=True) is not None
            return _Rules(None, "") if has_uploads else None
        return _Rules(rules, info.metadata[LIFECYCLE.header][1])
