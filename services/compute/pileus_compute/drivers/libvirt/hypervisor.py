"""The driver of QEMU guests, emulated or with KVM, through libvirt."""

import logging
from dataclasses import replace
from pathlib import Path

import libvirt
from oslo_utils.uuidutils import is_uuid_like

from pileus_compute.config import Config
from pileus_compute.drivers.base import (
    Cache,
    Changed,
    Confine,
    Console,
    Diagnosis,
    Extend,
    Hypervisor,
    KeptDisks,
    MovableDisks,
    OrphanedDisks,
    Password,
    Rescue,
    Restart,
    Snapshot,
    Suspend,
    VolumeSnapshots,
)
from pileus_compute.drivers.libvirt import (
    accelerator,
    confinement,
    device_addresses,
    device_xml,
    diagnostics,
    domain_xml,
    hotplug,
    inventory,
    power_states,
    snapshots,
    volume_snapshots,
)
from pileus_compute.drivers.libvirt.connection import Connection
from pileus_compute.drivers.libvirt.guest_domains import NO_DOMAIN, NOT_RUNNING, GuestDomains, accepting
from pileus_compute.drivers.qemu import taps
from pileus_compute.drivers.qemu.disks import GuestDisks
from pileus_compute.drivers.qemu.image_cache import ImageCache
from pileus_compute.errors import GuestUnsupported
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
    Power,
    Volume,
)
from pileus_kit.json_types import JsonObject
from pileus_kit.spans import span
from pileus_kit.tls import NO_CERTIFICATES, Certificates

log = logging.getLogger(__name__)

VNC_PORT_TRIES = 5
UNDEFINE_EVERYTHING = (
    libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE
    | libvirt.VIR_DOMAIN_UNDEFINE_SNAPSHOTS_METADATA
    | libvirt.VIR_DOMAIN_UNDEFINE_NVRAM
)


class Libvirt(
    Hypervisor,
    Restart,
    OrphanedDisks,
    Suspend,
    KeptDisks,
    MovableDisks,
    Rescue,
    Extend,
    Password,
    Snapshot,
    Console,
    Diagnosis,
    Cache,
    VolumeSnapshots,
    Confine,
):
    """The driver that libvirt's guests have: it puts together what the other files of this folder do."""

    def __init__(
        self,
        uri: str,
        state: Path,
        host: str,
        prefix: str,
        image_cache_gib: int = 20,
        vnc: bool = False,
        certificates: Certificates = NO_CERTIFICATES,
    ) -> None:
        self.host, self.instances, self.vnc = host, state / "instances", vnc
        self.images = ImageCache(state / "image-cache", image_cache_gib << 30, certificates)
        self.disks = GuestDisks(self.instances, self.images, host)
        self.connection = Connection(uri, host)
        self.domains = GuestDomains(self.connection, host, prefix)
        self.accelerator = accelerator.choose()
        self.confinement = confinement.Confinement(self.connection, self.disks, prefix)
        self._processor: JsonObject = {}
        self._firmware = ""
        log.info("guests run with %s: %s", self.accelerator.kind, self.accelerator.why)

    @classmethod
    def from_config(cls, config: Config) -> "Libvirt":
        return cls(
            config.libvirt_uri,
            Path(config.state),
            config.host,
            config.prefix,
            config.image_cache_gib,
            config.vnc,
            config.certificates,
        )

    def prepare(self, guest: Guest) -> None:
        if device_addresses.tags_devices(guest):
            guest = replace(
                guest, config_drive=device_addresses.config_drive_with_addresses(guest, self._addresses(guest))
            )
        self.disks.prepare(guest)

    def _addresses(self, guest: Guest) -> dict[str, str]:
        """Where the guest will find its devices. libvirt decides that when it defines a guest that isn't running."""
        domain = self.domains.find(guest.id)
        if domain is None or not (power_states.active(domain) or domain.hasManagedSaveImage()):
            domain = self._define(guest)
        return device_addresses.all_addresses(hotplug.description(domain))

    def _define(self, guest: Guest) -> libvirt.virDomain:
        files, name = self.disks.files(guest.id), self.domains.name_of(guest.name)
        described = domain_xml.build(guest, files, name, self.accelerator.kind, self.confinement.owner(guest.id))
        with self.connection.doing("define the guest"):
            return self.connection.get().defineXMLFlags(described.text, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)

    def define(self, guest: Guest) -> None:
        if self.domains.find(guest.id) is None:
            self._define(guest)

    def boot(self, guest: Guest) -> Booted:
        domain = self.domains.find(guest.id)
        files, name = self.disks.files(guest.id), self.domains.name_of(guest.name)
        described = domain_xml.build(
            guest, files, name, self.accelerator.kind, self.confinement.owner(guest.id), self.vnc
        )
        if domain is not None and power_states.active(domain):
            return self._booted(domain, described)
        with taps.needed([nic.tap for nic in guest.nics]):
            with span("libvirt define"), self.connection.doing("define the guest"):
                if domain is None or not domain.hasManagedSaveImage():  # saved memory fits only its own definition
                    domain = self.connection.get().defineXMLFlags(described.text, libvirt.VIR_DOMAIN_DEFINE_VALIDATE)
            self._start(domain, guest.id)
        return self._booted(domain, described)

    def _start(self, domain: libvirt.virDomain, guest_id: str) -> None:
        self.confinement.admit(guest_id)
        with span("libvirt create"), self.connection.doing("start the guest"):
            create(domain)
            self.confinement.hold([domain])
        files = self.disks.files(guest_id)
        files.start_again.unlink(missing_ok=True)
        files.started.touch()

    def _booted(self, domain: libvirt.virDomain, described: domain_xml.Domain) -> Booted:
        return Booted(
            power_states.power(domain),
            hotplug.volume_devices(domain),
            described.root_device or "/dev/vda",
            device_addresses.all_addresses(hotplug.description(domain)),
        )

    def press_power_button(self, guest_id: str) -> None:
        domain = self.domains.find(guest_id)
        if domain is not None:
            with self.connection.doing("shut the guest down"), accepting((*NOT_RUNNING, *NO_DOMAIN)):
                domain.shutdownFlags(libvirt.VIR_DOMAIN_SHUTDOWN_ACPI_POWER_BTN)

    def cut_power(self, guest_id: str) -> None:
        domain = self.domains.find(guest_id)
        self.disks.files(guest_id).start_again.unlink(missing_ok=True)
        if domain is not None:
            with self.connection.doing("cut the guest's power"), accepting((*NOT_RUNNING, *NO_DOMAIN)):
                if power_states.active(domain):
                    domain.destroy()
                elif domain.hasManagedSaveImage():
                    domain.managedSaveRemove()
            self.confinement.release(guest_id)

    def pause(self, guest_id: str) -> None:
        domain = self.domains.get_running(guest_id)
        if power_states.power(domain) is not Power.PAUSED:
            with self.connection.doing("pause the guest"):
                domain.suspend()

    def unpause(self, guest_id: str) -> None:
        domain = self.domains.get_running(guest_id)
        if power_states.power(domain) is Power.PAUSED:
            with self.connection.doing("unpause the guest"):
                domain.resume()

    def suspend(self, guest_id: str) -> None:
        domain = self.domains.get(guest_id)
        if power_states.power(domain) is Power.SUSPENDED:
            return
        domain = self.domains.get_running(guest_id)
        with self.connection.doing("suspend the guest"):
            domain.managedSave(0)

    def destroy(self, guest_id: str) -> None:
        domain = self.domains.find(guest_id)
        if domain is not None:
            self.cut_power(guest_id)
            with self.connection.doing("remove the guest"), accepting(NO_DOMAIN):
                domain.undefineFlags(UNDEFINE_EVERYTHING)
        self.confinement.release(guest_id, for_good=True)
        self.disks.destroy(guest_id)

    def keep_disks(self, guest_id: str, copy: bool) -> None:
        self.domains.require_off(guest_id, "putting its disks aside")
        self.disks.keep(guest_id, copy)

    def restore_disks(self, guest_id: str) -> None:
        self.domains.require_off(guest_id, "putting its disks back")
        self.disks.restore(guest_id)

    def drop_kept_disks(self, guest_id: str) -> None:
        self.disks.drop_kept(guest_id)

    def drop_rescue(self, guest_id: str) -> None:
        self.disks.files(guest_id).rescue.unlink(missing_ok=True)

    def attach_volume(self, guest_id: str, volume: Volume) -> Attached:
        return hotplug.attach_volume(self.connection, self.domains.get(guest_id), guest_id, volume)

    def detach_volume(self, guest_id: str, volume_id: str) -> None:
        domain = self.domains.find(guest_id)
        if domain is not None:
            hotplug.detach(self.connection, domain, "disk", device_xml.volume_alias(volume_id))

    def attach_nic(self, guest_id: str, nic: Nic) -> Plugged:
        domain = self.domains.get(guest_id)
        with taps.needed([nic.tap]):
            return hotplug.attach_nic(self.connection, domain, nic)

    def detach_nic(self, guest_id: str, port_id: str) -> None:
        domain = self.domains.find(guest_id)
        if domain is not None:
            hotplug.detach(self.connection, domain, "interface", device_xml.nic_alias(port_id))

    def extend_volume(self, guest_id: str, volume_id: str, size: int) -> None:
        hotplug.extend(self.connection, self.domains.get(guest_id), guest_id, volume_id, size)

    def snapshot_volume(self, guest_id: str, volume_id: str, name: str) -> None:
        volume_snapshots.create(self.connection, self.domains.get_running(guest_id), volume_id, name)

    def drop_volume_snapshot(self, guest_id: str, volume_id: str, name: str) -> None:
        volume_snapshots.delete(self.connection, self.domains.get_running(guest_id), volume_id, name)

    def set_password(self, guest_id: str, user: str, password: str) -> None:
        domain = self.domains.get_running(guest_id)
        try:
            domain.setUserPassword(user, password, 0)
        except libvirt.libvirtError as err:
            raise GuestUnsupported(guest=guest_id, what="setting a password", why=str(err)) from err

    def snapshot(self, guest_id: str, into: Path, format: str) -> None:
        snapshots.take(self.connection, self.domains.get(guest_id), self.disks.files(guest_id), into, format)

    def copy_disk(self, guest_id: str, number: int, into: Path, format: str) -> None:
        self.domains.require_off(guest_id, "copying its disks")
        self.disks.copy_ephemeral(guest_id, number, into, format)

    def abandon_snapshot(self, guest_id: str) -> None:
        domain = self.domains.find(guest_id)
        if domain is not None:
            with self.connection.doing("end a snapshot"), accepting((*NOT_RUNNING, *NO_DOMAIN)):
                snapshots.abandon(domain)

    def console_log(self, guest_id: str, limit: int) -> bytes:
        log_file = self.disks.files(guest_id).console_log
        older = log_file.with_name(log_file.name + ".0")  # virtlogd renames the file when it is full
        parts = [tail(path, limit) for path in (older, log_file) if path.exists()]
        return b"".join(parts)[-limit:]

    def console(self, guest_id: str, kind: str) -> Endpoint:
        graphics = hotplug.description(self.domains.get_running(guest_id)).find("devices/graphics[@type='vnc']")
        if kind != "vnc" or graphics is None:
            raise GuestUnsupported(guest=guest_id, what=f"a console of type {kind}", why="this host offers none")
        return Endpoint("vnc", graphics.get("listen", "127.0.0.1"), int(graphics.get("port", "0")))

    def diagnostics(self, guest_id: str) -> Diagnostics:
        domain = self.domains.get_running(guest_id)
        with self.connection.doing("read the counters"):
            return diagnostics.read(
                domain, hotplug.description(domain), self.accelerator.kind, self.disks.files(guest_id).started
            )

    def inject_nmi(self, guest_id: str) -> None:
        domain = self.domains.get_running(guest_id)
        with self.connection.doing("inject an interrupt"):
            domain.injectNMI()

    def cache_image(self, image: Image) -> None:
        self.images.base(image)

    def confine(self) -> None:
        with self.connection.doing("confine the guests"):
            self.confinement.renew(self.domains.all)

    def sweep_images(self) -> None:
        self.disks.sweep()

    def lost(self, guest_id: str) -> bool:
        domain = self.domains.get(guest_id)
        return power_states.lost(domain) or (
            self.disks.files(guest_id).start_again.exists() and not power_states.active(domain)
        )

    def restart(self, guest_id: str) -> None:
        domain = self.domains.get(guest_id)
        if not power_states.active(domain):
            targets = hotplug.description(domain).iterfind("devices/interface/target")
            with taps.needed([str(target.get("dev")) for target in targets]):
                self._start(domain, guest_id)

    def state(self, guest_id: str) -> GuestState:
        return GuestState(guest_id, power_states.power(self.domains.get(guest_id)))

    def guests(self) -> list[GuestState]:
        found = []
        with self.connection.doing("list the guests"):
            for domain in self.domains.all():
                with accepting(NO_DOMAIN):
                    found.append(GuestState(domain.UUIDString(), power_states.power(domain)))
        return sorted(found, key=lambda guest: guest.id)

    def orphaned_disks(self) -> list[str]:
        known = {guest.id for guest in self.guests()}
        found = self.instances.iterdir() if self.instances.is_dir() else ()
        return sorted(
            path.name for path in found if path.is_dir() and is_uuid_like(path.name) and path.name not in known
        )

    def inventory(self) -> Inventory:
        with self.connection.doing("take the inventory"):
            conn = self.connection.get()
            self._processor = self._processor or inventory.processor(conn)
            self._firmware = self._firmware or inventory.firmware(conn, self.accelerator)
            return inventory.read(
                conn,
                self._processor,
                self.instances,
                self.host,
                self.accelerator,
                {"firmware": self._firmware, "limits": self.confinement.groups.facts()},
            )

    def watch(self, changed: Changed) -> None:
        def on_lifecycle(guest_id: str, event: int, detail: int) -> None:
            power = power_states.after(event, detail)
            if power is not None:
                changed(GuestState(guest_id, power))

        self.connection.on_lifecycle(on_lifecycle)

    def close(self) -> None:
        self.connection.close()


def create(domain: libvirt.virDomain) -> None:
    """Start the domain. Another libvirtd on this machine may take the VNC port that ours has just found free, so that
    is tried several times."""
    for tries_left in reversed(range(VNC_PORT_TRIES)):
        try:
            domain.create()
            return
        except libvirt.libvirtError as err:
            if not tries_left or "Address already in use" not in str(err):
                raise


def tail(path: Path, limit: int) -> bytes:
    """The last `limit` bytes of a file."""
    with path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(0, file.tell() - limit))
        return file.read(limit)
