"""Reports to the control plane: that this host is up, what it has, and what its guests do."""

import logging
import threading
import time

from pileus_compute.agent.endpoint import HostEndpoint
from pileus_compute.agent.guest_restarts import GuestRestarts
from pileus_compute.drivers.base import Cache, OrphanedDisks
from pileus_compute.rpc import ControlPlane, GuestState, Power
from pileus_kit.errors import CloudError
from pileus_kit.heartbeat import Heartbeat

log = logging.getLogger(__name__)

EVERY_S = 15.0
RETRY_S = 2.0
"""How long after a report that failed the next one follows."""
SWEEP_S = 3600.0
"""How often the image cache drops what no guest uses."""
ORPHANED_S = 600.0
"""How long disks lie without a guest before the agent asks about them: a build has its disks before its guest."""
STOP_S = 5.0


class AgentHeartbeat:
    """Asks first which guests are to run, then reports: the control plane would take guests that a power cut stopped
    for guests that their users have stopped."""

    def __init__(self, host: HostEndpoint, control: ControlPlane, name: str) -> None:
        self.host, self.control, self.name = host, control, name
        self.restarts = GuestRestarts(host, control, name)
        self._powers: dict[str, Power] = {}
        self._changed: dict[str, GuestState] = {}  # guests that changed by themselves since the last report
        self._orphaned_since: dict[str, float] = {}
        self._swept_at = time.monotonic()
        self._begun = False
        self._loop = Heartbeat(
            self._beat, every_s=EVERY_S, retry_s=RETRY_S, between=self.report_changes, name="heartbeat"
        )
        host.poked = self._loop.wake

    def start(self) -> None:
        self.host.hypervisor.watch(self.note_change)
        self._loop.start()

    def stop(self) -> None:
        self.restarts.stop()
        self._loop.stop(timeout_s=STOP_S)

    def report(self) -> None:
        """Report the host and all its guests. Raises what the driver or the bus raises."""
        self._changed.clear()
        self._confine()
        guests = [guest for guest in self.host.guests() if guest.id not in self.host.waiting]
        self.control.hello(self.name, self.host.inventory(), guests + self._orphans())
        self._powers = {guest.id: guest.power for guest in guests}

    def report_changes(self) -> None:
        """Report only the guests that changed by themselves: with a thousand guests on a host, a whole report costs
        more than what happened. What is lost here is in the next whole report."""
        if not self._begun:
            return
        changed = [self._changed.pop(guest_id) for guest_id in list(self._changed)]
        changed = [guest for guest in changed if guest.id not in self.host.waiting]
        if changed:
            self.control.hello(self.name, self.host.inventory(), changed)

    def note_change(self, guest: GuestState) -> None:
        """Called by the driver when a guest's power state changed by itself."""
        if self._powers.get(guest.id) is not guest.power:
            log.info("guest %s is %s", guest.id, guest.power)
            self._powers[guest.id] = guest.power
            self._changed[guest.id] = guest
            self._loop.nudge()

    def _beat(self) -> None:
        if not self._begun:
            self._begin()
        self.report()
        if time.monotonic() - self._swept_at > SWEEP_S:
            self._swept_at = time.monotonic()
            self._sweep_image_cache()

    def _begin(self) -> None:
        self.host.recover()
        lost = self.restarts.find_lost()
        self._begun = True
        if lost:
            log.info("guests to start again: %s", ", ".join(sorted(lost)))
            threading.Thread(target=self.restarts.restart_lost, name="guest-restarts", daemon=True).start()

    def _confine(self) -> None:
        """A host whose guests can't be confined reports all the same."""
        try:
            self.host.confine()
        except CloudError as err:
            log.warning("confining guests: %s", err)
        except Exception:  # a bug in it must not silence this host
            log.exception("confining guests")

    def _orphans(self) -> list[GuestState]:
        """Disks that have been lying here for long without a guest, and that the control plane wants no guest for. It
        has them removed if it knows that their server is gone."""
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

    def _sweep_image_cache(self) -> None:
        if isinstance(self.host.hypervisor, Cache):
            try:
                self.host.hypervisor.sweep_images()
            except OSError as err:
                log.warning("image cache: %s", err)
