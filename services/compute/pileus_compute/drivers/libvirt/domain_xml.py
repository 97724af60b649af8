"""A guest's description as a libvirt domain."""

from dataclasses import dataclass, field
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

from pileus_compute.drivers.device_names import DeviceNames
from pileus_compute.drivers.libvirt import device_xml
from pileus_compute.drivers.libvirt.device_xml import DiskFile
from pileus_compute.drivers.libvirt.virtual_hardware import VirtualHardware
from pileus_compute.drivers.qemu.disks import GuestFiles
from pileus_compute.rpc import Guest, Volume

NAMESPACE = "https://pileus.cloud/guest/1"
TCG_CACHE_MIB = 64
"""QEMU's cache of translated code. By default it takes far more of the host's memory than a small guest has."""
ROOT_PORTS = 16
"""Slots for devices that are plugged in later: q35 needs them from the start."""


@dataclass
class Domain:
    """A domain's XML, and what was decided while building it."""

    xml: Element
    separate: bool
    """The guest has a user of its own, which must not own files that guests share."""
    root_device: str = ""
    devices: dict[str, str] = field(default_factory=dict)
    """Volume id -> `/dev/…`."""

    @property
    def text(self) -> str:
        """The XML as text."""
        return device_xml.text(self.xml)


def build(guest: Guest, files: GuestFiles, name: str, type: str, owner: str | None = None, vnc: bool = False) -> Domain:
    """The guest as a domain. `type`: kvm or qemu. `owner`: the `+user:+group` that QEMU runs as; None: libvirt's
    choice.

    `guest` says which disks there are; only the config drive and a CD are looked for among the files.
    """
    hardware = VirtualHardware.of(guest.properties, guest.vcpus)
    xml = Element("domain", type=type)
    SubElement(xml, "name").text = name
    SubElement(xml, "uuid").text = guest.id
    _metadata(xml, guest)
    SubElement(xml, "memory", unit="MiB").text = str(guest.memory_mib)
    SubElement(xml, "vcpu").text = str(guest.vcpus)
    _smbios(xml, guest)
    _boot(xml, guest, files, hardware)
    _processor(xml, type, hardware)
    SubElement(xml, "clock", offset="utc")
    for event, action in (("poweroff", "destroy"), ("reboot", "restart"), ("crash", "destroy")):
        SubElement(xml, f"on_{event}").text = action
    if owner:
        SubElement(SubElement(xml, "seclabel", type="static", model="dac", relabel="yes"), "label").text = owner
    domain = Domain(xml, separate=owner is not None)
    parts = SubElement(xml, "devices")
    _controllers(parts, hardware)
    _disks(parts, domain, guest, files, hardware)
    for nic in guest.nics:
        parts.append(device_xml.interface(nic, nic.model if nic.model != "virtio" else hardware.nic_model))
    _consoles(parts, files, hardware, vnc)
    _helpers(parts, hardware)
    return domain


def _metadata(xml: Element, guest: Guest) -> None:
    about = SubElement(SubElement(xml, "metadata"), f"{{{NAMESPACE}}}guest")
    for name, value in (("name", guest.name), ("project", guest.project_id), ("user", guest.user_id)):
        SubElement(about, f"{{{NAMESPACE}}}{name}").text = value


def _smbios(xml: Element, guest: Guest) -> None:
    """cloud-init recognizes an OpenStack cloud by the product's name."""
    system = SubElement(SubElement(xml, "sysinfo", type="smbios"), "system")
    for name, value in (
        ("manufacturer", "OpenStack Foundation"),
        ("product", "OpenStack Nova"),
        ("version", "1"),
        ("serial", guest.id),
        ("uuid", guest.id),
        ("family", "Virtual Machine"),
    ):
        SubElement(system, "entry", name=name).text = value


def _boot(xml: Element, guest: Guest, files: GuestFiles, hardware: VirtualHardware) -> None:
    system = SubElement(xml, "os")
    if hardware.firmware:
        system.set("firmware", hardware.firmware)
    SubElement(system, "type", arch="x86_64", machine=hardware.machine).text = "hvm"
    if guest.kernel:
        SubElement(system, "kernel").text = str(files.kernel)
        if guest.ramdisk:
            SubElement(system, "initrd").text = str(files.ramdisk)
        SubElement(system, "cmdline").text = guest.cmdline or "root=/dev/vda console=tty0 console=ttyS0"
    if hardware.boot_menu:
        SubElement(system, "bootmenu", enable="yes")
    SubElement(system, "smbios", mode="sysinfo")


def _processor(xml: Element, type: str, hardware: VirtualHardware) -> None:
    features = SubElement(xml, "features")
    SubElement(features, "acpi")
    SubElement(features, "apic")
    if type == "qemu":
        SubElement(SubElement(features, "tcg"), "tb-cache", unit="MiB").text = str(TCG_CACHE_MIB)
    cpu = SubElement(xml, "cpu", mode="host-model" if type == "kvm" else "maximum")
    sockets, cores, threads = (str(n) for n in hardware.topology)
    SubElement(cpu, "topology", sockets=sockets, dies="1", cores=cores, threads=threads)


def _controllers(parts: Element, hardware: VirtualHardware) -> None:
    if hardware.disk_bus == "scsi":
        SubElement(parts, "controller", type="scsi", index="0", model=hardware.scsi_model)
    if hardware.q35:
        for index in range(ROOT_PORTS + 1):
            model = "pcie-root-port" if index else "pcie-root"
            SubElement(parts, "controller", type="pci", index=str(index), model=model)


def _disks(parts: Element, domain: Domain, guest: Guest, files: GuestFiles, hardware: VirtualHardware) -> None:
    names, bus = DeviceNames(), hardware.disk_bus
    if guest.rescue:
        domain.root_device = "/dev/" + names.give(bus)
        parts.append(_overlay(domain, files, files.rescue, bus, domain.root_device[5:], 1))
    root_volume = next((v for v in guest.volumes if v.boot_index == 0), None)
    if guest.image and not root_volume:
        device = names.give(bus)
        domain.root_device = domain.root_device or f"/dev/{device}"
        cdrom = files.cdrom.exists() and not guest.rescue
        parts.append(_overlay(domain, files, files.root, bus, device, _order(guest, 0)))
        if cdrom:
            parts.append(
                device_xml.file_disk(
                    DiskFile(files.cdrom, shared=domain.separate),
                    hardware.cdrom_bus,
                    names.give(hardware.cdrom_bus),
                    kind="cdrom",
                    order=2,
                )
            )
    if root_volume:
        _volume(parts, domain, guest, root_volume, names)
        domain.root_device = domain.root_device or domain.devices[root_volume.id]
    _blank_disks(parts, guest, files, names, bus)
    for volume in sorted(guest.volumes, key=lambda v: (not v.device, v.device)):  # those with a requested name first
        if volume is not root_volume:
            _volume(parts, domain, guest, volume, names)
    if guest.config_drive is not None or files.config_drive.exists():
        cdrom_bus = hardware.cdrom_bus
        parts.append(device_xml.file_disk(DiskFile(files.config_drive), cdrom_bus, names.give(cdrom_bus), kind="cdrom"))


def _overlay(domain: Domain, files: GuestFiles, path: Path, bus: str, device: str, order: int) -> Element:
    base = files.base(path) if path.exists() else None
    return device_xml.file_disk(DiskFile(path, "qcow2", base, separate=domain.separate), bus, device, order=order)


def _blank_disks(parts: Element, guest: Guest, files: GuestFiles, names: DeviceNames, bus: str) -> None:
    for number in range(len(guest.ephemeral)):
        parts.append(device_xml.file_disk(DiskFile(files.ephemeral(number)), bus, names.give(bus)))
    if guest.swap_mib:
        parts.append(device_xml.file_disk(DiskFile(files.swap), bus, names.give(bus)))


def _volume(parts: Element, domain: Domain, guest: Guest, volume: Volume, names: DeviceNames) -> None:
    device = names.give(volume.bus, volume.device)
    order = None if volume.boot_index is None or volume.boot_index < 0 else _order(guest, volume.boot_index)
    parts.append(device_xml.volume_disk(guest.id, volume, device, order))
    domain.devices[volume.id] = f"/dev/{device}"


def _order(guest: Guest, index: int) -> int:
    """libvirt counts from 1. A rescue disk goes first, and 2 is the CD's."""
    return index + (10 if guest.rescue else 1) + (2 if index else 0)


def _consoles(parts: Element, files: GuestFiles, hardware: VirtualHardware, vnc: bool) -> None:
    serial = SubElement(parts, "serial", type="pty")
    SubElement(serial, "log", file=str(files.console_log), append="on")
    SubElement(serial, "target", port="0")
    for port in range(1, hardware.serial_ports):
        SubElement(SubElement(parts, "serial", type="pty"), "target", port=str(port))
    if hardware.video != "none":
        if vnc:
            SubElement(parts, "graphics", type="vnc", autoport="yes", listen="127.0.0.1")
        SubElement(SubElement(parts, "video"), "model", type=hardware.video)


def _helpers(parts: Element, hardware: VirtualHardware) -> None:
    if hardware.rng:
        rng = SubElement(parts, "rng", model="virtio")
        SubElement(rng, "backend", model="random").text = "/dev/urandom"
    balloon = SubElement(parts, "memballoon", model="virtio", freePageReporting="on")
    SubElement(balloon, "stats", period="10")
    if hardware.guest_agent:
        channel = SubElement(parts, "channel", type="unix")
        SubElement(channel, "target", type="virtio", name="org.qemu.guest_agent.0")
    if hardware.watchdog:
        SubElement(parts, "watchdog", model="i6300esb", action=hardware.watchdog)
    if hardware.tablet:
        SubElement(parts, "input", type="tablet", bus=hardware.tablet)
