"""Snapshots inside the qcow2 file of an attached volume.

QEMU has the file open, so QEMU has to make them. libvirt has no call for one disk, but QEMU's monitor has
(`blockdev-snapshot-internal-sync`, qemu docs/interop/qemu-qmp-ref).
"""

import json
from typing import Any

import libvirt

from pileus_compute.drivers.libvirt import device_xml, hotplug
from pileus_compute.drivers.libvirt.connection import Connection
from pileus_compute.errors import GuestUnsupported, HypervisorFailed
from pileus_kit.json_types import JsonObject


def create(connection: Connection, domain: libvirt.virDomain, volume_id: str, name: str) -> None:
    """Make the snapshot unless the file has one of this name. Raises GuestUnsupported."""
    node = _node(connection, domain, volume_id)
    if name not in [s["name"] for s in node["image"].get("snapshots", ())]:
        _monitor(connection, domain, "blockdev-snapshot-internal-sync", device=node["node-name"], name=name)


def delete(connection: Connection, domain: libvirt.virDomain, volume_id: str, name: str) -> None:
    """Remove the snapshot if the file has it. Raises GuestUnsupported."""
    node = _node(connection, domain, volume_id)
    if name in [s["name"] for s in node["image"].get("snapshots", ())]:
        _monitor(connection, domain, "blockdev-snapshot-delete-internal-sync", device=node["node-name"], name=name)


def _node(connection: Connection, domain: libvirt.virDomain, volume_id: str) -> JsonObject:
    """What QEMU says of the volume's file, with its name for it."""
    alias = device_xml.volume_alias(volume_id)
    disk = hotplug.find(hotplug.description(domain), "disk", alias)
    driver = None if disk is None else disk.find("driver")
    if driver is None or driver.get("type") != "qcow2":
        raise GuestUnsupported(
            guest=domain.UUIDString(),
            what="a snapshot inside a volume",
            why=f"volume {volume_id} is not attached as a qcow2 file",
        )
    for device in _monitor(connection, domain, "query-block"):
        if alias in device.get("qdev", "").split("/") and "inserted" in device:
            node: JsonObject = device["inserted"]
            return node
    raise HypervisorFailed(what="find the volume", why=f"QEMU has no device {alias}")


def _monitor(connection: Connection, domain: libvirt.virDomain, command: str, **arguments: str) -> Any:
    import libvirt_qemu

    with connection.doing(command):
        request = json.dumps({"execute": command, "arguments": arguments} if arguments else {"execute": command})
        answer = json.loads(libvirt_qemu.qemuMonitorCommand(domain, request, 0))
    if "error" in answer:
        raise HypervisorFailed(what=command, why=answer["error"].get("desc", "QEMU gives no reason"))
    return answer["return"]
