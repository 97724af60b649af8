"""What a driver of a hypervisor has to do (`Hypervisor`), and what it may be able to do besides: a driver has a
capability if it is an instance of the capability's class.

Every call is idempotent and keyed by the guest's id. The agent makes the calls of one guest one after another. Where
a call's errors aren't named: GuestAbsent, HypervisorFailed, HypervisorDown.
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
"""Called when a guest's power state changed by itself: it shut down, crashed, or was paused by an I/O error."""


class Hypervisor(ABC):
    """What every driver can do."""

    @abstractmethod
    def prepare(self, guest: Guest) -> None:
        """Make the guest's disks that are missing and grow those that are too small; see `HostAgent.prepare`."""

    @abstractmethod
    def boot(self, guest: Guest) -> Booted:
        """Define the guest as described and start it; leave a running or paused one alone."""

    @abstractmethod
    def define(self, guest: Guest) -> None:
        """Define the guest as described, without starting it; leave a known one alone."""

    @abstractmethod
    def press_power_button(self, guest_id: str) -> None:
        """Press the power button, once. Nothing happens if the guest doesn't run."""

    @abstractmethod
    def cut_power(self, guest_id: str) -> None:
        """Cut the power. The saved memory of a suspended guest is lost, too. Nothing happens if the guest is off."""

    @abstractmethod
    def pause(self, guest_id: str) -> None:
        """Freeze the guest in memory. Raises GuestNotRunning."""

    @abstractmethod
    def unpause(self, guest_id: str) -> None:
        """Let a paused guest go on. Raises GuestNotRunning."""

    @abstractmethod
    def destroy(self, guest_id: str) -> None:
        """Remove everything of the guest: its definition, disks, saved memory and console log."""

    @abstractmethod
    def attach_volume(self, guest_id: str, volume: Volume) -> Attached:
        """Plug the volume in, also into a stopped guest; an attached one stays as it is."""

    @abstractmethod
    def detach_volume(self, guest_id: str, volume_id: str) -> None:
        """Unplug the volume and return when the guest has released it. Raises DetachRefused."""

    @abstractmethod
    def attach_nic(self, guest_id: str, nic: Nic) -> Plugged:
        """Plug the interface in when its tap is wired; an attached one stays as it is. Raises TapMissing."""

    @abstractmethod
    def detach_nic(self, guest_id: str, port_id: str) -> None:
        """Unplug the interface and return when the guest has released it. Raises DetachRefused."""

    @abstractmethod
    def state(self, guest_id: str) -> GuestState:
        """The guest's power state. Raises GuestAbsent."""

    @abstractmethod
    def guests(self) -> list[GuestState]:
        """All guests of this cloud on the host."""

    @abstractmethod
    def inventory(self) -> Inventory:
        """What the host has, in total."""

    @abstractmethod
    def watch(self, changed: Changed) -> None:
        """Call `changed` from now on, from any thread."""

    @abstractmethod
    def close(self) -> None:
        """Close the connection to the hypervisor; the guests go on."""


class Restart(ABC):
    """The hypervisor keeps definitions over a host restart."""

    @abstractmethod
    def lost(self, guest_id: str) -> bool:
        """Whether the guest is off because its host went down, and not because it shut down or was stopped."""

    @abstractmethod
    def restart(self, guest_id: str) -> None:
        """Start a stopped guest as it was defined last. Raises TapMissing while the network isn't ready."""


class OrphanedDisks(ABC):
    """Disks may exist without a guest."""

    @abstractmethod
    def orphaned_disks(self) -> list[str]:
        """The ids of the guests that have disks and no definition."""


class Suspend(ABC):
    """Guests can be suspended; `boot` of a suspended guest resumes it."""

    @abstractmethod
    def suspend(self, guest_id: str) -> None:
        """Save the guest's memory on disk and stop it. Raises GuestNotRunning unless it is suspended already."""


class KeptDisks(ABC):
    """A guest's disks can be put aside, to be able to go back."""

    @abstractmethod
    def keep_disks(self, guest_id: str, copy: bool) -> None:
        """Put the local disks of a stopped guest aside: moved, or copied. Raises GuestRuns."""

    @abstractmethod
    def restore_disks(self, guest_id: str) -> None:
        """Put the kept disks back in the place of those made since. Raises GuestRuns."""

    @abstractmethod
    def drop_kept_disks(self, guest_id: str) -> None:
        """Remove the kept disks."""


class Rescue(ABC):
    """`boot` of a guest with `rescue` set starts the rescue system (after `prepare` made its disk)."""

    @abstractmethod
    def drop_rescue(self, guest_id: str) -> None:
        """Remove the rescue system's disk."""


class Extend(ABC):
    """Attached volumes can grow."""

    @abstractmethod
    def extend_volume(self, guest_id: str, volume_id: str, size: int) -> None:
        """Let the guest see that the volume has `size` bytes. Raises GuestUnsupported if its transport can't."""


class VolumeSnapshots(ABC):
    """Snapshots inside a volume's file, which only the process that has it open can make."""

    @abstractmethod
    def snapshot_volume(self, guest_id: str, volume_id: str, name: str) -> None:
        """Make the snapshot unless it exists. Raises GuestNotRunning, GuestUnsupported."""

    @abstractmethod
    def drop_volume_snapshot(self, guest_id: str, volume_id: str, name: str) -> None:
        """Remove the snapshot if it exists. Raises GuestNotRunning, GuestUnsupported."""


class Password(ABC):
    """Passwords can be set inside a running guest."""

    @abstractmethod
    def set_password(self, guest_id: str, user: str, password: str) -> None:
        """Set the user's password. Raises GuestNotRunning, GuestUnsupported."""


class Snapshot(ABC):
    """The root disk can be copied while the guest goes on."""

    @abstractmethod
    def snapshot(self, guest_id: str, into: Path, format: str) -> None:
        """Write the root disk, as it was at one moment, to the new file `into`: qcow2 or raw, without a backing
        file."""

    @abstractmethod
    def abandon_snapshot(self, guest_id: str) -> None:
        """End a snapshot that an earlier process had begun."""


class MovableDisks(ABC):
    """The local disks of a guest that is off can be brought to another host: the root disk by `Snapshot`, blank disks
    by this; `prepare` makes them of `LocalDisk.image` there."""

    @abstractmethod
    def copy_disk(self, guest_id: str, number: int, into: Path, format: str) -> None:
        """Write the ephemeral disk `number` to the new file `into`: qcow2 or raw. Raises GuestRuns."""


class Console(ABC):
    """Guests have consoles."""

    @abstractmethod
    def console_log(self, guest_id: str, limit: int) -> bytes:
        """The last `limit` bytes of the serial console."""

    @abstractmethod
    def console(self, guest_id: str, kind: str) -> Endpoint:
        """Where a proxy reaches the guest's console. Raises GuestNotRunning, GuestUnsupported."""


class Diagnosis(ABC):
    """Guests can be looked into."""

    @abstractmethod
    def diagnostics(self, guest_id: str) -> Diagnostics:
        """Counters of a running guest. Raises GuestNotRunning."""

    @abstractmethod
    def inject_nmi(self, guest_id: str) -> None:
        """Send a non-maskable interrupt. Raises GuestNotRunning."""


class Cache(ABC):
    """The host has an image cache."""

    @abstractmethod
    def cache_image(self, image: Image) -> None:
        """Fetch the image unless it is here. Raises ImageUnusable, ImageUnreachable."""

    @abstractmethod
    def sweep_images(self) -> None:
        """Remove images that no guest has used for long."""


class Confine(ABC):
    """Guests are held to what they need of the host."""

    @abstractmethod
    def confine(self) -> None:
        """Give the running guests exactly the limits and the access to files that they should have, also those guests
        that an earlier agent started. Called at each heartbeat."""
