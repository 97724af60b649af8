"""What a hypervisor has to do (`Hypervisor`) and what it may be able to do besides; a capability is `isinstance`.

Every call is idempotent and keyed by the guest's id. The agent takes care that calls of one guest don't overlap.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path

from pileus_compute.rpc import (
    Attached,
    Booted,
    Diagnostics,
    Endpoint,
    Guest,
    GuestState,
    Image,
    Inventory,
    Nic,
    Plugged,
    Volume,
)

Changed = Callable[[GuestState], None]
"""Told when a guest's power state changed by itself: it shut down, crashed, was paused by an I/O error."""


class Hypervisor(ABC):
    @abstractmethod
    def prepare(self, guest: Guest) -> None:
        """Make the disks that are missing and grow those that are too small."""

    @abstractmethod
    def boot(self, guest: Guest) -> Booted:
        """Define the guest as described and start it; leave a running or paused one alone."""

    @abstractmethod
    def press_power_button(self, guest_id: str) -> None:
        """Press the power button, once. Nothing if the guest doesn't run."""

    @abstractmethod
    def cut_power(self, guest_id: str) -> None:
        """Cut the power; the saved memory of a suspended guest is lost too. Nothing if the guest is off."""

    @abstractmethod
    def pause(self, guest_id: str) -> None: ...

    @abstractmethod
    def unpause(self, guest_id: str) -> None: ...

    @abstractmethod
    def destroy(self, guest_id: str) -> None:
        """Leave nothing of it."""

    @abstractmethod
    def attach_volume(self, guest_id: str, volume: Volume) -> Attached: ...

    @abstractmethod
    def detach_volume(self, guest_id: str, volume_id: str) -> None: ...

    @abstractmethod
    def attach_nic(self, guest_id: str, nic: Nic) -> Plugged: ...

    @abstractmethod
    def detach_nic(self, guest_id: str, port_id: str) -> None: ...

    @abstractmethod
    def state(self, guest_id: str) -> GuestState:
        """Raises GuestAbsent."""

    @abstractmethod
    def guests(self) -> list[GuestState]:
        """All with our prefix."""

    @abstractmethod
    def inventory(self) -> Inventory: ...

    @abstractmethod
    def watch(self, changed: Changed) -> None:
        """Call `changed` from now on, from any thread."""

    @abstractmethod
    def close(self) -> None:
        """Let go of the hypervisor; the guests go on."""


class Restart(ABC):
    """The hypervisor keeps definitions over a host restart."""

    @abstractmethod
    def lost(self, guest_id: str) -> bool:
        """Off because its host went down, not because it shut down or somebody switched it off."""

    @abstractmethod
    def restart(self, guest_id: str) -> None:
        """Start a stopped guest as it was defined last. Raises TapMissing while the network isn't ready."""


class OrphanedDisks(ABC):
    """Disks can be there without a guest."""

    @abstractmethod
    def orphaned_disks(self) -> list[str]:
        """Ids of the guests of which there are disks and no definition."""


class Suspend(ABC):
    @abstractmethod
    def suspend(self, guest_id: str) -> None:
        """Save memory to disk and stop."""


class KeptDisks(ABC):
    @abstractmethod
    def keep_disks(self, guest_id: str, copy: bool) -> None: ...

    @abstractmethod
    def restore_disks(self, guest_id: str) -> None: ...

    @abstractmethod
    def drop_kept_disks(self, guest_id: str) -> None: ...


class Rescue(ABC):
    """`boot` of a guest with `rescue` set starts the rescue system (after `prepare` made its disk)."""

    @abstractmethod
    def drop_rescue(self, guest_id: str) -> None:
        """Remove the rescue system's disk."""


class Extend(ABC):
    @abstractmethod
    def extend_volume(self, guest_id: str, volume_id: str, size: int) -> None:
        """`size` in bytes. Raises GuestUnsupported for a volume whose transport can't."""


class VolumeSnapshots(ABC):
    """Snapshots inside a volume's file, which only the process that has it open can make."""

    @abstractmethod
    def snapshot_volume(self, guest_id: str, volume_id: str, name: str) -> None: ...

    @abstractmethod
    def drop_volume_snapshot(self, guest_id: str, volume_id: str, name: str) -> None: ...


class Password(ABC):
    @abstractmethod
    def set_password(self, guest_id: str, user: str, password: str) -> None: ...


class Snapshot(ABC):
    @abstractmethod
    def snapshot(self, guest_id: str, into: Path, format: str) -> None:
        """Write the root disk, as it was at one moment, to the new file `into`, without backing file."""

    @abstractmethod
    def abandon_snapshot(self, guest_id: str) -> None:
        """End one that an earlier process had begun."""


class Console(ABC):
    @abstractmethod
    def console_log(self, guest_id: str, limit: int) -> bytes:
        """The last `limit` bytes of the serial console."""

    @abstractmethod
    def console(self, guest_id: str, kind: str) -> Endpoint: ...


class Diagnosis(ABC):
    @abstractmethod
    def diagnostics(self, guest_id: str) -> Diagnostics: ...

    @abstractmethod
    def inject_nmi(self, guest_id: str) -> None: ...


class Cache(ABC):
    @abstractmethod
    def cache_image(self, image: Image) -> None: ...

    @abstractmethod
    def sweep_images(self) -> None:
        """Drop what no guest has used for long."""


class Confine(ABC):
    @abstractmethod
    def confine(self) -> None:
        """Give the running guests the limits, and the access to files, that they should have and no more, also those
        that an earlier agent started. Called again and again."""
