"""The hardware that a guest's image and flavor ask for, with defaults. The scheduler has chosen a host that offers
it."""

import re
from dataclasses import dataclass

from pileus_compute.drivers.libvirt.device_xml import NIC_MODELS

MAX_COUNT = 65536  # of sockets, cores or threads, unless the image or flavor says otherwise
Topology = tuple[int, int, int]
"""Sockets, cores of each, threads of each core."""


@dataclass(frozen=True)
class VirtualHardware:
    """The devices of a guest's machine."""

    disk_bus: str = "virtio"
    cdrom_bus: str = "ide"
    nic_model: str = "virtio"
    machine: str = "pc"
    """Passed on as it is asked for: libvirt refuses a machine that QEMU doesn't have, and names it."""
    video: str = "virtio"
    firmware: str = ""
    guest_agent: bool = False
    rng: bool = True
    boot_menu: bool = False
    scsi_model: str = "virtio-scsi"
    watchdog: str = ""
    """What is done when the guest stops resetting the watchdog; empty: there is no watchdog."""
    serial_ports: int = 1
    topology: Topology = (1, 1, 1)
    tablet: str = ""
    """The bus of a tablet, a pointer with absolute coordinates; empty: there is a mouse only."""

    @property
    def q35(self) -> bool:
        """Whether the machine has PCI Express."""
        return "q35" in self.machine

    @classmethod
    def of(cls, properties: dict[str, str], vcpus: int) -> "VirtualHardware":
        """The hardware that these properties ask for; unknown values are defaults."""

        def one_of(name: str, allowed: tuple[str, ...], default: str) -> str:
            return properties[name] if properties.get(name) in allowed else default

        machine = properties.get("hw_machine_type", "pc")
        machine = machine if re.fullmatch(r"[a-z0-9.-]+", machine) else "pc"
        cdrom = "sata" if "q35" in machine else "ide"
        watchdog = one_of("hw_watchdog_action", ("none", "pause", "poweroff", "reset"), "")
        return cls(
            disk_bus=one_of("hw_disk_bus", ("virtio", "scsi", "ide", "sata", "usb"), "virtio"),
            cdrom_bus=one_of("hw_cdrom_bus", ("ide", "sata", "scsi", "virtio", "usb"), cdrom),
            nic_model=one_of("hw_vif_model", NIC_MODELS, "virtio"),
            machine=machine,
            video=one_of("hw_video_model", ("virtio", "vga", "cirrus", "qxl", "bochs", "none"), "virtio"),
            firmware="efi" if properties.get("hw_firmware_type") == "uefi" else "",
            guest_agent=_true(properties.get("hw_qemu_guest_agent", "")),
            boot_menu=_true(properties.get("hw_boot_menu", "")),
            scsi_model=one_of("hw_scsi_model", ("virtio-scsi", "lsilogic"), "virtio-scsi"),
            watchdog=watchdog,
            serial_ports=max(1, _number(properties, "hw_serial_port_count", 1)),
            topology=topology(properties, vcpus),
            tablet=_tablet(properties),
        )


def _tablet(properties: dict[str, str]) -> str:
    if properties.get("hw_input_bus") in ("usb", "virtio"):
        return properties["hw_input_bus"]
    return "usb" if properties.get("hw_pointer_model") == "usbtablet" else ""


def topology(properties: dict[str, str], vcpus: int) -> Topology:
    """Sockets, cores and threads that make `vcpus` within the allowed maximums, as many as possible of them as
    preferred; among equals, the one with the most sockets."""
    names = ("sockets", "cores", "threads")
    most = [_number(properties, f"hw_cpu_max_{name}", MAX_COUNT) for name in names]
    liked = [_number(properties, f"hw_cpu_{name}", 0) for name in names]
    whole = [(s, c, vcpus // (s * c)) for s in _parts(vcpus) for c in _parts(vcpus // s)]
    fitting = [one for one in whole if all(n <= m for n, m in zip(one, most, strict=True))] or [(vcpus, 1, 1)]
    return max(fitting, key=lambda one: (sum(n == w for n, w in zip(one, liked, strict=True)), one))


def _parts(number: int) -> list[int]:
    return [n for n in range(1, number + 1) if number % n == 0]


def _number(properties: dict[str, str], name: str, default: int) -> int:
    text = properties.get(name, "")
    return int(text) if text.isdigit() and int(text) > 0 else default


def _true(word: str) -> bool:
    return word.strip().lower() in ("true", "yes", "on", "1")
