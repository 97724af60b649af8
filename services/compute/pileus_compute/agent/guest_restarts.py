"""Guests that a power cut or a shutdown of the whole cloud stopped are started again."""

import logging
import threading
import time

from pileus_compute.agent.endpoint import HostEndpoint
from pileus_compute.drivers.base import Restart
from pileus_compute.errors import GuestAbsent
from pileus_compute.rpc import ControlPlane, Power
from pileus_kit.errors import CloudError

log = logging.getLogger(__name__)

PATIENCE_S = 600.0
"""How long a guest waits after a restart of its host for its network and its volumes to come up."""
RETRY_S = 2.0


class GuestRestarts:
    """`host.waiting` holds the guests that are still to be started: until then no report mentions them, because the
    control plane would take a stopped guest for one that its user has stopped."""

    def __init__(self, host: HostEndpoint, control: ControlPlane, name: str) -> None:
        self.host, self.control, self.name = host, control, name
        self._stopping = threading.Event()

    def stop(self) -> None:
        """End `restart_lost`."""
        self._stopping.set()

    def find_lost(self) -> set[str]:
        """Find the guests that are to run and went down with their host. Raises what the driver or the bus raises."""
        driver = self.host.hypervisor
        if not isinstance(driver, Restart):
            return set()
        wanted = {guest.id for guest in self.control.wanted(self.name) if guest.power is Power.RUNNING}
        stopped = {guest.id for guest in driver.guests() if guest.power is Power.STOPPED}
        self.host.waiting = {guest_id for guest_id in wanted & stopped if driver.lost(guest_id)}
        return self.host.waiting

    def restart_lost(self, patience_s: float = PATIENCE_S) -> None:
        """Start the lost guests, each as soon as its network and volumes are there; give up after `patience_s`."""
        deadline = time.monotonic() + patience_s
        while self.host.waiting and not self._stopping.is_set():
            for guest_id in sorted(self.host.waiting):
                if self._restart(guest_id):
                    self.host.waiting.discard(guest_id)
                    self.host.poke()
            if self.host.waiting and time.monotonic() > deadline:
                log.error("not started again, they had %s s: %s", patience_s, ", ".join(sorted(self.host.waiting)))
                self.host.waiting.clear()
            elif self.host.waiting:
                self._stopping.wait(RETRY_S)

    def _restart(self, guest_id: str) -> bool:
        """False if the guest can't be started yet."""
        driver = self.host.hypervisor
        assert isinstance(driver, Restart)
        try:
            with self.host.locks.of(guest_id):
                if guest_id in self.host.waiting and driver.lost(guest_id):  # no call stopped or started it meanwhile
                    driver.restart(guest_id)
        except GuestAbsent:
            return True
        except CloudError as err:
            log.warning("starting guest %s again: %s", guest_id, err)
            return False
        log.info("guest %s runs again", guest_id)
        return True
