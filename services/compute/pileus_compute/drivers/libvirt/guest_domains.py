"""The domains of this cloud among those of a libvirt daemon: their names begin with the cloud's prefix."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import libvirt

from pileus_compute.drivers.libvirt import power_states
from pileus_compute.drivers.libvirt.connection import Connection
from pileus_compute.errors import GuestAbsent, GuestNotRunning, GuestRuns

NO_DOMAIN = (libvirt.VIR_ERR_NO_DOMAIN,)
NOT_RUNNING = (libvirt.VIR_ERR_OPERATION_INVALID,)
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class GuestDomains:
    """Domains by the id of their guest. Every call may raise HypervisorDown."""

    def __init__(self, connection: Connection, host: str, prefix: str) -> None:
        self.connection, self.host, self.prefix = connection, host, prefix

    def name_of(self, guest_name: str) -> str:
        """The domain's name for a guest of this name."""
        return f"{self.prefix}-{guest_name}"

    def all(self) -> list[libvirt.virDomain]:
        """All domains of this cloud, running or not."""
        return [domain for domain in self.connection.get().listAllDomains() if self._is_ours(domain)]

    def find(self, guest_id: str) -> libvirt.virDomain | None:
        """The guest's domain; None if there is none, or one that isn't this cloud's."""
        if not UUID.fullmatch(guest_id):
            return None
        domain = None
        with self.connection.doing("look the guest up"), accepting(NO_DOMAIN):
            domain = self.connection.get().lookupByUUIDString(guest_id)
        return domain if domain is not None and self._is_ours(domain) else None

    def get(self, guest_id: str) -> libvirt.virDomain:
        """The guest's domain. Raises GuestAbsent."""
        domain = self.find(guest_id)
        if domain is None:
            raise GuestAbsent(guest=guest_id, host=self.host)
        return domain

    def get_running(self, guest_id: str) -> libvirt.virDomain:
        """The domain of a guest that runs or is paused. Raises GuestAbsent, GuestNotRunning."""
        domain = self.get(guest_id)
        if not power_states.active(domain):
            raise GuestNotRunning(guest=guest_id)
        return domain

    def require_off(self, guest_id: str, what: str) -> None:
        """Raises GuestRuns if the guest runs; `what` needs it to be off."""
        domain = self.find(guest_id)
        if domain is not None and power_states.active(domain):
            raise GuestRuns(guest=guest_id, what=what)

    def _is_ours(self, domain: libvirt.virDomain) -> bool:
        return bool(domain.name().startswith(f"{self.prefix}-"))


@contextmanager
def accepting(codes: tuple[int, ...]) -> Iterator[None]:
    """Pass over libvirt's errors of these codes: they mean that what was asked for is so already."""
    try:
        yield
    except libvirt.libvirtError as err:
        if err.get_error_code() not in codes:
            raise
