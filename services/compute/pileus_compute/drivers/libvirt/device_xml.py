"""Disks and interfaces as XML of libvirt. It is built as a tree, so no string of a user can become markup."""

from dataclasses import dataclass
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement, tostring

from pileus_compute.drivers.qemu.qemu_img import Disk
from pileus_compute.errors import GuestUnsupported
from pileus_compute.rpc import Nic, Volume
from pileus_kit.json_types import JsonObject

VOLUME_ALIAS, NIC_ALIAS = "ua-volume-", "ua-port-"
"""libvirt keeps aliases that begin with `ua-`, and names devices by them in its events."""
NIC_MODELS = ("virtio", "e1000", "e1000e", "rtl8139", "ne2k_pci", "pcnet", "vmxnet3", "igb")


def text(element: Element) -> str:
    """The XML of an element."""
    return tostring(element, encoding="unicode")


def volume_alias(volume_id: str) -> str:
    """The alias of a volume's disk."""
    return VOLUME_ALIAS + volume_id


def nic_alias(port_id: str) -> str:
    """The alias of a port's interface."""
    return NIC_ALIAS + port_id


@dataclass(frozen=True)
class DiskFile:
    """The file that a disk is. `base` is the base image of an overlay: the format of each layer is named, because QEMU
    would guess it otherwise.

    Where guests are `separate` users, the base keeps its owner, and so does a `shared` file: a guest that owned what
    others read could write it.
    """

    path: Path
    format: str = "raw"
    base: Disk | None = None
    shared: bool = False
    separate: bool = True


def file_disk(file: DiskFile, bus: str, device: str, *, kind: str = "disk", order: int | None = None) -> Element:
    """A disk (or `kind` cdrom) that is a file. `order`: its place among the disks to boot from."""
    disk = Element("disk", type="file", device=kind)
    _driver(disk, file.format)
    source = SubElement(disk, "source", file=str(file.path))
    if file.shared:
        SubElement(source, "seclabel", model="dac", relabel="no")
    layer = disk
    if file.base:
        layer = SubElement(disk, "backingStore", type="file")
        SubElement(layer, "format", type=file.base.format)
        below = SubElement(layer, "source", file=str(file.base.path))
        if file.separate:
            SubElement(below, "seclabel", model="dac", relabel="no")
    _end(layer)
    return _rest(disk, bus, device, order, kind == "cdrom", "")


def volume_disk(guest_id: str, volume: Volume, device: str, order: int | None = None) -> Element:
    """A volume as a disk. Raises GuestUnsupported for a transport that this driver doesn't know."""
    kind, data = volume.connection_info.get("driver_volume_type"), volume.connection_info.get("data", {})
    if kind == "file":
        disk = Element("disk", type="file", device=volume.kind)
        _driver(disk, data.get("format", "raw"), data.get("cache", "writeback"))
        SubElement(disk, "source", file=str(data["path"]))
        _end(disk)
    elif kind == "nbd":
        disk = Element("disk", type="network", device=volume.kind)
        _driver(disk, "raw")
        disk.append(_nbd(data))
    else:
        raise GuestUnsupported(guest=guest_id, what=f"a volume of type {kind}", why="this host attaches file and nbd")
    if volume.shared:
        SubElement(disk, "shareable")
    SubElement(disk, "alias", name=volume_alias(volume.id))
    return _rest(disk, volume.bus, device, order, volume.read_only or data.get("access_mode") == "ro", volume.id)


def _nbd(data: JsonObject) -> Element:
    source = Element("source", protocol="nbd", name=str(data.get("export", "")))
    if data.get("socket"):
        SubElement(source, "host", transport="unix", socket=str(data["socket"]))
    else:
        SubElement(source, "host", name=str(data["host"]), port=str(data["port"]))
    if data.get("tls"):
        source.set("tls", "yes")
    return source


def _end(layer: Element) -> None:
    """Say that nothing is below this layer. Otherwise libvirt would believe the file's header, which the guest's QEMU
    can write, and give the next guest whatever file is named there."""
    SubElement(layer, "backingStore")


def _driver(disk: Element, format: str, cache: str = "writeback") -> None:
    """With writeback, too, a guest's flush reaches the disk. Space that the guest trims is freed."""
    SubElement(disk, "driver", name="qemu", type=format, cache=cache, discard="unmap")


def _rest(disk: Element, bus: str, device: str, order: int | None, read_only: bool, serial: str) -> Element:
    SubElement(disk, "target", dev=device, bus=bus)
    if serial:
        SubElement(disk, "serial").text = serial
    if order is not None:
        SubElement(disk, "boot", order=str(order))
    if read_only:
        SubElement(disk, "readonly")
    return disk


def interface(nic: Nic, model: str = "virtio") -> Element:
    """An interface on a tap that the network's agent owns: libvirt neither makes nor removes the tap."""
    element = Element("interface", type="ethernet")
    SubElement(element, "mac", address=nic.mac)
    SubElement(element, "target", dev=nic.tap, managed="no")
    SubElement(element, "model", type=model if model in NIC_MODELS else "virtio")
    SubElement(element, "mtu", size=str(nic.mtu))
    SubElement(element, "alias", name=nic_alias(nic.port_id))
    return element
