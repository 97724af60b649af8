"""Tells the control plane that this host lives and what is on it, and starts again what a power cut stopped."""

import logging
import threading
import time

from pileus_compute.agent.host import Host
from pileus_compute.drivers.base import Cache, Restart
from pileus_compute.rpc import Control, GuestState, Power
from pileus_kit.errors import CloudError, Transient
from pileus_kit.rpc import RemoteFailure

log = logging.getLogger(__name__)

EVERY_S = 15.0
SOON_S = 2.0
"""After a try that failed."""
REVIVAL_S = 600.0
"""How long a guest waits after a restart of its host for its network and its volumes to come up."""
SWEEP_S = 3600.0


class Heartbeats:
    def __init__(self, host: Host, control: Control, name: str) -> None:
        self.host, self.control, self.name = host, control, name
        self._over, self._now = threading.Event(), threading.Event()
        self._threads = [threading.Thread(target=self._beat, name="heartbeats", daemon=True),
                         threading.Thread(target=self._revive, name="revival", daemon=True)]
        host.poked = self._now.set

    def start(self) -> None:
        self.host.hypervisor.watch(self._changed)
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        self._now.set()
        for thread in self._threads:
            thread.join(timeout=5)

    def beat(self) -> bool:
        """Say hello once. False if it wasn't heard."""
        try:
            self.control.hello(self.name, self.host.inventory(), self.host.guests())
        except CloudError as err:
            log.warning("hello: %s", err)
            return False
        return True

    def revive(self, patience_s: float = REVIVAL_S) -> list[str]:
        """Start the guests that ought to run and lost their host. Returns the ids of those that run again."""
        driver = self.host.hypervisor
        if not isinstance(driver, Restart):
            return []
        wanted = [guest.id for guest in self.control.wanted(self.name) if guest.power is Power.RUNNING]
        there = {guest.id for guest in driver.guests() if guest.power is Power.STOPPED}
        todo = [guest_id for guest_id in wanted if guest_id in there and driver.lost(guest_id)]
        started, deadline = [], time.monotonic() + patience_s
        while todo:
            started += [guest_id for guest_id in todo if self._restart(driver, guest_id)]
            todo = [guest_id for guest_id in todo if guest_id not in started]
            if not todo or time.monotonic() > deadline or self._over.wait(SOON_S):
                break
        for guest_id in todo:
            log.error("guest %s ought to run and could not be started again", guest_id)
        return started

    def _restart(self, driver: Restart, guest_id: str) -> bool:
        try:
            with self.host.locks.of(guest_id):
                if driver.lost(guest_id):  # nobody stopped it on purpose meanwhile
                    driver.restart(guest_id)
        except CloudError as err:
            log.warning("starting guest %s again: %s", guest_id, err)
            return False
        log.info("guest %s runs again", guest_id)
        return True

    def _changed(self, guest: GuestState) -> None:
        log.info("guest %s is %s", guest.id, guest.power)
        self._now.set()

    def _beat(self) -> None:
        swept = time.monotonic()
        while not self._over.is_set():
            self._now.clear()
            heard = self.beat()
            if time.monotonic() - swept > SWEEP_S:
                swept = time.monotonic()
                self._sweep()
            self._now.wait(EVERY_S if heard else SOON_S)

    def _sweep(self) -> None:
        if isinstance(self.host.hypervisor, Cache):
            try:
                self.host.hypervisor.sweep_images()
            except OSError as err:
                log.warning("image cache: %s", err)

    def _revive(self) -> None:
        while not self._over.is_set():
            try:
                self.revive()
                self._now.set()
                return
            except (Transient, RemoteFailure) as err:
                log.warning("what ought to run here: %s", err)
                self._over.wait(SOON_S)
