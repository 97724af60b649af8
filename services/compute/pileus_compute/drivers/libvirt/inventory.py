"""What a host has, for the scheduler and for `GET /os-hypervisors`."""

import os
import socket
from pathlib import Path

import libvirt
from defusedxml.ElementTree import fromstring

from pileus_compute.drivers.libvirt.accelerator import Accelerator
from pileus_compute.rpc import Inventory
from pileus_kit.json_types import JsonObject

GIB = 1 << 30


def read(
    conn: libvirt.virConnect,
    processor: JsonObject,
    instances: Path,
    host: str,
    accelerator: Accelerator,
    facts: dict[str, str],
) -> Inventory:
    """The host's inventory. `facts` are added to those that are found here."""
    disk = os.statvfs(instances)
    _, memory_mib, cpus, *_ = conn.getInfo()
    return Inventory(
        vcpus=cpus,
        memory_mib=memory_mib,
        disk_gib=disk.f_blocks * disk.f_frsize // GIB,
        disk_free_gib=disk.f_bavail * disk.f_frsize // GIB,
        hypervisor_type="KVM" if accelerator.kind == "kvm" else "QEMU",
        hypervisor_version=conn.getVersion(),
        hostname=host,
        host_ip=address(),
        cpu_info=processor,
        facts={
            "driver": "libvirt",
            "accelerator": accelerator.kind,
            "accelerator_why": accelerator.why,
            "libvirt": str(conn.getLibVersion()),
            **facts,
        },
    )


def firmware(conn: libvirt.virConnect, accelerator: Accelerator) -> str:
    """The firmware that guests can start with: "bios", and "uefi" if libvirt finds one on the host."""
    known = fromstring(conn.getDomainCapabilities(None, "x86_64", None, accelerator.kind))
    values = [value.text for value in known.iterfind("os/enum[@name='firmware']/value")]
    return "bios uefi" if "efi" in values else "bios"


def processor(conn: libvirt.virConnect) -> JsonObject:
    """The host's CPU, as `Inventory.cpu_info`. It doesn't change, and libvirt takes long to answer: callers ask
    once."""
    cpu = fromstring(conn.getCapabilities()).find("host/cpu")
    if cpu is None:
        return {}
    topology = cpu.find("topology")
    shape = {} if topology is None else {k: int(topology.get(k, "1")) for k in ("sockets", "cores", "threads")}
    return {
        "arch": cpu.findtext("arch", ""),
        "model": cpu.findtext("model", ""),
        "vendor": cpu.findtext("vendor", ""),
        "topology": shape,
        "features": sorted(f.get("name", "") for f in cpu.findall("feature")),
    }


def address() -> str:
    """The address that others reach this host by: the source of its default route, or loopback. Nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return "127.0.0.1"
        return str(probe.getsockname()[0])
