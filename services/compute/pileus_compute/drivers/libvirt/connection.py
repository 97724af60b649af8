"""The connection to libvirtd: one in each process, kept alive, and opened again when it broke. A thread of the process
handles its events."""

import logging
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import libvirt

from pileus_compute.errors import HypervisorBusy, HypervisorDown, HypervisorFailed

log = logging.getLogger(__name__)

KEEPALIVE_S, KEEPALIVE_TRIES = 5, 3
BROKEN = {libvirt.VIR_ERR_SYSTEM_ERROR, libvirt.VIR_ERR_INTERNAL_ERROR, libvirt.VIR_ERR_RPC, libvirt.VIR_ERR_NO_CONNECT}
BUSY = {libvirt.VIR_ERR_OPERATION_TIMEOUT, libvirt.VIR_ERR_RESOURCE_BUSY, libvirt.VIR_ERR_AGENT_UNRESPONSIVE}
"""Another call works on the guest, or its process has not ended yet."""
NOT_SERVED_YET = re.compile(r"Failed to connect to '.*(refused|timed out)|export '[^']*' not present")
"""What QEMU says of a volume that its storage host doesn't serve now: it is told to just when the guest is."""

Event = Callable[[str, int, int], None]
"""(domain's uuid, lifecycle event, its detail)"""

_loop = threading.Lock()
_loop_runs: list[threading.Thread] = []


def run_events() -> None:
    """Start libvirt's event loop, of which a process has one."""
    with _loop:
        if not _loop_runs:
            libvirt.virEventRegisterDefaultImpl()
            thread = threading.Thread(target=_run_loop, name="libvirt-events", daemon=True)
            _loop_runs.append(thread)
            thread.start()


def _run_loop() -> None:
    while True:
        try:
            libvirt.virEventRunDefaultImpl()
        except libvirt.libvirtError as err:
            log.warning("libvirt events: %s", err)


def _quiet(_: object, error: object) -> None:
    """Ignore an error: libvirt would print it on stderr, and it is raised anyway."""


class Connection:
    """A connection to one libvirtd, for all threads."""

    def __init__(self, uri: str, host: str) -> None:
        self.uri, self.host = uri, host
        self._lock = threading.Lock()
        self._conn: libvirt.virConnect | None = None
        self._lifecycle: list[Event] = []
        self._removed: dict[tuple[str, str], threading.Event] = {}
        libvirt.registerErrorHandler(_quiet, None)
        run_events()

    def get(self) -> libvirt.virConnect:
        """The connection, opened if it isn't alive. Raises HypervisorDown."""
        with self._lock:
            if self._conn is None or not _alive(self._conn):
                self._conn = self._open()
            return self._conn

    def on_lifecycle(self, event: Event) -> None:
        """Have `event` called with each lifecycle event of a domain."""
        self._lifecycle.append(event)

    @contextmanager
    def removal(self, guest_id: str, alias: str) -> Iterator[threading.Event]:
        """An event that is set when the guest has released the device with this alias."""
        gone = self._removed.setdefault((guest_id, alias), threading.Event())
        try:
            yield gone
        finally:
            self._removed.pop((guest_id, alias), None)

    @contextmanager
    def doing(self, what: str) -> Iterator[None]:
        """Turn libvirt's errors into ours: HypervisorDown and HypervisorBusy are tried again, HypervisorFailed is not.
        `what` completes "the hypervisor could not"."""
        try:
            yield
        except libvirt.libvirtError as err:
            if err.get_error_code() in BROKEN and (self._conn is None or not _alive(self._conn)):
                raise HypervisorDown(host=self.host, why=str(err)) from err
            if err.get_error_code() in BUSY or NOT_SERVED_YET.search(str(err)):
                raise HypervisorBusy(what=what, why=str(err)) from err
            raise HypervisorFailed(what=what, why=str(err)) from err

    def close(self) -> None:
        """Close the connection; `get` opens it again."""
        with self._lock:
            if self._conn is not None:
                try:
                    self._conn.close()
                except libvirt.libvirtError as err:
                    log.info("closing libvirt: %s", err)
                self._conn = None

    def _open(self) -> libvirt.virConnect:
        try:
            conn = libvirt.open(self.uri)
            conn.setKeepAlive(KEEPALIVE_S, KEEPALIVE_TRIES)
            conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._on_lifecycle, None)
            conn.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_DEVICE_REMOVED, self._on_removed, None)
        except libvirt.libvirtError as err:
            raise HypervisorDown(host=self.host, why=str(err)) from err
        log.info("connected to %s", self.uri)
        return conn

    def _on_lifecycle(self, _: object, domain: libvirt.virDomain, event: int, detail: int, __: object) -> None:
        for event_handler in self._lifecycle:
            event_handler(domain.UUIDString(), event, detail)

    def _on_removed(self, _: object, domain: libvirt.virDomain, alias: str, __: object) -> None:
        gone = self._removed.get((domain.UUIDString(), alias))
        if gone:
            gone.set()


def _alive(conn: libvirt.virConnect) -> bool:
    try:
        return bool(conn.isAlive())
    except libvirt.libvirtError:
        return False
