"""Counters of a running guest, for `GET /servers/{id}/diagnostics`."""

import time
from pathlib import Path
from xml.etree.ElementTree import Element

import libvirt

from pileus_compute.drivers.libvirt import power_states
from pileus_compute.rpc import Diagnostics

NIC_COUNTERS = ("rx_octets", "rx_packets", "rx_errors", "rx_drop", "tx_octets", "tx_packets", "tx_errors", "tx_drop")
DISK_COUNTERS = ("read_requests", "read_bytes", "write_requests", "write_bytes", "errors_count")


def read(domain: libvirt.virDomain, xml: Element, kind: str, started: Path) -> Diagnostics:
    """`xml` describes the domain; `kind` is its accelerator; the file `started` was touched when the guest was
    started."""
    memory = domain.memoryStats()
    available, unused = memory.get("available"), memory.get("unused")
    return Diagnostics(
        power=power_states.power(domain),
        uptime_s=int(time.time() - started.stat().st_mtime) if started.exists() else 0,
        cpu_time_ns=_cpu_time_ns(domain),
        memory_mib=domain.maxMemory() // 1024,
        memory_used_mib=None if available is None or unused is None else (available - unused) // 1024,
        disks=tuple(_disk(domain, target) for target in xml.iterfind("devices/disk/target")),
        nics=tuple(_nic(domain, nic) for nic in xml.iterfind("devices/interface")),
        hypervisor=kind,
        config_drive=xml.find("devices/disk[@device='cdrom']") is not None,
    )


def _cpu_time_ns(domain: libvirt.virDomain) -> tuple[int, ...]:
    return tuple(vcpu[2] for vcpu in domain.vcpus()[0])


def _disk(domain: libvirt.virDomain, target: Element) -> dict[str, int]:
    numbers = domain.blockStats(str(target.get("dev")))
    return dict(zip(DISK_COUNTERS, numbers, strict=True))


def _nic(domain: libvirt.virDomain, nic: Element) -> dict[str, str | int | None]:
    mac, target = nic.find("mac"), nic.find("target")
    found: dict[str, str | int | None] = {"mac_address": "" if mac is None else mac.get("address")}
    if target is not None:
        numbers = domain.interfaceStats(str(target.get("dev")))
        rx_bytes, rx_packets, rx_errors, rx_drop, tx_bytes, tx_packets, tx_errors, tx_drop = numbers
        found |= dict(
            zip(
                NIC_COUNTERS,
                (rx_bytes, rx_packets, rx_errors, rx_drop, tx_bytes, tx_packets, tx_errors, tx_drop),
                strict=True,
            )
        )
    return found
