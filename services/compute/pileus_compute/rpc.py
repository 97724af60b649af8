"""What the control plane may ask of a host (`HostAgent`), and what a host may ask of the control plane
(`ControlPlane`).

Every call is keyed by the guest's id (the server's uuid) and idempotent: flows run their steps at least once, so each
call says what is to *be*, and doing it twice is doing it once. A guest that is not there is already destroyed, a disk
that is there is already prepared. Calls of one guest run one after another on the host.
"""

# mypy: disable-error-code="empty-body"

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

from pileus_kit.inspection import TIMEOUT_S, Inspection
from pileus_kit.json_types import JsonObject
from pileus_kit.rpc import Interface, call, cast


class Power(StrEnum):
    """What a guest does, as its hypervisor sees it."""

    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    CRASHED = "crashed"
    SUSPENDED = "suspended"
    """Stopped with its memory saved on disk; `resume` continues it."""


@dataclass(frozen=True)
class Image:
    """Bytes that a host may fetch: GET `url` with the header `X-Image-Ticket`."""

    id: str
    url: str
    ticket: str
    format: str
    """What the image service declares: raw, qcow2, vmdk, vdi, vhdx, iso, aki, ari. The host looks for itself."""
    sha256: str | None = None
    size: int | None = None
    virtual_size: int | None = None


@dataclass(frozen=True)
class Upload:
    """Where a snapshot goes: PUT `url` with the header `X-Image-Ticket`."""

    image_id: str
    url: str
    ticket: str
    format: str = "qcow2"
    """qcow2 or raw."""


@dataclass(frozen=True)
class Uploaded:
    size: int
    sha256: str


@dataclass(frozen=True)
class Nic:
    port_id: str
    mac: str
    tap: str
    """A persistent tap made by the network's agent, which puts it into a bridge when its filters are in place."""
    mtu: int
    model: str = "virtio"


@dataclass(frozen=True)
class Volume:
    id: str
    connection_info: JsonObject
    """`{"driver_volume_type": "file"|"nbd", "data": {…}}` as the volume service's attachment gives it."""
    device: str = ""
    """`/dev/vdb`; empty: the host takes the next free one and says which."""
    bus: str = "virtio"
    """virtio, scsi, ide, sata, usb."""
    kind: str = "disk"
    """disk or cdrom."""
    boot_index: int | None = None
    """0 is the root disk of a guest that boots from a volume."""
    read_only: bool = False
    shared: bool = False
    """Other guests write to it at the same time (multiattach)."""


@dataclass(frozen=True)
class LocalDisk:
    """A blank disk that exists as long as the guest."""

    size_mib: int
    format: str = ""
    """Filesystem to make (ext4, …); empty: the host's default for ephemeral disks. Ignored for swap."""
    bus: str = "virtio"
    image: Image | None = None
    """What the disk has on another host, from which the server comes. None: the disk is new, and blank."""


@dataclass(frozen=True)
class Guest:
    """The whole description of a guest. `boot` makes the hypervisor's definition follow it each time."""

    id: str
    name: str
    """The hypervisor's name for it (`instance-…`); the host puts its own prefix before it."""
    vcpus: int
    memory_mib: int
    hostname: str = ""
    root_gib: int = 0
    """The root disk grows to this; 0: as large as the image."""
    image: Image | None = None
    """None: boots from the volume with boot index 0. Only `prepare` and `rescue` fetch it."""
    kernel: Image | None = None
    ramdisk: Image | None = None
    cmdline: str = ""
    """Kernel command line; only with a kernel."""
    ephemeral: tuple[LocalDisk, ...] = ()
    swap_mib: int = 0
    nics: tuple[Nic, ...] = ()
    volumes: tuple[Volume, ...] = ()
    config_drive: dict[str, bytes] | None = None
    """Path -> content of the files of a config drive (`openstack/latest/meta_data.json`), which `prepare` and `rescue`
    write again. None: no new one; a guest that has one keeps it."""
    properties: dict[str, str] = field(default_factory=dict)
    """The image's `hw_*` and `os_*` properties: hw_disk_bus, hw_vif_model, hw_machine_type, hw_cdrom_bus, hw_rng_model,
    hw_video_model, hw_qemu_guest_agent, hw_firmware_type, hw_boot_menu … Unknown ones are ignored."""
    rescue: Image | None = None
    """Set: the guest is rescued: it boots from this and has its own root disk as the second one."""
    project_id: str = ""
    user_id: str = ""


@dataclass(frozen=True)
class Booted:
    power: Power
    devices: dict[str, str] = field(default_factory=dict)
    """Volume id -> device name (`/dev/vdb`), as the guest was given them."""
    root_device: str = "/dev/vda"
    addresses: dict[str, str] = field(default_factory=dict)
    """Volume id or port id -> `BUS ADDRESS` (`pci 0000:00:07.0`), where the guest finds the device."""


@dataclass(frozen=True)
class Attached:
    device: str
    address: str = ""
    """`BUS ADDRESS`, like those of `Booted`; empty: it isn't known before the guest runs."""


@dataclass(frozen=True)
class Plugged:
    address: str = ""
    """`BUS ADDRESS`, like that of `Attached`."""


@dataclass(frozen=True)
class GuestState:
    id: str
    power: Power


@dataclass(frozen=True)
class Endpoint:
    """Where a console proxy on the network's inside can reach a guest's console."""

    kind: str  # vnc or serial
    host: str
    port: int
    password: str = ""


@dataclass(frozen=True)
class Diagnostics:
    power: Power
    uptime_s: int
    cpu_time_ns: tuple[int, ...]
    memory_mib: int
    memory_used_mib: int | None
    disks: tuple[dict[str, int], ...]
    """read_bytes, read_requests, write_bytes, write_requests, errors_count; one for each disk."""
    nics: tuple[JsonObject, ...]
    """mac_address, rx_octets, rx_packets, rx_errors, rx_drop, tx_…; one for each interface."""
    driver: str = "libvirt"
    hypervisor: str = "qemu"
    config_drive: bool = False


@dataclass(frozen=True)
class Inventory:
    vcpus: int
    memory_mib: int
    disk_gib: int
    disk_free_gib: int
    hypervisor_type: str
    """QEMU, KVM, LXC, fake: what `GET /os-hypervisors` shows."""
    hypervisor_version: int
    """major * 1000000 + minor * 1000 + micro."""
    hostname: str
    host_ip: str
    cpu_info: JsonObject = field(default_factory=dict)
    """arch, model, vendor, topology{cores,threads,sockets}, features[]."""
    facts: dict[str, str] = field(default_factory=dict)
    """accelerator (kvm or tcg) and why, driver, agent version: for administrators; nothing depends on it."""


@dataclass(frozen=True)
class Wanted:
    """What a guest of this host is to do."""

    id: str
    power: Power


class HostAgent(Interface, topic="compute.agent", version="1.3"):
    """Errors not named at a call: GuestAbsent, HypervisorFailed."""

    @call(since="1.0", timeout_s=3600)
    def prepare(self, guest: Guest) -> None:
        """Make the guest's disks: root (an overlay on the host's one base of the image), ephemeral, swap, config drive.

        What exists stays; a root or ephemeral disk that is smaller than described grows (resize). Nothing shrinks.
        Raises ImageUnusable, DiskTooSmall (for good), ImageUnreachable (again later).
        """

    @call(since="1.0", timeout_s=300)
    def boot(self, guest: Guest) -> Booted:
        """Make the guest run as described ("power on" too); a running guest is left alone.

        Waits until the taps are wired, or raises TapMissing.
        """

    @call(since="1.3", timeout_s=120)
    def define(self, guest: Guest) -> None:
        """Have the guest defined as described but not started, after `prepare`; a known guest stays as it is."""

    @call(since="1.0", timeout_s=900)
    def power_off(self, guest_id: str, timeout_s: int = 60) -> None:
        """Press the power button, and cut the power after `timeout_s` (at once with 0). An absent guest is off.

        A suspended guest loses its saved memory.
        """

    @call(since="1.0", timeout_s=900)
    def reboot(self, guest: Guest, hard: bool, timeout_s: int = 60) -> Booted:
        """Soft: ask the guest, and do it hard when it is not down after `timeout_s`. Hard: power cut and a fresh boot.

        Ends with a running guest, whatever it was before. A repeated call after a crash may reboot it twice.
        """

    @call(since="1.0")
    def pause(self, guest_id: str) -> None:
        """Freeze the guest in memory. Raises GuestNotRunning."""

    @call(since="1.0")
    def unpause(self, guest_id: str) -> None:
        """Let a paused guest go on; a running one stays as it is. Raises GuestNotRunning."""

    @call(since="1.0", timeout_s=900)
    def suspend(self, guest_id: str) -> None:
        """Save the guest's memory on disk and free the host's. Raises GuestNotRunning unless suspended already."""

    @call(since="1.0", timeout_s=900)
    def resume(self, guest: Guest) -> Booted:
        """Continue a suspended guest where it was; boot it if there is no saved memory."""

    @call(since="1.0", timeout_s=3600)
    def rescue(self, guest: Guest) -> Booted:
        """Stop the guest and boot `guest.rescue`, with its own root disk as the second one."""

    @call(since="1.0", timeout_s=900)
    def unrescue(self, guest: Guest) -> Booted:
        """Stop the rescue system, drop its disk, boot the guest from its own root disk (`guest.rescue` is None)."""

    @call(since="1.0", timeout_s=300)
    def destroy(self, guest_id: str) -> None:
        """Make sure that nothing of the guest is on this host: domain, disks, kept disks, saved memory, console log."""

    @call(since="1.0", timeout_s=900)
    def keep_disks(self, guest_id: str, copy: bool) -> None:
        """Put the stopped guest's local disks aside, to be able to go back: moved (rebuild), or copied (resize).

        Nothing if some are kept already. Raises GuestRuns.
        """

    @call(since="1.0", timeout_s=300)
    def restore_disks(self, guest_id: str) -> None:
        """Put the kept disks back in the place of those made since (the guest is off). Nothing if none are kept."""

    @call(since="1.0", timeout_s=300)
    def drop_kept_disks(self, guest_id: str) -> None:
        """The rebuild or resize is confirmed: the kept disks go."""

    @call(since="1.0", timeout_s=120)
    def attach_volume(self, guest_id: str, volume: Volume) -> Attached:
        """Plug the volume into the guest, also into a stopped one; an attached volume stays as it is."""

    @call(since="1.0", timeout_s=120)
    def detach_volume(self, guest_id: str, volume_id: str) -> None:
        """Unplug it and return when the guest has released it. Nothing if it isn't attached or there is no guest.

        Raises DetachRefused when the guest doesn't release it.
        """

    @call(since="1.0", timeout_s=60)
    def extend_volume(self, guest_id: str, volume_id: str, size: int) -> None:
        """Grow an attached volume to `size` bytes, so that the guest sees it. Raises GuestUnsupported (NBD can't)."""

    @call(since="1.0", timeout_s=120)
    def snapshot_volume(self, guest_id: str, volume_id: str, name: str) -> None:
        """Make a snapshot inside the attached volume's own qcow2 file; nothing if it has one of this name.

        Raises GuestNotRunning, GuestUnsupported (not attached, or no qcow2 file: its storage host does that itself).
        """

    @call(since="1.0", timeout_s=120)
    def drop_volume_snapshot(self, guest_id: str, volume_id: str, name: str) -> None:
        """Delete such a snapshot; nothing if there is none of this name. Raises as `snapshot_volume` does."""

    @call(since="1.0", timeout_s=120)
    def attach_nic(self, guest_id: str, nic: Nic) -> Plugged:
        """Plug the interface in, when its tap is wired (TapMissing); an attached one stays."""

    @call(since="1.0", timeout_s=120)
    def detach_nic(self, guest_id: str, port_id: str) -> None:
        """Unplug it and return when the guest has released it. Nothing if it isn't attached or there is no guest.

        Raises DetachRefused.
        """

    @call(since="1.0")
    def set_password(self, guest_id: str, user: str, password: str) -> None:
        """Set a password through the QEMU guest agent inside the guest. Raises GuestUnsupported without one."""

    @call(since="1.0", timeout_s=7200)
    def snapshot(self, guest_id: str, upload: Upload) -> Uploaded:
        """Upload the root disk, as it was at one moment, flattened (no backing file). The guest goes on meanwhile."""

    @call(since="1.3", timeout_s=7200)
    def upload_disk(self, guest_id: str, number: int, upload: Upload) -> Uploaded:
        """Upload the ephemeral disk `number` of a guest that is off, for another host. Raises GuestRuns."""

    @call(since="1.0")
    def console_log(self, guest_id: str, lines: int | None = None) -> str:
        """The end of what the guest wrote to its serial console: `lines` lines, at most 100 KiB in any case."""

    @call(since="1.0")
    def console(self, guest_id: str, kind: str = "vnc") -> Endpoint:
        """Where a proxy reaches the guest's console. Raises GuestNotRunning, GuestUnsupported."""

    @call(since="1.0")
    def diagnostics(self, guest_id: str) -> Diagnostics:
        """Counters of a running guest. Raises GuestNotRunning."""

    @call(since="1.0")
    def inject_nmi(self, guest_id: str) -> None:
        """Send a non-maskable interrupt (trigger a crash dump). Raises GuestNotRunning."""

    @call(since="1.0", timeout_s=3600)
    def cache_image(self, image: Image) -> None:
        """Fetch the image into the host's cache before it is needed."""

    @call(since="1.0")
    def state(self, guest_id: str) -> GuestState:
        """One guest's power state."""

    @call(since="1.0")
    def guests(self) -> list[GuestState]:
        """Every guest with our prefix on this host."""

    @call(since="1.0")
    def inventory(self) -> Inventory:
        """What the host has, in total; nothing is reserved here."""

    @call(since="1.2", timeout_s=TIMEOUT_S)
    def inspect(self) -> Inspection:
        """What is on this machine: its processes, disk and guests, for `pileus doctor`."""

    @cast(since="1.0")
    def poke(self) -> None:
        """Say `hello` now."""


class ControlPlane(Interface, topic="compute.worker", version="1.0"):
    """Served by every worker; one of them takes each message."""

    @cast(since="1.0")
    def hello(self, host: str, inventory: Inventory, guests: list[GuestState]) -> None:
        """Report that the host is up, what it has, and what its guests do.

        Sent every 15 s with all guests of this cloud on the host, and with only those that have changed when guests
        change by themselves. The control plane has guests destroyed whose servers are gone, or have left the host.
        """

    @call(since="1.0")
    def wanted(self, host: str) -> list[Wanted]:
        """What is to be on this host. An agent asks when it starts: RUNNING guests that are off are started again."""
