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
from pileus_objectstore.agent.sweeps import Changes, settle, unreported, untold
from pileus_objectstore.core.plans import spots
from pileus_objectstore.drivers.disks import sync_directory
from pileus_objectstore.drivers.listings import write_whole
from pileus_objectstore.errors import Damaged, DeviceFailed
from pileus_objectstore.ring.rings import Place
from pileus_objectstore.rpc.contract import Info, MergeReply, MergeRows, Row, Spot, Upstream, timestamp

log = logging.getLogger(__name__)
REPORT_S = 0.2  # a container's statistics reach its account after this
IDLE_S = 30.0  # listings that nobody has used for so long are closed
RETRY_S = 30.0  # notes are tried again after this
CRC_DIGITS = 8  # a note begins with the checksum of the rest, in hex
NOTE_S = 120.0  # so long at most after its change a note is written


class Updates:
    """Sends rows to listings on this host and others."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._dirty: set[str] = set()
        self._rang = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, name="updates", daemon=True)
        self._retry_at = 0.0
        self._retrying = threading.Lock()
        self.changes = Changes()
        self._swept: set[str] = set()  # devices whose crash, if there was one, is made good
        self._settle_at = 0.0

    def start(self) -> None:
        """Notes that an earlier process left are told; so are containers that it had no time to report."""
        self._retry_at = time.monotonic()
        self._thread.start()
        self._rang.set()

    def stop(self) -> None:
        self._over.set()
        self._rang.set()
        if self._thread.is_alive():
            self._thread.join()
        self.report()
        self._settle()

    def sweep(self) -> None:
        """Tell listings what an earlier process of this host had stored and not told when it died."""
        for device in self._known_devices():
            if device.name in self._swept:
                continue
            for name in unreported(device):
                self.report_later(name)
            for container, rows in untold(device):
                if self._over.is_set():
                    return
                place = self._host.rings.place(*container.split("/", 2)[1:])
                self.tell(
                    "container",
                    container,
                    [Upstream(host, spot) for host, spot in _primaries(place)],
                    rows,
                    [device.name],
                )
            self._swept.add(device.name)

    def tell(self, kind: str, name: str, upstream: Iterable[Upstream], rows: list[Row], devices: Iterable[str]) -> None:
        """Rows for the listing called `name`; what can't be told now is noted on one of `devices`."""
        for to in upstream:
            args = MergeRows(kind, to.spot, name, rows)
            missing = self._send(to.host, args)
            if missing:
                spot = Spot(to.spot.partition, to.spot.digest, missing)
                self._note(MergeRows(kind, spot, name, rows), devices)

    def merge_here(self, args: MergeRows) -> tuple[list[str], list[str]]:
        """Into this host's replicas: (devices that took it, devices that lack the listing or failed)."""
        usable = self._host.devices(args.spot.devices)
        outcomes = self._host.each(usable, lambda device: self._merge(device, args))
        done = [device.name for device, merged in outcomes if merged]
        missing = [name for name in args.spot.devices if name not in done]
        if missing:
            outcomes = self._host.each(self._host.devices(args.spot.handoffs), lambda device: self._merge(device, args))
            stand_ins = [device.name for device, merged in outcomes if merged]
            missing = missing[len(stand_ins) :]
            done += stand_ins
        if done and args.kind == "container":
            self.report_later(args.name)
        return done, missing

    def report_later(self, name: str) -> None:
        """The account of container `name` will hear how it stands."""
        self._dirty.add(name)
        self._rang.set()

    def report(self) -> None:
        """Tell accounts how their changed containers stand."""
        while self._dirty:
            name = self._dirty.pop()
            info = self._info(name)
            if info is None:
                continue
            account, container = name.split("/", 2)[1:]
            row = Row(container, info.put, False, info.size, count=info.count, stats_at=timestamp())
            if not info.live:
                row = Row(container, info.deleted, True)
            for host, spot in spots(self._host.rings.place(account)):
                if spot.devices and self._send(host, MergeRows("account", spot, "/" + account, [row])):
                    log.info("statistics of %s don't reach all of its account's replicas", name)

    def retry(self) -> tuple[int, int]:
        """Try all notes again: (told, left)."""
        with self._retrying:
            notes = [(device, path) for device in self._known_devices() for path in self._notes(device)]
            told = sum(self._retell(device, path) for device, path in notes)
        return told, len(notes) - told

    def _settle(self) -> None:
        """All that began before now has been told: a later sweep need not look at it."""
        settle([device for device in self._known_devices() if device.name in self._swept], self.changes.settled())

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                self.sweep()
            except (CloudError, OSError) as e:
                log.warning("%s", e)
            if not self._rang.wait(IDLE_S):
                self._host.rest(IDLE_S)
            self._rang.clear()
            if self._over.wait(REPORT_S):
                return
            self._round()

    def _round(self) -> None:
        """Whatever goes wrong in one is logged: the thread must live."""
        try:
            self.report()
            now = time.monotonic()
            if now >= self._settle_at:
                self._settle_at = now + IDLE_S
                self._settle()
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
            return args.spot.devices
        return reply.missing if reply.status == 200 else args.spot.devices

    def _merge(self, device: Device, args: MergeRows) -> bool:
        with device.listings.use(args.kind, args.spot.partition, args.spot.digest) as listing:
            if listing is not None:
                listing.merge(args.rows)
            return listing is not None

    def _info(self, name: str) -> Info | None:
        place = self._host.rings.place(*name.split("/", 2)[1:])
        best: Info | None = None
        for spot in (spot for host, spot in spots(place) if host == self._host.address):
            for device in self._host.holders(spot):
                try:
                    with device.listings.use("container", spot.partition, spot.digest) as listing:
                        if listing is not None and (best is None or listing.info.newest > best.newest):
                            best = listing.info
                except (DeviceFailed, Damaged) as e:
                    log.warning("%s", e)
        return best

    def _note(self, args: MergeRows, devices: Iterable[str]) -> None:
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
            self._rang.set()
            return
        log.error("nowhere to note that %s has to hear of %d rows", args.name, len(args.rows))

    def _known_devices(self) -> list[Device]:
        return self._host.devices(entry.name for entry in self._host.state.iterdir() if (entry / ".device").exists())

    def _notes(self, device: Device) -> list[str]:
        try:
            with os.scandir(f"{device.disk.root}/pending") as entries:
                return sorted(entry.path for entry in entries)
        except OSError:
            return []

    def _retell(self, device: Device, path: str) -> bool:
        """One note: where its listing lives now is asked of the ring, not of the note."""
        args = self._read(device, path)
        if args is None:
            return False
        place = self._host.rings.place(*args.name.split("/", 2)[1:])
        left = [self._send(to, MergeRows(args.kind, spot, args.name, args.rows)) for to, spot in _primaries(place)]
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
        settle([device], int(written) / 1e9 - NOTE_S if written.isdecimal() else 0.0)
        self._swept.discard(device.name)
        self._rang.set()
        return None


def _primaries(place: Place) -> list[tuple[str, Spot]]:
    return [(host, spot) for host, spot in spots(place) if spot.devices]
