"""Plugging devices into a guest, and unplugging them, while it runs or is off."""

import logging
import time
from xml.etree.ElementTree import Element

import libvirt
from defusedxml.ElementTree import fromstring

from pileus_compute.drivers.device_names import DeviceNames
from pileus_compute.drivers.libvirt import device_addresses, device_xml, power_states
from pileus_compute.drivers.libvirt.connection import Connection
from pileus_compute.errors import DetachRefused, GuestUnsupported
from pileus_compute.rpc import Attached, Nic, Plugged, Volume

log = logging.getLogger(__name__)

ASK_AGAIN_S = 5
"""A guest that is still booting ignores the request to release a device, so it is asked again."""
PATIENCE_S = 60
GONE = {libvirt.VIR_ERR_DEVICE_MISSING, libvirt.VIR_ERR_INVALID_ARG, libvirt.VIR_ERR_OPERATION_FAILED}


def description(domain: libvirt.virDomain, persistent: bool = False) -> Element:
    """The domain's XML: of the running guest, or `persistent`, as it will start the next time."""
    return fromstring(domain.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE if persistent else 0))


def find(xml: Element, kind: str, alias: str) -> Element | None:
    """The disk or interface (`kind`) with this alias."""
    for device in xml.iterfind(f"devices/{kind}"):
        name = device.find("alias")
        if name is not None and name.get("name") == alias:
            return device
    return None


def volume_devices(domain: libvirt.virDomain) -> dict[str, str]:
    """Volume id -> `/dev/…` of every volume of the guest."""
    found = {}
    for disk in description(domain).iterfind("devices/disk"):
        alias, target = disk.find("alias"), disk.find("target")
        name = "" if alias is None else alias.get("name", "")
        if target is not None and name.startswith(device_xml.VOLUME_ALIAS):
            found[name.removeprefix(device_xml.VOLUME_ALIAS)] = f"/dev/{target.get('dev')}"
    return found


def attach_volume(connection: Connection, domain: libvirt.virDomain, guest_id: str, volume: Volume) -> Attached:
    """Plug a volume in unless it is there."""
    alias = device_xml.volume_alias(volume.id)
    there = find(description(domain), "disk", alias)
    if there is None:
        taken = [str(target.get("dev")) for target in description(domain).iterfind("devices/disk/target")]
        device = DeviceNames(taken).give(volume.bus, volume.device)
        there = device_xml.volume_disk(guest_id, volume, device)
        _attach(connection, domain, there, "attach the volume")
    target = there.find("target")
    assert target is not None
    return Attached(f"/dev/{target.get('dev')}", device_addresses.address_of(find(description(domain), "disk", alias)))


def attach_nic(connection: Connection, domain: libvirt.virDomain, nic: Nic) -> Plugged:
    """Plug an interface in unless it is there."""
    alias = device_xml.nic_alias(nic.port_id)
    if find(description(domain), "interface", alias) is None:
        _attach(connection, domain, device_xml.interface(nic, nic.model), "attach the interface")
    return Plugged(device_addresses.address_of(find(description(domain), "interface", alias)))


def _attach(connection: Connection, domain: libvirt.virDomain, device: Element, what: str) -> None:
    flags = libvirt.VIR_DOMAIN_AFFECT_CONFIG
    if power_states.active(domain):
        flags |= libvirt.VIR_DOMAIN_AFFECT_LIVE
    with connection.doing(what):
        domain.attachDeviceFlags(device_xml.text(device), flags)


def detach(connection: Connection, domain: libvirt.virDomain, kind: str, alias: str) -> None:
    """Remove a device from the definition, so that a reboot doesn't bring it back, then from the running guest."""
    if find(description(domain, persistent=True), kind, alias) is not None:
        with connection.doing("detach the device"):
            domain.detachDeviceAlias(alias, libvirt.VIR_DOMAIN_AFFECT_CONFIG)
    if power_states.active(domain):
        _detach_live(connection, domain, kind, alias)


def _detach_live(connection: Connection, domain: libvirt.virDomain, kind: str, alias: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    with connection.removal(domain.UUIDString(), alias) as gone:
        while power_states.active(domain) and (device := find(description(domain), kind, alias)) is not None:
            if time.monotonic() > deadline:
                target = device.find("target")
                raise DetachRefused(guest=domain.UUIDString(), device=alias if target is None else target.get("dev"))
            try:
                domain.detachDeviceAlias(alias, libvirt.VIR_DOMAIN_AFFECT_LIVE)
            except libvirt.libvirtError as err:
                if err.get_error_code() not in GONE:  # these say that it is going, or gone, already
                    with connection.doing("detach the device"):
                        raise
                log.debug("detach %s: %s", alias, err)
            gone.wait(ASK_AGAIN_S)


def extend(connection: Connection, domain: libvirt.virDomain, guest_id: str, volume_id: str, size: int) -> None:
    """Let a running guest see that its volume has `size` bytes. Raises GuestUnsupported."""
    disk = find(description(domain), "disk", device_xml.volume_alias(volume_id))
    if disk is None:
        raise GuestUnsupported(guest=guest_id, what="extending a volume", why=f"volume {volume_id} isn't attached")
    if disk.get("type") == "network":
        raise GuestUnsupported(guest=guest_id, what="extending an attached volume", why="NBD disks can't grow")
    if not power_states.active(domain):
        return
    target = disk.find("target")
    assert target is not None
    with connection.doing("extend the volume"):
        if domain.blockInfo(str(target.get("dev")))[0] < size:
            domain.blockResize(str(target.get("dev")), size, libvirt.VIR_DOMAIN_BLOCK_RESIZE_BYTES)
