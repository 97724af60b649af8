"""A copy of the root disk as it was at one moment, while the guest goes on.

A running guest's disk is mirrored into a new file, and the mirror is ended when both are the same. The guest's own disk
stays one file all the time, so nothing has to be repaired if the host dies meanwhile: the mirror ends with the guest.
"""

import logging
import time
from pathlib import Path
from xml.etree.ElementTree import Element, SubElement

import libvirt

from pileus_compute.drivers.libvirt import device_xml, hotplug, power_states
from pileus_compute.drivers.libvirt.connection import Connection
from pileus_compute.drivers.qemu import qemu_img
from pileus_compute.drivers.qemu.disks import GuestFiles, virtual_size
from pileus_compute.errors import GuestUnsupported, HypervisorFailed

log = logging.getLogger(__name__)

POLL_S = 0.1
STALLED_S = 120
"""A mirror that makes no progress for this long is given up."""


def take(connection: Connection, domain: libvirt.virDomain, files: GuestFiles, into: Path, format: str) -> None:
    """Write the root disk to the new file `into`: qcow2 or raw, without a backing file. Raises GuestUnsupported if it
    is a volume."""
    root, target = files.root, qemu_img.Disk(into, format)
    if not root.exists():
        raise GuestUnsupported(guest=domain.UUIDString(), what="an image of the root disk", why="it is a volume")
    size = virtual_size(root)
    if not power_states.active(domain):
        return qemu_img.convert(files.overlay(root), target, size)
    mirror = into.with_suffix(".mirror")
    try:
        with connection.doing("mirror the root disk"):
            _mirror(domain, _target(domain, root), mirror)
        qemu_img.convert(qemu_img.Disk(mirror, "qcow2"), target, size)  # leaves out what is zero
    finally:
        mirror.unlink(missing_ok=True)


def _target(domain: libvirt.virDomain, root: Path) -> str:
    for disk in hotplug.description(domain).iterfind("devices/disk"):
        source, target = disk.find("source"), disk.find("target")
        if source is not None and target is not None and source.get("file") == str(root):
            return str(target.get("dev"))
    raise HypervisorFailed(what="mirror the root disk", why="the guest doesn't run on it")


def _mirror(domain: libvirt.virDomain, device: str, into: Path) -> None:
    if domain.blockJobInfo(device, 0):  # left by an agent that was killed
        domain.blockJobAbort(device, 0)
    into.unlink(missing_ok=True)
    copy = Element("disk", type="file")
    SubElement(copy, "source", file=str(into))
    SubElement(copy, "driver", type="qcow2")
    domain.blockCopy(device, device_xml.text(copy), {}, libvirt.VIR_DOMAIN_BLOCK_COPY_TRANSIENT_JOB)
    try:
        _wait(domain, device)
    finally:
        if domain.isActive() and domain.blockJobInfo(device, 0):
            domain.blockJobAbort(device, 0)  # ending a mirror that is ready leaves the whole copy


def abandon(domain: libvirt.virDomain) -> None:
    """End a mirror that no call waits for any more: it would copy every write of the guest for ever."""
    if not power_states.active(domain):
        return
    for disk in hotplug.description(domain).iterfind("devices/disk"):
        target = disk.find("target")
        if disk.find("mirror") is not None and target is not None:
            log.info("guest %s: ending an abandoned mirror of %s", domain.UUIDString(), target.get("dev"))
            domain.blockJobAbort(str(target.get("dev")), 0)


def _wait(domain: libvirt.virDomain, device: str) -> None:
    seen, since = -1, time.monotonic()
    while True:
        job = domain.blockJobInfo(device, 0)
        if not job:
            raise HypervisorFailed(what="mirror the root disk", why="the mirror ended early (is the disk full?)")
        if job["end"] and job["cur"] == job["end"] and _ready(domain, device):
            return
        if job["cur"] != seen:
            seen, since = job["cur"], time.monotonic()
        elif time.monotonic() - since > STALLED_S:
            raise HypervisorFailed(what="mirror the root disk", why=f"it makes no progress at {seen} bytes")
        time.sleep(POLL_S)


def _ready(domain: libvirt.virDomain, device: str) -> bool:
    """Whether the mirror may be ended. QEMU says so some time after the last byte; ending it before loses the copy."""
    for disk in hotplug.description(domain).iterfind("devices/disk"):
        target, mirror = disk.find("target"), disk.find("mirror")
        if target is not None and target.get("dev") == device:
            return mirror is not None and mirror.get("ready") == "yes"
    return False
