"""The notifier: sends events that wait to their targets, in order, at least once each.

A message is removed once its target has taken it. A target that doesn't is tried again, later each time; its messages
are dropped when they are too old. One worker sends the messages of a bucket: that of the first host that holds its
container; the others' only send what has waited for long.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple

from pileus_kit.errors import CloudError
from pileus_objectstore.clients.notification_targets import NotDelivered, TargetRefused, Targets
from pileus_objectstore.core import event_queues
from pileus_objectstore.core.bucket_index import Entry
from pileus_objectstore.core.event_queues import Waiting
from pileus_objectstore.core.names import Target
from pileus_objectstore.core.notifications import NOTIFICATION
from pileus_objectstore.core.tools import Tools
from pileus_objectstore.daemons.context import DaemonContext

log = logging.getLogger(__name__)
PAGE = 100
SENDERS = 8  # targets that are sent to at the same time
FORGET_S = 3600.0  # an entry is made a moment before the setting is stored, so it stays for this long without one
TAKEOVER_S = 60.0  # a worker sends what has waited for so long though another should have sent it
FIRST_RETRY_S, LAST_RETRY_S = 1.0, 300.0
MAX_BACKOFFS = 10_000


class Queue(NamedTuple):
    """One target's messages of one bucket."""

    bucket: Target
    name: str


@dataclass
class Backoff:
    """How often in a row a target took nothing, and when it is tried again."""

    failures: int = 0
    until: float = 0.0


@dataclass
class Notifier:
    """Sends the events of this host's buckets; `run` begins to send what waits and returns how much was sent since."""

    context: DaemonContext
    tools: Tools
    now: Callable[[], float] = time.time
    takeover_s: float = TAKEOVER_S
    _backoffs: dict[Queue, Backoff] = field(default_factory=dict)
    _busy: set[Queue] = field(default_factory=set)
    _sent: int = 0
    _took_over_at: float = 0.0  # when the buckets of other hosts were looked at
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._targets = Targets(self.tools.config)
        self._senders = ThreadPoolExecutor(SENDERS, "notifier")

    def run(self) -> str:
        """Begin to send what waits. A slow target, or a bucket that can't be read, keeps no other one waiting."""
        others, failed = self.now() >= self._took_over_at + self.takeover_s, 0
        if others:
            self._took_over_at = self.now()
        for entry in event_queues.INDEX.entries(self.tools):
            if self.context.stopping():
                break
            if others or self._position(entry.bucket) == 0:
                failed += not self._look(entry)
        with self._lock:
            sent, self._sent = self._sent, 0
        if not (sent or failed):
            return ""
        return f"{sent} events sent" + (f", {failed} buckets failed" if failed else "")

    def close(self) -> None:
        """Finish what is being sent."""
        self._senders.shutdown()

    def _look(self, entry: Entry) -> bool:
        """Begin to send the messages of one bucket; False if it can't be read now."""
        try:
            names = self._queues(entry)
        except (CloudError, OSError) as e:
            log.warning("events of %s: %s", entry.bucket, e)
            return False
        for name in names:
            queue = Queue(entry.bucket, name)
            with self._lock:
                waits = self._backoffs.get(queue, Backoff()).until > self.now()
                if waits or queue in self._busy:
                    continue
                self._busy.add(queue)
            self._senders.submit(self._send, queue)
        return True

    def _queues(self, entry: Entry) -> list[str]:
        """The queues of a bucket; the entry of one that has none and wants none is removed."""
        names = event_queues.queues(self.tools, entry.bucket)
        old = self.now() - float(entry.changed_at) > FORGET_S
        if not names and old and NOTIFICATION.load(self.tools, entry.bucket) is None:
            event_queues.INDEX.remove(self.tools, entry)
        return names

    def _send(self, queue: Queue) -> None:
        try:
            page = event_queues.waiting(self.tools, queue.bucket, queue.name, PAGE)
            while page and self._is_mine(queue, page[0]) and not self.context.stopping():
                if not all(self._deliver(queue, message) for message in page) or len(page) < PAGE:
                    return
                page = event_queues.waiting(self.tools, queue.bucket, queue.name, PAGE)
        except (CloudError, OSError) as e:
            log.warning("events of %s: %s", queue.bucket, e)
        except Exception:  # else it would be known to the future only, at which no one looks
            log.exception("events of %s", queue.bucket)
        finally:
            with self._lock:
                self._busy.discard(queue)

    def _is_mine(self, queue: Queue, oldest: Waiting) -> bool:
        return self.now() - oldest.since >= self._position(queue.bucket) * self.takeover_s

    def _position(self, bucket: Target) -> int:
        """How many hosts come before this one; the ring tells it."""
        hosts = [host for host, own, _ in self.tools.cluster.rings.placement(*bucket.names).hosts if own]
        return hosts.index(self.context.address) if self.context.address in hosts else len(hosts)

    def _deliver(self, queue: Queue, waiting: Waiting) -> bool:
        """Send one message; whether the next one may be sent."""
        message = event_queues.read(self.tools, waiting)
        if message is None:
            return True
        if self.now() - waiting.since > self.tools.config.notification_keep_s:
            log.error("an event of %s is dropped, because %s has not taken it", queue.bucket, message.arn)
            event_queues.remove(self.tools, waiting)
            return True
        try:
            self._targets.find(message.arn).send(bytes(message.document))
        except (NotDelivered, TargetRefused) as e:
            self._wait(queue, message.arn, str(e))
            return False
        event_queues.remove(self.tools, waiting)
        with self._lock:
            self._sent += 1
            self._backoffs.pop(queue, None)
        return True

    def _wait(self, queue: Queue, arn: str, why: str) -> None:
        with self._lock:
            if len(self._backoffs) >= MAX_BACKOFFS:
                self._backoffs.clear()
            backoff = self._backoffs.setdefault(queue, Backoff())
            delay_s = min(FIRST_RETRY_S * 2**backoff.failures, LAST_RETRY_S)
            backoff.failures, backoff.until = min(backoff.failures + 1, 20), self.now() + delay_s
        log.warning("%s takes no event of %s, tried again in %.0f s: %s", arn, queue.bucket, delay_s, why)
