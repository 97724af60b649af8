"""Tells the control plane that this host lives and what is on it, and starts again what a power cut stopped."""

import logging
import threading
import time

from pileus_compute.agent.endpoint import HostEndpoint
from pileus_compute.drivers.base import Cache, OrphanedDisks, Restart
from pileus_compute.errors import GuestAbsent
from pileus_compute.rpc import ControlPlane, GuestState, Power
from pileus_kit.errors import CloudError

log = logging.getLogger(__name__)

EVERY_S = 15.0
SOON_S = 2.0
"""After a try that failed."""
REVIVAL_S = 600.0
"""How long a guest waits after a restart of its host for its network and its volumes to come up."""
SWEEP_S = 3600.0
ORPHANED_S = 600.0
"""How long disks lie without a guest before anybody asks: a build has its disks before its guest."""


class Heartbeat:
    """First asks what ought to run, then reports: a report of the guests that a power cut stopped would be taken for
    their own wish. Until such a guest runs again it is left out of the reports."""

    def __init__(self, host: HostEndpoint, control: ControlPlane, name: str) -> None:
        self.host, self.control, self.name = host, control, name
        self._powers: dict[str, Power] = {}
        self._news: dict[str, GuestState] = {}  # of guests that changed by themselves since the last report
        self._orphaned_since: dict[str, float] = {}  # since when they have been there
        self._over, self._now, self._poked = threading.Event(), threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeats", daemon=True)
        host.poked = self._poke

    def start(self) -> None:
        self.host.hypervisor.watch(self._changed)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._now.set()
        self._thread.join(timeout=5)

    def beat(self) -> bool:
        """Say hello once, with all that is here. False if it wasn't heard."""
        self._poked.clear()
        self._news.clear()
        self._confine()
        try:
            guests = [guest for guest in self.host.guests() if guest.id not in self.host.waiting]
            self.control.hello(self.name, self.host.inventory(), guests + self._strange())
        except CloudError as err:
            log.warning("hello: %s", err)
            return False
        except Exception:  # a bug, here or at the other end, must not silence this host for good
            log.exception("hello")
            return False
        self._powers = {guest.id: guest.power for guest in guests}
        return True

    def _confine(self) -> None:
        """A host whose guests can't be confined is heard of all the same."""
        try:
            self.host.confine()
        except CloudError as err:
            log.warning("confining guests: %s", err)
        except Exception:  # a bug, as below
            log.exception("confining guests")

    def tell_news(self) -> bool:
        """Report only the guests that changed: with a thousand of them, all would cost more than what happened."""
        news = [self._news.pop(guest_id) for guest_id in list(self._news)]
        news = [guest for guest in news if guest.id not in self.host.waiting]
        try:
            if news:
                self.control.hello(self.name, self.host.inventory(), news)
        except Exception as err:  # everything is reported again soon
            log.warning("news of %d guests weren't heard: %s", len(news), err)
            return False
        return True

    def _strange(self) -> list[GuestState]:
        """Disks that have been lying here for long without a guest, and that nobody wants here: the control plane has
        them removed, if it knows that their server is gone."""
        driver, now = self.host.hypervisor, time.monotonic()
        if not isinstance(driver, OrphanedDisks):
            return []
        self._orphaned_since = {
            guest_id: self._orphaned_since.get(guest_id, now) for guest_id in driver.orphaned_disks()
        }
        old = [guest_id for guest_id, since in self._orphaned_since.items() if now - since > ORPHANED_S]
        if not old:
            return []
        wanted = {guest.id for guest in self.control.wanted(self.name)}
        return [GuestState(guest_id, Power.STOPPED) for guest_id in old if guest_id not in wanted]

    def find_lost(self) -> set[str]:
        """The guests that ought to run and lost their host."""
        driver = self.host.hypervisor
        if not isinstance(driver, Restart):
            return set()
        wanted = {guest.id for guest in self.control.wanted(self.name) if guest.power is Power.RUNNING}
        stopped = {guest.id for guest in driver.guests() if guest.power is Power.STOPPED}
        self.host.waiting = {guest_id for guest_id in wanted & stopped if driver.lost(guest_id)}
        return self.host.waiting

    def revive(self, patience_s: float = REVIVAL_S) -> None:
        """Start the lost guests again, each as soon as its network and volumes are there."""
        deadline = time.monotonic() + patience_s
        while self.host.waiting and not self._over.is_set():
            for guest_id in sorted(self.host.waiting):
                if self._restart(guest_id):
                    self.host.waiting.discard(guest_id)
                    self._poke()
            if self.host.waiting and time.monotonic() > deadline:
                log.error("not started again, they had %s s: %s", patience_s, ", ".join(sorted(self.host.waiting)))
                self.host.waiting.clear()
            elif self.host.waiting:
                self._over.wait(SOON_S)

    def _restart(self, guest_id: str) -> bool:
        driver = self.host.hypervisor
        assert isinstance(driver, Restart)
        try:
            with self.host.locks.of(guest_id):
                if guest_id in self.host.waiting and driver.lost(guest_id):  # nobody stopped or started it meanwhile
                    driver.restart(guest_id)
        except GuestAbsent:
            return True
        except CloudError as err:
            log.warning("starting guest %s again: %s", guest_id, err)
            return False
        log.info("guest %s runs again", guest_id)
        return True

    def _changed(self, guest: GuestState) -> None:
        if self._powers.get(guest.id) is not guest.power:
            log.info("guest %s is %s", guest.id, guest.power)
            self._powers[guest.id] = guest.power
            self._news[guest.id] = guest
            self._now.set()

    def _poke(self) -> None:
        self._poked.set()
        self._now.set()

    def _run(self) -> None:
        while not self._over.is_set() and not self._begin():
            self._over.wait(SOON_S)
        revival = threading.Thread(target=self.revive, name="revival", daemon=True)
        revival.start()
        swept = due = time.monotonic()
        while not self._over.is_set():
            self._now.clear()
            if self._poked.is_set() or time.monotonic() >= due:
                due = time.monotonic() + (EVERY_S if self.beat() else SOON_S)
            elif not self.tell_news():
                due = time.monotonic() + SOON_S
            if time.monotonic() - swept > SWEEP_S:
                swept = time.monotonic()
                self._sweep()
            self._now.wait(max(0.0, due - time.monotonic()))

    def _begin(self) -> bool:
        try:
            self.host.recover()
            lost = self.find_lost()
        except CloudError as err:
            log.warning("what ought to run here: %s", err)
            return False
        except Exception:  # a bug, as above: tried again
            log.exception("what ought to run here")
            return False
        if lost:
            log.info("guests to start again: %s", ", ".join(sorted(lost)))
        return True

    def _sweep(self) -> None:
        if isinstance(self.host.hypervisor, Cache):
            try:
                self.host.hypervisor.sweep_images()
            except OSError as err:
                log.warning("image cache: %s", err)
