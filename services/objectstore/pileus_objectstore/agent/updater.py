"""The updater: updates listings at once where possible, else stores async pendings and retries them.

A host that does not answer is asked once in a round, so that it doesn't keep the others waiting.

The sums of containers are sent to their accounts a moment after a change, many changes in one update. Sums that are
lost with the process are sent again after the next change, or by the recovery.
"""

import logging
import math
import os
import threading
import time
from collections.abc import Callable, Iterable, Sequence

from pileus_kit.errors import CloudError, HostDown
from pileus_objectstore.agent import async_pendings
from pileus_objectstore.agent.host import Device, Host
from pileus_objectstore.agent.late_rows import Later, LateRows
from pileus_objectstore.agent.recovery import InFlightChanges, mark_synced, unreported_containers, unsynced_rows
from pileus_objectstore.agent.row_delivery import Delivery, RowDelivery, primaries
from pileus_objectstore.core.listing_rows import policy_mark
from pileus_objectstore.core.replica_plans import host_replicas
from pileus_objectstore.errors import Damaged, DeviceFailed
from pileus_objectstore.storage.row_log import LAZY_S
from pileus_objectstore.wire.contract import (
    HostReplicas,
    ListingHost,
    ListingInfo,
    ListingRow,
    MergeRows,
    timestamp,
)
from pileus_objectstore.wire.shard_calls import DividedReply, ReportShard
from pileus_objectstore.wire.shard_ranges import is_shard, shard_of, shown, with_sums

log = logging.getLogger(__name__)
REPORT_S = 0.2  # a container's sums are sent to its account this long after a change,
SAME_REPORT_S = 1.0  # and those of the same container not more often than this
SHORTEN_S = 1.0  # the logs of changed rows are looked at so often
LOG_AGE_S = 10.0  # changed rows are merged and removed from a disk's log after this
IDLE_S = 30.0  # listings that were not used for this long are closed
SETTLE_S = 1.0  # at the end, rows that are not on disk yet are waited for so long
RETRY_S = 30.0  # async pendings are tried again after this
MAX_PENDING_DELAY_S = 120.0  # an async pending is stored at most this long after its change


class Updater:
    """Sends rows to listings on this host and others, from the caller's thread and from one of its own.

    Another thread shortens the logs of changed rows, which must not grow while a host keeps the first one waiting.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._changed_containers: set[str] = set()
        self._reported: dict[str, float] = {}  # containers whose sums were sent lately, and when
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._threads = [
            threading.Thread(target=self._run, name="updater", daemon=True),
            threading.Thread(target=self._shorten, name="row-logs", daemon=True),
        ]
        self._retry_at = 0.0
        self._retrying = threading.Lock()
        self.changes = InFlightChanges()
        self.delivery = RowDelivery(host, self.report_later)
        self.late_rows = LateRows(self.changes, self._save_missing)
        self._synced_until: dict[str, float] = {}  # what the markers of devices say, in epoch seconds
        self._recovered: set[str] = set()  # devices on which the changes of an earlier process were looked for
        self._mark_at = 0.0

    def start(self) -> None:
        """Begin with what an earlier process left: async pendings, and containers whose accounts show old sums."""
        self._retry_at = time.monotonic()
        for thread in self._threads:
            thread.start()
        self._woken.set()

    def stop(self) -> None:
        """Send what is due and end the threads."""
        self._stopping.set()
        self._woken.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()
        self.late_rows.settle(LAZY_S + SETTLE_S)
        self.report()
        self._mark_synced()

    def recover(self) -> None:
        """Update listings with what an earlier process of this host had stored when it died."""
        silent: set[str] = set()
        for device in self._known_devices():
            if device.name in self._recovered:
                continue
            try:
                self._recover(device, silent)
            except (CloudError, OSError) as e:
                log.warning("device %s is not recovered yet: %s", device.name, e)

    def _recover(self, device: Device, silent: set[str]) -> None:
        for name in unreported_containers(device):
            self.report_later(name)
        for container, rows in unsynced_rows(device):
            if self._stopping.is_set():
                return
            placement = self._host.rings.placement(*container.split("/", 2)[1:])
            updates = [
                (host, MergeRows("container", replicas, container, rows)) for host, replicas in primaries(placement)
            ]
            self._deliver(updates, [device.name], Delivery(silent))
        self._recovered.add(device.name)

    def update_listings(
        self,
        kind: str,
        name: str,
        listing_hosts: Iterable[ListingHost],
        rows: list[ListingRow],
        devices: Sequence[str],
        began: float | None = None,
    ) -> None:
        """Merge rows into the listing at path `name`, now or later: an async pending is then stored on `devices`.

        With `began`, when the change of an object on `devices` began, rows for this host are visible at once and on
        disk a moment later. Until then the change counts as under way.
        """
        updates = [(one.host, MergeRows(kind, one.replicas, name, rows)) for one in listing_hosts]
        if began is None or not self._finds(devices, began):
            self._deliver(updates, devices, Delivery())
            return
        late = Later()
        self._deliver(updates, devices, Delivery(later=late))
        if late:
            self.late_rows.add(updates[0][1], late, tuple(devices), began)

    def _finds(self, devices: Sequence[str], began: float) -> bool:
        """Whether a recovery of these devices would find a change that began then: not if the clock went back."""
        return all(began >= self._synced_until.get(name, math.inf) for name in devices)

    def _deliver(self, updates: list[tuple[str, MergeRows]], devices: Sequence[str], how: Delivery) -> None:
        for update, missing in self.delivery.deliver(updates, how):
            self._save_missing(update, missing, devices)

    def note_sums(self, report: ReportShard) -> DividedReply:
        """Note the sums of a shard in this host's replicas of its root."""
        done, found = [], False
        for device in self._host.holders(report.replicas):
            try:
                with device.listings.use("container", report.replicas.partition, report.replicas.digest) as listing:
                    if listing is not None:
                        found = True
                        listing.change(lambda info: with_sums(info, report))
                        done.append(device.name)
            except (DeviceFailed, Damaged) as e:
                log.warning("%s", e)
        if done:
            self.report_later(report.name)
        return DividedReply(200 if found else 404, tuple(done))

    def report_later(self, name: str) -> None:
        """Have the sums of the container at path `name` sent to its account soon."""
        self._changed_containers.add(name)
        self._woken.set()

    def report(self, again_after_s: float = 0.0) -> None:
        """Send the sums of changed containers to their accounts, unless that was done `again_after_s` seconds ago."""
        now, how = time.monotonic(), Delivery()
        self._reported = {name: at for name, at in self._reported.items() if at + SAME_REPORT_S > now}
        for name in list(self._changed_containers):
            if self._reported.get(name, 0.0) + again_after_s > now:
                self._woken.set()
                continue
            self._changed_containers.discard(name)
            self._reported[name] = now
            info = self._container_info(name)
            if info is not None:
                self._report(name, info, how)

    def _report(self, name: str, info: ListingInfo, how: Delivery) -> None:
        """Send the sums of one container to its account, or those of a shard to its root."""
        if is_shard(name):
            self._report_shard(name, info, how.silent)
            return
        info = shown(info)
        account, container = name.split("/", 2)[1:]
        mark = policy_mark(info.policy)
        row = ListingRow(container, info.put, False, info.size, "", mark, info.count, timestamp())
        if not info.live:
            row = ListingRow(container, info.deleted, True)
        for host, replicas in primaries(self._host.rings.placement(account)):
            if self.delivery.send(host, MergeRows("account", replicas, "/" + account, [row]), how)[0]:
                log.info("the sums of %s did not reach all replicas of its account", name)

    def _report_shard(self, name: str, info: ListingInfo, silent: set[str]) -> None:
        shard, now = shard_of(name), timestamp()
        for host, replicas in primaries(self._host.rings.placement(*shard.root)):
            report = ReportShard(replicas, shard.root_path, shard.name, info.count, info.size, now)
            if host == self._host.address:
                self.note_sums(report)
            elif host not in silent:
                try:
                    self._host.pool.call(host, "report_shard", report, DividedReply)
                except HostDown as e:
                    log.info("the sums of a shard did not reach all replicas of its root: %s", e)
                    silent.add(host)

    def retry(self) -> tuple[int, int]:
        """Try all async pendings again: (how many succeeded, how many are left)."""
        how = Delivery()
        with self._retrying:
            pendings = self._pendings()
            sent = sum(self._retry_async_pending(device, path, how) for device, path in pendings)
        return sent, len(pendings) - sent

    def _pendings(self) -> list[tuple[Device, str]]:
        return [(device, path) for device in self._known_devices() for path in async_pendings.paths(device)]

    def _mark_synced(self) -> None:
        """Record that a recovery need not look at anything that is finished by now."""
        recovered = [device for device in self._known_devices() if device.name in self._recovered]
        until = self.changes.oldest_start()
        self._synced_until |= {device.name: until for device in recovered}
        mark_synced(recovered, until)

    def _shorten(self) -> None:
        while not self._stopping.wait(SHORTEN_S):
            self._attempt(self.late_rows.settle)
            self._attempt(lambda: self._host.shorten_logs(LOG_AGE_S))

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._attempt(self.recover)
            if not self._woken.wait(IDLE_S):
                self._host.close_idle(IDLE_S)
            self._woken.clear()
            if self._stopping.wait(REPORT_S):
                return
            self._attempt(lambda: self.report(SAME_REPORT_S))
            self._attempt(self._mark_if_due)
            self._attempt(self._retry_if_due)

    def _attempt(self, step: Callable[[], None]) -> None:
        """Do what is due. Failures are logged, because the thread must not end."""
        try:
            step()
        except (CloudError, OSError) as e:
            log.warning("%s", e)
        except Exception:  # a bug, or a ring that isn't balanced yet
            log.exception("the updater goes on with what comes next")

    def _mark_if_due(self) -> None:
        now = time.monotonic()
        if now >= self._mark_at:
            self._mark_at = now + IDLE_S
            self._mark_synced()

    def _retry_if_due(self) -> None:
        now = time.monotonic()
        if self._retry_at and now >= self._retry_at:
            self._retry_at = now + RETRY_S
            if self.retry()[1]:
                return
            self._retry_at = 0.0
            if self._pendings():  # stored while the others were tried
                self._retry_at = now + RETRY_S

    def _container_info(self, name: str) -> ListingInfo | None:
        """The most recent head of a container on this host."""
        placement = self._host.rings.placement(*name.split("/", 2)[1:])
        best: ListingInfo | None = None
        for replicas in (replicas for host, replicas in host_replicas(placement) if host == self._host.address):
            for device in self._host.holders(replicas):
                try:
                    with device.listings.use("container", replicas.partition, replicas.digest) as listing:
                        if listing is not None and (best is None or listing.info.newest > best.newest):
                            best = listing.info
                except (DeviceFailed, Damaged) as e:
                    log.warning("%s", e)
        return best

    def _save_missing(self, update: MergeRows, missing: Sequence[str], devices: Sequence[str]) -> bool:
        """Store an async pending on one of `devices` for those of a listing's devices that did not take the rows.

        Returns whether that worked, or nothing is missing.
        """
        if not missing:
            return True
        replicas = HostReplicas(update.replicas.partition, update.replicas.digest, tuple(missing))
        update = MergeRows(update.kind, replicas, update.name, update.rows)
        if not async_pendings.save(update, self._host.devices(devices)):
            log.error("no device takes the async pending of %d rows for %s", len(update.rows), update.name)
            return False
        self._retry_at = self._retry_at or time.monotonic() + RETRY_S
        self._woken.set()
        return True

    def _retry_async_pending(self, device: Device, path: str, how: Delivery) -> bool:
        """Try one async pending. Where the listing is placed is asked of the ring, because that may have changed."""
        try:
            update = async_pendings.load(path)
            if update is None:
                self._recover_damaged(device, path)
                return False
            placement = self._host.rings.placement(*update.name.split("/", 2)[1:])
            updates = [
                (host, MergeRows(update.kind, replicas, update.name, update.rows))
                for host, replicas in primaries(placement)
            ]
            left = [missing for _, missing in self.delivery.deliver(updates, how)]
            if any(left):
                return False
            os.unlink(path)  # noqa: PTH108
        except (CloudError, OSError) as e:
            log.warning("the async pending %s waits: %s", path, e)
            return False
        return True

    def _recover_damaged(self, device: Device, path: str) -> None:
        """What a damaged async pending held is found by a recovery of what changed on the device since then."""
        async_pendings.quarantine(device, path)
        written = async_pendings.written_at(path)
        mark_synced([device], written - MAX_PENDING_DELAY_S if written else 0.0)
        self._recovered.discard(device.name)
        self._woken.set()

    def _known_devices(self) -> list[Device]:
        return self._host.devices(entry.name for entry in self._host.state.iterdir() if (entry / ".device").exists())
