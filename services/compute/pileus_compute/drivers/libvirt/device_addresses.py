"""Where a guest finds its devices. libvirt decides that when it defines the guest; the config drive of a guest with
device tags tells it to the guest."""

import json
from collections.abc import Iterator
from typing import Any
from xml.etree.ElementTree import Element

from pileus_compute.drivers.libvirt.device_xml import NIC_ALIAS, VOLUME_ALIAS
from pileus_compute.rpc import Guest


def all_addresses(domain: Element) -> dict[str, str]:
    """Volume id or port id -> `BUS ADDRESS`, as metadata has them: `pci 0000:00:07.0`, `scsi 0:0:0:1`."""
    return {name: where for kind in ("disk", "interface") for name, where in _addresses(domain, kind)}


def address_of(device: Element | None) -> str:
    """`BUS ADDRESS` of a device; empty if libvirt gives none."""
    address = None if device is None else device.find("address")
    if device is None or address is None:
        return ""
    if address.get("type") == "pci":
        domain, bus, slot, function = (int(address.get(k, "0"), 16) for k in ("domain", "bus", "slot", "function"))
        return f"pci {domain:04x}:{bus:02x}:{slot:02x}.{function:x}"
    if address.get("type") == "drive":
        target = device.find("target")
        kind = "" if target is None else target.get("bus", "")
        parts = ":".join(address.get(k, "0") for k in ("controller", "bus", "target", "unit"))
        return f"{'ide' if kind == 'ide' else 'scsi'} {parts}"
    return f"usb {address.get('bus', '0')}:{address.get('port', '0')}" if address.get("type") == "usb" else ""


def _addresses(domain: Element, kind: str) -> Iterator[tuple[str, str]]:
    for device in domain.iterfind(f"devices/{kind}"):
        alias, where = device.find("alias"), address_of(device)
        name = "" if alias is None else alias.get("name", "")
        for prefix in (VOLUME_ALIAS, NIC_ALIAS):
            if where and name.startswith(prefix):
                yield name.removeprefix(prefix), where


def tags_devices(guest: Guest) -> bool:
    """Whether the guest's config drive names devices."""
    return any(document.get("devices") for document in _documents(guest).values())


def config_drive_with_addresses(guest: Guest, known: dict[str, str]) -> dict[str, bytes]:
    """The files of the guest's config drive, completed with the addresses of its devices."""
    by_mac = {nic.mac: nic.port_id for nic in guest.nics}
    files = dict(guest.config_drive or {})
    for path, document in _documents(guest).items():
        for device in document.get("devices", ()):
            where = known.get(device.get("serial") or by_mac.get(device.get("mac"), ""), "")
            if where:
                device["bus"], device["address"] = where.split()
        files[path] = json.dumps(document).encode()
    return files


def _documents(guest: Guest) -> dict[str, dict[str, Any]]:
    return {
        path: json.loads(content)
        for path, content in (guest.config_drive or {}).items()
        if path.startswith("openstack/") and path.endswith("/meta_data.json")
    }
