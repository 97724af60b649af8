"""Telling the listings: at once where possible, else noted on disk and told later.

A note is a file in pending/ of a device that took the change itself, so it is as durable as that. Statistics of
containers travel to their
accounts a moment after the change, many changes in one; what is lost of that with the process, the next change or
the sweep repairs.
"""

import logging
import os
import threading
import time
import zlib
from collections.abc import Iterable
from pathlib import Path

import msgspec

from pileus_kit import decoding
from pileus_kit.errors import CloudError, HostDown
from pileus_objectstore.agent.host import Device, Host
from pileus_objectstore.agent.recovery import InFlightChanges, mark_synced, unreported_containers, unsynced_rows
from pileus_objectstore.core.replica_plans import host_replicas
from pileus_objectstore.errors import Damaged, DeviceFailed
from pileus_objectstore.ring.rings import Placement
from pileus_objectstore.storage.disks import sync_directory
from pileus_objectstore.storage.listing_store import write_whole
from pileus_objectstore.wire.contract import (
    HostReplicas,
    ListingHost,
    ListingInfo,
    ListingRow,
    MergeReply,
    MergeRows,
    timestamp,
)

log = logging.getLogger(__name__)
REPORT_S = 0.2  # a container's statistics reach its account after this
IDLE_S = 30.0  # listings that nobody has used for so long are closed
RETRY_S = 30.0  # notes are tried again after this
CRC_DIGITS = 8  # a note begins with the checksum of the rest, in hex
MAX_ASYNC_PENDING_DELAY_S = 120.0  # so long at most after its change a note is written


class Updater:
    """Sends rows to listings on this host and others."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._dirty: set[str] = set()
        self._woken = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="updates", daemon=True)
        self._retry_at = 0.0
        self._retrying = threading.Lock()
        self.changes = InFlightChanges()
        self._recovered: set[str] = set()  # devices whose crash, if there was one, is made good
        self._settle_at = 0.0

    def start(self) -> None:
        """Notes that an earlier process left are told; so are containers that it had no time to report."""
        self._retry_at = time.monotonic()
        self._thread.start()
        self._woken.set()

    def stop(self) -> None:
        self._stopping.set()
        self._woken.set()
        if self._thread.is_alive():
            self._thread.join()
        self.report()
        self._mark_synced()

    def recover(self) -> None:
        """Tell listings what an earlier process of this host had stored and not told when it died."""
        for device in self._known_devices():
            if device.name in self._recovered:
                continue
            for name in unreported_containers(device):
                self.report_later(name)
            for container, rows in unsynced_rows(device):
                if self._stopping.is_set():
                    return
                placement = self._host.rings.placement(*container.split("/", 2)[1:])
                self.update_listings(
                    "container",
                    container,
                    [ListingHost(host, replicas) for host, replicas in _primaries(placement)],
                    rows,
                    [device.name],
                )
            self._recovered.add(device.name)

    def update_listings(
        self, kind: str, name: str, listing_hosts: Iterable[ListingHost], rows: list[ListingRow], devices: Iterable[str]
    ) -> None:
        """Rows for the listing called `name`; what can't be told now is noted on one of `devices`."""
        for to in listing_hosts:
            args = MergeRows(kind, to.replicas, name, rows)
            missing = self._send(to.host, args)
            if missing:
                replicas = HostReplicas(to.replicas.partition, to.replicas.digest, missing)
                self._save_async_pending(MergeRows(kind, replicas, name, rows), devices)

    def merge_here(self, args: MergeRows) -> tuple[list[str], list[str]]:
        """Into this host's replicas: (devices that took it, devices that lack the listing or failed)."""
        usable = self._host.devices(args.replicas.devices)
        outcomes = self._host.each(usable, lambda device: self._merge(device, args))
        done = [device.name for device, merged in outcomes if merged]
        missing = [name for name in args.replicas.devices if name not in done]
        if missing:
            outcomes = self._host.each(
                self._host.devices(args.replicas.handoffs), lambda device: self._merge(device, args)
            )
            stand_ins = [device.name for device, merged in outcomes if merged]
            missing = missing[len(stand_ins) :]
            done += stand_ins
        if done and args.kind == "container":
            self.report_later(args.name)
        return done, missing

    def report_later(self, name: str) -> None:
        """The account of container `name` will hear how it stands."""
        self._dirty.add(name)
        self._woken.set()

    def report(self) -> None:
        """Tell accounts how their changed containers stand."""
        while self._dirty:
            name = self._dirty.pop()
            info = self._info(name)
            if info is None:
                continue
            account, container = name.split("/", 2)[1:]
            row = ListingRow(container, info.put, False, info.size, count=info.count, stats_at=timestamp())
            if not info.live:
                row = ListingRow(container, info.deleted, True)
            for host, replicas in host_replicas(self._host.rings.placement(account)):
                if replicas.devices and self._send(host, MergeRows("account", replicas, "/" + account, [row])):
                    log.info("statistics of %s don't reach all of its account's replicas", name)

    def retry(self) -> tuple[int, int]:
        """Try all notes again: (told, left)."""
        with self._retrying:
            notes = [(device, path) for device in self._known_devices() for path in self._async_pendings(device)]
            sent = sum(self._retry_async_pending(device, path) for device, path in notes)
        return sent, len(notes) - sent

    def _mark_synced(self) -> None:
        """All that began before now has been told: a later sweep need not look at it."""
        mark_synced(
            [device for device in self._known_devices() if device.name in self._recovered], self.changes.oldest_start()
        )

    def _run(self) -> None:
        while not self._stopping.is_set():
            try:
                self.recover()
            except (CloudError, OSError) as e:
                log.warning("%s", e)
            if not self._woken.wait(IDLE_S):
                self._host.close_idle(IDLE_S)
            self._woken.clear()
            if self._stopping.wait(REPORT_S):
                return
            self._round()

    def _round(self) -> None:
        """Whatever goes wrong in one is logged: the thread must live."""
        try:
            self.report()
            now = time.monotonic()
            if now >= self._settle_at:
                self._settle_at = now + IDLE_S
                self._mark_synced()
            if self._retry_at and now >= self._retry_at:
                self._retry_at = now + RETRY_S if self.retry()[1] else 0.0
        except (CloudError, OSError) as e:
            log.warning("%s", e)

    def _send(self, host: str, args: MergeRows) -> tuple[str, ...]:
        """The devices that did not take it."""
        if host == self._host.address:
            return tuple(self.merge_here(args)[1])
        try:
            reply, _ = self._host.pool.call(host, "merge_rows", args, MergeReply)
        except HostDown as e:
            log.warning("%s", e)
            return args.replicas.devices
        return reply.missing if reply.status == 200 else args.replicas.devices

    def _merge(self, device: Device, args: MergeRows) -> bool:
        with device.listings.use(args.kind, args.replicas.partition, args.replicas.digest) as listing:
            if listing is not None:
                listing.merge(args.rows)
            return listing is not None

    def _info(self, name: str) -> ListingInfo | None:
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

    def _save_async_pending(self, args: MergeRows, devices: Iterable[str]) -> None:
        data = msgspec.json.encode(args)
        data = b"%08x\n" % zlib.crc32(data) + data
        for device in self._host.devices(devices):
            try:
                with device.disk.guard():
                    directory = device.disk.directory("pending")
                    write_whole(f"{directory}/{time.time_ns()}-{os.urandom(4).hex()}", data)
                    sync_directory(directory)
            except DeviceFailed as e:
                log.warning("%s", e)
                continue
            self._retry_at = self._retry_at or time.monotonic() + RETRY_S
            self._woken.set()
            return
        log.error("nowhere to note that %s has to hear of %d rows", args.name, len(args.rows))

    def _known_devices(self) -> list[Device]:
        return self._host.devices(entry.name for entry in self._host.state.iterdir() if (entry / ".device").exists())

    def _async_pendings(self, device: Device) -> list[str]:
        try:
            with os.scandir(f"{device.disk.root}/pending") as entries:
                return sorted(entry.path for entry in entries)
        except OSError:
            return []

    def _retry_async_pending(self, device: Device, path: str) -> bool:
        """One note: where its listing lives now is asked of the ring, not of the note."""
        args = self._read(device, path)
        if args is None:
            return False
        placement = self._host.rings.placement(*args.name.split("/", 2)[1:])
        left = [
            self._send(to, MergeRows(args.kind, replicas, args.name, args.rows))
            for to, replicas in _primaries(placement)
        ]
        if any(left):
            return False
        os.unlink(path)  # noqa: PTH108
        return True

    def _read(self, device: Device, path: str) -> MergeRows | None:
        """A note; None if it is damaged. Then whatever changed on the device since it was written is told again."""
        data = Path(path).read_bytes()
        head, _, body = data.partition(b"\n")
        if len(head) == CRC_DIGITS and head == b"%08x" % zlib.crc32(body):
            return decoding.decode(body, MergeRows)
        log.error("the note %s is damaged", path)
        written = Path(path).name.partition("-")[0]
        device.disk.put_aside(path, "pending")
        mark_synced([device], int(written) / 1e9 - MAX_ASYNC_PENDING_DELAY_S if written.isdecimal() else 0.0)
        self._recovered.discard(device.name)
        self._woken.set()
        return None


def _primaries(placement: Placement) -> list[tuple[str, HostReplicas]]:
    return [(host, replicas) for host, replicas in host_replicas(placement) if replicas.devices]
